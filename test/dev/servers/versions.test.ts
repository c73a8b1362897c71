import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../../support/run-node';

interface Pinned {
  version: string;
  module: string;
  package: string;
}

const versions = Object.entries(
  JSON.parse(fs.readFileSync(path.join(ROOT, 'dev', 'servers', 'versions.json'), 'utf8')) as Record<
    string,
    Pinned
  >,
);

describe.each(versions)('servers/%s', (name, { version, module, package: pkg }) => {
  const read = (file: string) =>
    fs.readFileSync(path.join(ROOT, 'dev', 'servers', 'modules', name, file), 'utf8');

  test('go.mod requires the version of versions.json', () => {
    expect(read('go.mod')).toMatch(
      new RegExp(
        `^require ${escape(module)} v${escape(version)}$|^\\s+${escape(module)} v${escape(version)}$`,
        'm',
      ),
    );
    expect(read('go.mod')).toMatch(new RegExp(`^tool ${escape(pkg)}$`, 'm'));
  });

  test('go.sum contains the hash of its source, so that the build can be read-only', () => {
    expect(read('go.sum')).toMatch(new RegExp(`^${escape(module)} v${escape(version)} h1:`, 'm'));
  });
});

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
