import { ConfigError } from '../../src/config/errors';
import type { ConfigSources } from '../../src/config/load';
import { allKeys } from '../../src/config/keys';
import type { Role } from '../../src/contract/ids';
import { formatConfig, jsonOfConfig, readEffectiveConfig } from '../../src/cli/config';
import { configFile, removeConfigFiles, section, SECRET } from '../config/fixtures';

afterAll(removeConfigFiles);

type Shown = Record<string, { value?: unknown; secret?: true; set?: boolean; source: string }>;

/** What Temporal's own standard reads is the environment of the process. */
function withEnvironment<T>(env: NodeJS.ProcessEnv, work: () => T): T {
  const mock = jest.replaceProperty(process, 'env', {
    HOME: '/nowhere',
    XDG_CONFIG_HOME: '/nowhere',
    ...env,
  });
  try {
    return work();
  } finally {
    mock.restore();
  }
}

/** Both forms, with files named without their folder. */
function show(
  role: Role | undefined,
  content: object | string,
  { env = {}, flags = {} }: Partial<ConfigSources> = {},
  name = 'x.json',
): { keys: Shown; table: string; warnings: readonly string[] } {
  const file = configFile(content, name);
  return withEnvironment(env, () => {
    const effective = readEffectiveConfig(role, { file, env, flags });
    const bare = (text: string): string => text.replaceAll(file, name);
    const json = JSON.parse(bare(jsonOfConfig(effective))) as { keys: Shown };
    return { keys: json.keys, table: bare(formatConfig(effective)), warnings: effective.warnings };
  });
}

const BOTH = { origin: section(), destination: section() };

describe('readEffectiveConfig', () => {
  it('returns each value in its normal form, with its source', () => {
    const { keys } = show(
      'destination',
      {
        name: 'site1',
        origin: section({ tick: '90s', mounts: ['a', 'b/'], consul: { address: 'c:1' } }),
        destination: section({ syncPath: 'x', vault: { address: 'https://v/', token: 't' } }),
      },
      {
        env: { VSYNC_DESTINATION_NUMWORKERS: '7', vsync_origin_timeout: '1h' },
        flags: { 'log.level': 'debug', 'destination.vault.role_id': 'r' },
      },
    );
    expect(keys).toMatchObject({
      name: { value: 'site1', source: 'file x.json' },
      'log.level': { value: 'debug', source: 'flag --log.level' },
      'log.type': { value: 'console', source: 'default' },
      numBuckets: { value: 1, source: 'default' },
      'origin.consul.address': { value: 'http://c:1', source: 'file x.json' },
      'origin.mounts': { value: ['a/', 'b/'], source: 'file x.json' },
      'origin.tick': { value: '1m30s', source: 'file x.json' },
      'origin.timeout': { value: '1h', source: 'environment vsync_origin_timeout' },
      'origin.numWorkers': { value: null, source: 'default' },
      'destination.vault.address': { value: 'https://v', source: 'file x.json' },
      'destination.vault.approle.role_id': { value: 'r', source: 'flag --destination.vault.role_id' },
      'destination.syncPath': { value: 'x/', source: 'file x.json' },
      'destination.numWorkers': { value: 7, source: 'environment VSYNC_DESTINATION_NUMWORKERS' },
      'destination.tick': { value: '1m', source: 'default' },
      'destination.renewToken': { value: true, source: 'default' },
      'destination.transforms': { value: [], source: 'default' },
    });
  });

  it('returns every key of a destination, and for an origin those of the origin', () => {
    const expected = allKeys()
      .filter(({ kind, path }) => kind !== 'section' && !path.startsWith('destination.transforms.'))
      .map(({ path }) => path);
    expect(Object.keys(show(undefined, BOTH).keys)).toEqual(expected);
    expect(Object.keys(show('origin', BOTH).keys)).toEqual(
      expected.filter((path) => !path.startsWith('destination.')),
    );
  });

  it.each([
    ['origin', undefined, { origin: section() }],
    ['destination', undefined, BOTH],
    ['origin', 'origin', BOTH],
  ] as const)('chooses the role from the sections and --role: %s', (name, role, content) => {
    const { keys, table } = show(role, content);
    expect(keys['name']).toEqual({ value: name, source: 'default' });
    expect(table).toMatch(new RegExp(`^${name} ${name}\\n  name +${name} +default\\n`));
  });

  it('refuses a wrong configuration as every other command does', () => {
    expect(() => show('destination', { origin: section() })).toThrow(ConfigError);
  });

  it('returns the warnings', () => {
    const vault = { address: 'http://a', token: SECRET, approle: { role_id: 'r' } };
    const { warnings } = show('origin', { origin: section({ vault }) }, { env: { VSYNC_ZZZ: SECRET } });
    expect(warnings).toEqual([
      'environment VSYNC_ZZZ is not a key of vsync and is ignored',
      expect.stringContaining('origin.vault.approle.role_id') as string,
    ]);
  });
});

describe('formatConfig', () => {
  it('prints a table of key, value and source', () => {
    const transforms = [
      { name: 'by team', from: '^a/(?P<rest>.+)$', to: 'b/rest' },
      { name: 'x', from: '(?P<a>\\w)', to: 'a' },
    ];
    const { table } = show('destination', {
      origin: section({ mounts: ['a/', 'b/'] }),
      destination: section({ transforms }),
    });
    const lines = table.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(lines).toEqual(
      expect.arrayContaining([
        ['origin.vault.token', '(set, not shown)', 'file x.json'],
        ['origin.consul.token', '(not set)', 'default'],
        ['origin.numWorkers', '(not set)', 'default'],
        ['origin.mounts', 'a/, b/', 'file x.json'],
        ['origin.exclude', '(none)', 'default'],
        ['origin.renewToken', 'true', 'default'],
        ['destination.transforms[0].name', 'by team', 'file x.json'],
        ['destination.transforms[0].from', '^a/(?P<rest>.+)$', 'file x.json'],
        ['destination.transforms[1].to', 'a', 'file x.json'],
      ]),
    );
  });

  it('quotes text that could confuse a terminal', () => {
    const { table } = show('origin', { origin: section({ mounts: ['a\u001b[2Jb\nc/'] }) });
    expect(table).toContain('origin.mounts                   "a\\u001b[2Jb\\nc/"');
  });
});

describe("readEffectiveConfig with Temporal's own standard configuration", () => {
  it.each([
    ['the default', {}, { value: 'localhost:7233', source: 'default' }],
    [
      'its environment',
      { TEMPORAL_ADDRESS: 't:1' },
      { value: 't:1', source: 'environment TEMPORAL_ADDRESS' },
    ],
    [
      'ours beats it',
      { TEMPORAL_ADDRESS: 't:1', VSYNC_TEMPORAL_ADDRESS: 't:2' },
      { value: 't:2', source: 'environment VSYNC_TEMPORAL_ADDRESS' },
    ],
  ])('takes the address: %s', (_reason, env, expected) => {
    expect(show('origin', BOTH, { env }).keys['temporal.address']).toEqual(expected);
  });

  it('takes the namespace, TLS, and an API key without its value', () => {
    const env = { TEMPORAL_NAMESPACE: 'n', TEMPORAL_TLS: 'true', TEMPORAL_API_KEY: SECRET };
    const { keys, table } = show('origin', BOTH, { env });
    expect(keys).toMatchObject({
      'temporal.namespace': { value: 'n', source: 'environment TEMPORAL_NAMESPACE' },
      'temporal.tls': { value: true, source: 'environment TEMPORAL_TLS' },
      'temporal.apiKeyFile': { secret: true, set: true, source: 'environment TEMPORAL_API_KEY' },
    });
    expect(table + JSON.stringify(keys)).not.toContain('CAES');
  });

  it('takes its profile', () => {
    const profile = configFile('[profile.default]\naddress = "p:1"\n', 'temporal.toml');
    const { keys } = show('origin', BOTH, { env: { TEMPORAL_CONFIG_FILE: profile } });
    expect(keys['temporal.address']).toEqual({ value: 'p:1', source: "Temporal's own configuration" });
  });
});

describe('vsync config shows no secret, whatever it is and wherever it comes from', () => {
  const secretKeys = allKeys().filter(({ secret }) => secret);
  /** Neither a part nor the length may show: all of them are different. */
  const PLANTED = secretKeys.map((_, number) => `planted-secret-${'x'.repeat(number)}4711`);
  const planted = new Map(secretKeys.map(({ path }, number) => [path, PLANTED[number] ?? '']));
  const vault = (side: string): object => ({
    address: 'https://a',
    token: planted.get(`${side}.vault.token`),
    approle: { role_id: 'r', secret_id: planted.get(`${side}.vault.approle.secret_id`) },
  });
  const side = (name: string): object =>
    section({
      vault: vault(name),
      consul: { address: 'c:1', token: planted.get(`${name}.consul.token`) },
      ...(name === 'origin' && {
        feed: { http: { listen: 'l:1', token: planted.get('origin.feed.http.token') } },
      }),
    });
  const bare = section({ vault: { address: 'https://a' } });
  const bareOrigin = section({ vault: { address: 'https://a' }, feed: { http: { listen: 'l:1' } } });
  const asEnvironment = Object.fromEntries(
    [...planted].map(([path, value]) => [`VSYNC_${path.toUpperCase().replaceAll('.', '_')}`, value]),
  );

  it.each<[string, object | string, Partial<ConfigSources>, string]>([
    ['JSON', { origin: side('origin'), destination: side('destination') }, {}, 'x.json'],
    ['YAML', JSON.stringify({ origin: side('origin'), destination: side('destination') }), {}, 'x.yaml'],
    ['HCL', JSON.stringify({ origin: side('origin'), destination: side('destination') }), {}, 'x.hcl'],
    ['the environment', { origin: bareOrigin, destination: bare }, { env: asEnvironment }, 'x.json'],
    ['flags', { origin: bareOrigin, destination: bare }, { flags: Object.fromEntries(planted) }, 'x.json'],
  ])('from %s', (_source, content, sources, name) => {
    const { keys, table, warnings } = show('destination', content, sources, name);
    const all = [table, JSON.stringify(keys), ...warnings].join('\n');
    expect(all).not.toContain('planted');
    expect(all).not.toContain('4711');
    for (const [path] of planted) expect(keys[path]).toMatchObject({ secret: true, set: true });
    expect(table.match(/\(set, not shown\)/g)).toHaveLength(planted.size);
  });
});
