import fs from 'node:fs';
import path from 'node:path';
import { findTemporal, runDevServer } from '../../src/cli/dev-server';
import { UserError } from '../../src/errors';
import { makeTempFolder, writeExecutable } from '../support/run-node';

let folder: string;
beforeEach(() => {
  folder = makeTempFolder();
  jest.spyOn(console, 'error').mockReturnValue();
});
afterEach(() => {
  jest.restoreAllMocks();
  fs.rmSync(folder, { recursive: true });
});

const add = (...parts: string[]): string => writeExecutable(path.join(folder, ...parts), '');

describe('findTemporal', () => {
  test('takes the first on PATH, else the newest in the cache folder', () => {
    const env = { PATH: `/none:${folder}/bin`, XDG_CACHE_HOME: `${folder}/cache` };
    add('cache', 'vsync', 'servers', 'temporal-1.5.1', 'temporal');
    const newest = add('cache', 'vsync', 'servers', 'temporal-1.10.0', 'temporal');
    fs.mkdirSync(path.join(folder, 'cache', 'vsync', 'servers', 'temporal-1.11.0'));
    expect(findTemporal(env)).toBe(newest);
    expect(findTemporal({ ...env, PATH: `${folder}/bin:/none`, VSYNC_SERVERS_DIR: '' })).toBe(newest);
    const onPath = add('bin', 'temporal');
    expect(findTemporal(env)).toBe(onPath);
  });

  test('explains how to get it', () => {
    const env = { PATH: folder, VSYNC_SERVERS_DIR: `${folder}/servers` };
    expect(() => findTemporal(env)).toThrow(
      new RegExp(`not on PATH, and not in ${folder}/servers\\. Install .*, or run "npm run servers"`),
    );
    expect(() => findTemporal(env)).toThrow(UserError);
  });
});

test('runDevServer starts it on 127.0.0.1 with a database in a folder of its own, and reports how it ended', async () => {
  const log = path.join(folder, 'arguments');
  const script = `require('node:fs').writeFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(' ')); process.exit(3);`;
  writeExecutable(path.join(folder, 'bin', 'temporal'), script);
  const env = { PATH: path.join(folder, 'bin'), XDG_STATE_HOME: path.join(folder, 'state') };
  await expect(runDevServer({ uiPort: 8300 }, env)).rejects.toThrow(
    /ended with exit code 3;.*--port and --ui-port/,
  );
  expect(fs.readFileSync(log, 'utf8')).toBe(
    'server start-dev --ip 127.0.0.1 --port 7233 --ui-ip 127.0.0.1 --ui-port 8300 ' +
      `--db-filename ${folder}/state/vsync/temporal.db --log-level warn`,
  );
  expect(fs.statSync(path.join(folder, 'state', 'vsync')).mode & 0o777).toBe(0o700);
});
