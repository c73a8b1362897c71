import { fingerprint, fingerprintParts } from '../../src/config/fingerprint';
import { loadConfig } from '../../src/config/load';
import { configFile, removeConfigFiles, section, SECRET } from './fixtures';

afterAll(removeConfigFiles);

const CLUSTERS = { origin: 'cluster-a', destination: 'cluster-b' };
const RULE = { name: 'x', from: '(?P<a>x)', to: 'a' };

function destination(overrides: object = {}, top: object = {}, clusters = CLUSTERS): string {
  const file = configFile({
    origin: section(),
    destination: section({ mounts: ['a/', 'b/'], ...overrides }),
    ...top,
  });
  return fingerprint(loadConfig('destination', { file, env: {} }).config, clusters);
}

describe('fingerprint', () => {
  it('is a sha256 in lower-case hex', () => {
    expect(destination()).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['the logins', { vault: { address: 'https://other', approle: { role_id: 'r', secret_id: SECRET } } }, {}],
    ['the addresses of Consul', { consul: { address: 'other:1', token: SECRET } }, {}],
    ['times and workers', { tick: '10s', timeout: '1h', numWorkers: 9, renewToken: false }, {}],
    ['name, log and Temporal', {}, { name: 'x', log: { level: 'debug' }, temporal: { address: 't:1' } }],
    ['the order of mounts', { mounts: ['b', 'a'] }, {}],
    ['filters that are empty', { include: [], exclude: [] }, {}],
    [
      "the origin's filters, which a destination does not read",
      {},
      { origin: section({ exclude: ['a/**'] }) },
    ],
  ])('does not change with %s', (_reason, overrides, top) => {
    expect(destination(overrides, top)).toBe(destination());
  });

  it.each([
    ['mounts', destination({ mounts: ['a/'] })],
    ['sync path', destination({ syncPath: 'other/' })],
    ['namespace', destination({ vault: { address: 'https://a', token: 't', namespace: 'n' } })],
    ['transforms', destination({ transforms: [RULE] })],
    ['include', destination({ include: ['a/**'] })],
    ['exclude', destination({ exclude: ['a/**'] })],
    ['the origin', destination({}, { origin: section({ mounts: ['other/'] }) })],
    ["the origin's cluster", destination({}, {}, { ...CLUSTERS, origin: 'c' })],
    ["the destination's cluster", destination({}, {}, { ...CLUSTERS, destination: 'c' })],
    ['clusters that changed places', destination({}, {}, { origin: 'cluster-b', destination: 'cluster-a' })],
  ])('changes with %s', (_reason, changed) => {
    expect(changed).not.toBe(destination());
  });

  it.each(['', '/', 'root', 'root/'])(
    'is the same for every spelling of the root namespace: "%s"',
    (namespace) => {
      expect(destination({ vault: { address: 'https://a', token: 't', namespace } })).toBe(destination());
    },
  );

  it('does not change with the name of a transform, but with the order of transforms', () => {
    const other = { ...RULE, to: 'b/a' };
    expect(destination({ transforms: [{ ...RULE, name: 'y' }] })).toBe(destination({ transforms: [RULE] }));
    expect(destination({ transforms: [RULE, other] })).not.toBe(destination({ transforms: [other, RULE] }));
  });

  it('changes with the filters of an origin, but not with their order', () => {
    const origin = (overrides: object): string => {
      const file = configFile({ origin: section(overrides) });
      return fingerprint(loadConfig('origin', { file, env: {} }).config, CLUSTERS);
    };
    const variants = [
      {},
      { include: ['a/**'] },
      { exclude: ['a/**'] },
      { include: ['a/**'], exclude: ['a/**'] },
      { include: ['a/**', 'b/**'] },
    ];
    expect(new Set(variants.map(origin)).size).toBe(variants.length);
    expect(origin({ include: ['b/**', 'a/**'] })).toBe(origin({ include: ['a/**', 'b/**'] }));
  });

  it('differs for an origin and a destination, and contains no secret', () => {
    const { config } = loadConfig('origin', { file: configFile({ origin: section() }), env: {} });
    expect(fingerprintParts(config, { origin: 'cluster-a' })).toEqual({
      role: 'origin',
      sides: { origin: { cluster: 'cluster-a', namespace: '', mounts: ['secret/'], syncPath: 'vsync/' } },
      transforms: [],
    });
  });
});
