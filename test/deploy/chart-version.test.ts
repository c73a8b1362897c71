import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../support/run-node';

test.each(['syncer', 'vsync'])('the chart %s runs the image of this version', (chart) => {
  const read = (...parts: string[]) => fs.readFileSync(path.join(ROOT, ...parts), 'utf8');
  const { appVersion } = parse(read('deploy', 'helm', chart, 'Chart.yaml')) as { appVersion: string };
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(appVersion).toBe(version);
});
