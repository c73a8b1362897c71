import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from '../../../src/config/errors';
import { loadDestinations } from '../../../src/syncer/secrets/load';

const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-load-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function written(name: string, content: object): string {
  const file = path.join(folder, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const side = (address: string): object => ({
  vault: { address, token: 'planted-token' },
  consul: { address: 'http://127.0.0.1:8500' },
  mounts: ['secret/'],
  syncPath: 'vsync/',
});

describe('loadDestinations', () => {
  test('loads each file as that of a destination, with its warnings', () => {
    const files = ['site1', 'site2'].map((name) =>
      written(`${name}.json`, {
        name,
        log: { level: 'loud' },
        origin: side('http://127.0.0.1:8200'),
        destination: side('http://127.0.0.1:8201'),
      }),
    );
    const { configs, warnings } = loadDestinations(files, {});
    expect(configs.map(({ role, name }) => [role, name])).toEqual([
      ['destination', 'site1'],
      ['destination', 'site2'],
    ]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`${files[0] ?? ''}: log.level`);
  });

  test('reports the problems of all files at once, each with its file', () => {
    const files = [
      written('lacking.json', { origin: side('http://127.0.0.1:8200') }),
      written('wrong.json', { origin: side('nowhere'), destination: side('http://127.0.0.1:8201') }),
    ];
    const load = (): unknown => loadDestinations(files, {});
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/destination\.vault\.address: is missing[^\n]* \(file \S+lacking\.json\)/);
    expect(load).toThrow(/origin\.vault\.address \(file \S+wrong\.json\)/);
    expect(load).not.toThrow(/planted-token/);
  });
});
