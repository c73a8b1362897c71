import { allKeys, nearestKey } from '../../src/config/keys';
import { syncInfoPath } from '../../src/config/schema';
import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, section } from './fixtures';

afterAll(removeConfigFiles);

describe('allKeys', () => {
  it('have a description each', () => {
    expect(allKeys().filter(({ description }) => !description)).toEqual([]);
  });

  it('mark the secret ones', () => {
    const secret = allKeys().filter((key) => key.secret);
    expect(secret.map(({ path }) => path)).toEqual(
      ['origin', 'destination'].flatMap((side) => [
        `${side}.vault.token`,
        `${side}.vault.approle.secret_id`,
        `${side}.consul.token`,
        ...(side === 'origin' ? ['origin.feed.http.token'] : []),
      ]),
    );
  });

  it.each([
    ['numBuckets', 'number', 1],
    ['ignoreDeletes', 'boolean', false],
    ['log.level', 'text', 'info'],
    ['origin.vault.approle.path', 'text', 'approle'],
    ['origin.mounts', 'list', undefined],
    ['origin.syncPath', 'text', 'vsync/'],
    ['origin.tick', 'duration', '1m'],
    ['destination.timeout', 'duration', '5m'],
    ['destination.transforms', 'rules', []],
    ['temporal.tls', 'boolean', undefined],
  ])('have kind and default of %s', (path, kind, defaultValue) => {
    expect(allKeys().find((key) => key.path === path)).toMatchObject({ kind, defaultValue });
  });
});

describe('nearestKey', () => {
  const KNOWN = [
    'name',
    'log.level',
    'origin.vault.token',
    'origin.mounts',
    'destination.mounts',
    'destination.tick',
  ];
  it.each([
    ['nmae', 'name'],
    ['NAME', 'name'],
    ['names', 'name'],
    ['loglevel', 'log.level'],
    ['origin.tick', 'destination.tick'],
    ['destination.vault.mounts', 'destination.mounts'],
    ['origin.vault.mounts', 'origin.mounts'],
    ['xy', undefined],
    ['', undefined],
  ])('for %s is %s', (unknown, expected) => {
    expect(nearestKey(unknown, KNOWN)).toBe(expected);
  });
});

it('syncInfoPath contains the path and the name of the side', () => {
  const file = configFile({ origin: section({ syncPath: 'a' }), destination: section() });
  const { config } = loadConfig('destination', { file, env: {} });
  expect(syncInfoPath(config, 'origin')).toBe('a/origin/');
  expect(syncInfoPath(config, 'destination')).toBe('vsync/destination/');
  expect(syncInfoPath(loadConfig('origin', { file, env: {} }).config, 'origin')).toBe('a/origin/');
});
