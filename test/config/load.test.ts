import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../src/config/load';
import { configFile, problemsOf, removeConfigFiles, section, SECRET } from './fixtures';

afterAll(removeConfigFiles);

const ORIGIN = { origin: section() };
const BOTH = { origin: section(), destination: section() };

describe('loadConfig', () => {
  it('fills in the defaults of an origin', () => {
    const { config, warnings } = loadConfig('origin', { file: configFile(ORIGIN), env: {} });
    expect({ config, warnings }).toEqual({
      config: {
        role: 'origin',
        name: 'origin',
        log: { level: 'info', type: 'console', changes: false },
        numBuckets: 1,
        syncMetadata: false,
        ignoreDeletes: false,
        metrics: {},
        temporal: {},
        origin: {
          vault: {
            address: 'https://vault.example.com:8200',
            namespace: '',
            auth: { kind: 'token', token: `${SECRET}-token` },
          },
          consul: { address: 'http://consul.example.com:8500', token: '' },
          mounts: ['secret/'],
          include: [],
          exclude: [],
          syncPath: 'vsync/',
          tickMs: 60_000,
          timeoutMs: 300_000,
          renewToken: true,
        },
      },
      warnings: [],
    });
  });

  it('reads every key of a destination', () => {
    const file = configFile({
      name: 'site.b_1-x',
      log: { level: 'debug', type: 'json' },
      numBuckets: 7000,
      ignoreDeletes: true,
      origin: section({
        vault: {
          address: 'http://127.0.0.1:8200',
          approle: { path: '/auth/x/', role_id: 'r', secret_id: 's' },
        },
        consul: { address: 'https://consul.example.com/', dc: 'dc1', token: 'c' },
      }),
      destination: section({
        vault: {
          address: 'http://[::1]:8200',
          token: 't',
          namespace: '/team//a/',
          authNamespace: 'root',
          caFile: 'ca.pem',
        },
        mounts: ['secret', 'team/kv/'],
        syncPath: 'sync/b',
        numWorkers: 5,
        tick: '10s',
        timeout: '1m30s',
        renewToken: false,
        transforms: [{ name: 'v1->v2', from: '(?P<mount>secret)/(?P<rest>.*)', to: 'mount/v2/rest' }],
      }),
      temporal: {
        address: 'temporal.example.com:7233',
        namespace: 'vsync',
        apiKeyFile: 'key',
        tls: { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem', serverName: 'temporal' },
      },
    });
    const { config } = loadConfig('destination', { file, env: {} });
    expect(config).toMatchObject({
      role: 'destination',
      name: 'site.b_1-x',
      log: { level: 'debug', type: 'json' },
      numBuckets: 7000,
      ignoreDeletes: true,
      origin: {
        vault: { auth: { kind: 'approle', path: 'auth/x', roleId: 'r', secretId: 's' } },
        consul: { address: 'https://consul.example.com', dc: 'dc1', token: 'c' },
      },
      destination: {
        vault: { address: 'http://[::1]:8200', namespace: 'team/a', authNamespace: '', caFile: 'ca.pem' },
        mounts: ['secret/', 'team/kv/'],
        syncPath: 'sync/b/',
        numWorkers: 5,
        tickMs: 10_000,
        timeoutMs: 90_000,
        renewToken: false,
        transforms: [{ name: 'v1->v2', from: '(?P<mount>secret)/(?P<rest>.*)', to: 'mount/v2/rest' }],
      },
      temporal: {
        address: 'temporal.example.com:7233',
        namespace: 'vsync',
        apiKeyFile: 'key',
        tls: { caFile: 'ca.pem', certFile: 'cert.pem', keyFile: 'key.pem', serverName: 'temporal' },
      },
    });
  });

  it.each([
    [
      'config.yaml',
      `origin:\n  vault: {address: 'http://a', token: t}\n  consul: {address: c:1}\n  mounts:\n    - a/\n  tick: 10s\n`,
    ],
    [
      'config.YML',
      `origin:\n  vault: {address: 'http://a', token: t}\n  consul: {address: c:1}\n  mounts: [a/]\n  tick: 10s\n`,
    ],
    [
      'config.hcl',
      'origin {\n vault { address = "http://a" token = "t" }\n consul { address = "c:1" }\n mounts = ["a/"]\n tick = "10s"\n}',
    ],
    [
      'config.json',
      '{"origin":{"vault":{"address":"http://a","token":"t"},"consul":{"address":"c:1"},"mounts":["a/"],"tick":"10s"}}',
    ],
  ])('reads %s', (name, text) => {
    expect(loadConfig('origin', { file: configFile(text, name), env: {} }).config.origin).toMatchObject({
      vault: { address: 'http://a', auth: { kind: 'token', token: 't' } },
      consul: { address: 'http://c:1' },
      mounts: ['a/'],
      tickMs: 10_000,
    });
  });

  it('reads transforms of HCL, as a list or as blocks', () => {
    const base = `
      origin { vault { address = "http://a" token = "t" } consul { address = "c:1" } mounts = ["a/"] }
      destination { vault { address = "http://b" token = "t" } consul { address = "c:1" } mounts = ["a/"] @ }`;
    const rule = 'name = "x" from = "(?P<a>\\\\w+)" to = "a"';
    for (const transforms of [`transforms = [{ ${rule} }]`, `transforms { ${rule} }`]) {
      const file = configFile(base.replace('@', transforms), 'config.hcl');
      const { config } = loadConfig('destination', { file, env: {} });
      expect(config.destination.transforms).toEqual([{ name: 'x', from: '(?P<a>\\w+)', to: 'a' }]);
    }
  });

  it('accepts keys in any case, and text for numbers, booleans and lists, as the original', () => {
    const file = configFile({
      NUMBUCKETS: '19',
      ignoredeletes: 'true',
      Origin: section({ NumWorkers: '3', mounts: 'a/, b/ c/', renewToken: 'F' }),
    });
    expect(loadConfig('origin', { file, env: {} }).config).toMatchObject({
      numBuckets: 19,
      ignoreDeletes: true,
      origin: { numWorkers: 3, mounts: ['a/', 'b/', 'c/'], renewToken: false },
    });
  });

  it('counts empty text and null as not given', () => {
    const file = configFile({
      name: '',
      log: null,
      origin: section({ consul: { address: 'c:1', dc: '', token: null } }),
    });
    const { config } = loadConfig('origin', { file, env: {} });
    expect(config).toMatchObject({ name: 'origin', log: { level: 'info' } });
    expect(config.origin.consul).toEqual({ address: 'http://c:1', token: '' });
  });

  it('does not need a destination for an origin, and reads one file for both roles', () => {
    const file = configFile({ ...BOTH, destination: { tick: 'never' } });
    expect(loadConfig('origin', { file, env: {} }).config).not.toHaveProperty('destination');
  });

  it.each([
    ['only the origin', ORIGIN, 'origin'],
    ['both', BOTH, 'destination'],
  ])('takes the role from the sections of the file: %s', (_reason, content, role) => {
    const env = { VSYNC_DESTINATION_VAULT_TOKEN: 't' };
    expect(loadConfig(undefined, { file: configFile(content), env }).config.role).toBe(role);
  });

  it('reads the file of VSYNC_CONFIG, and needs none', () => {
    expect(
      loadConfig('origin', { env: { VSYNC_CONFIG: configFile({ ...ORIGIN, name: 'n' }) } }).config.name,
    ).toBe('n');
    const env = {
      VSYNC_ORIGIN_VAULT_ADDRESS: 'http://a',
      VSYNC_ORIGIN_VAULT_TOKEN: 't',
      VSYNC_ORIGIN_CONSUL_ADDRESS: 'c:1',
      VSYNC_ORIGIN_MOUNTS: 'a/',
    };
    expect(loadConfig('origin', { env }).config.origin.mounts).toEqual(['a/']);
  });
});

describe('loadConfig', () => {
  const warningsOf = (content: object, role: 'origin' | 'destination'): string[] =>
    loadConfig(role, { file: configFile(content), env: {} }).warnings.map((warning) =>
      warning.replace(/file \S*\//g, 'file '),
    );

  it('accepts values that the original silently accepts, with one warning each', () => {
    const content = {
      log: { level: SECRET, type: 'xml' },
      origin: section({ tick: SECRET, timeout: '10', numWorkers: SECRET, mounts: ['a', 'b/', 'a/'] }),
      destination: section({ transforms: [{ from: 's.*', to: 'a' }] }),
      'origin.syncPath': 'x/',
      'origin.consul': { address: 'c:1' },
    };
    const warnings = warningsOf(content, 'destination');
    expect(warnings).toEqual([
      'origin.consul.address (file config.json) is written twice; the one with more dots is used',
      'log.level (file config.json) is not debug, info, warn or error; it counts as info, as in the original vsync',
      'log.type (file config.json) is not console or json; it counts as console, as in the original vsync',
      'origin.tick (file config.json) is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h; it is ignored, because a destination does not need it',
      'origin.timeout (file config.json) has no unit; the original vsync reads nanoseconds, that is 0.00001ms; write a duration such as 500ms, 10s, 1m30s or 2h; it is ignored, because a destination does not need it',
      'origin.numWorkers (file config.json) must be a whole number, at least 1; it is ignored, because a destination does not need it',
      'origin.mounts (file config.json) names a mount twice; it counts once',
      'destination.transforms[0] (file config.json) matches no path, because its "from" has no named group',
    ]);
    expect(warnings.join()).not.toContain('CAES');
  });

  it('refuses such a value in the file of the role that needs it', () => {
    const file = configFile({ origin: section({ tick: 'soon' }) });
    expect(problemsOf(() => loadConfig('origin', { file, env: {} }))).toHaveLength(1);
  });

  it('ignores the section of a destination for an origin, and warns of problems there', () => {
    const destination = { dc: SECRET, tick: 'never', vault: SECRET };
    const warnings = warningsOf({ origin: section(), destination }, 'origin');
    expect(warnings).toEqual([
      'destination.dc (file config.json) is no longer read; write destination.consul.dc instead; an origin does not read it',
      'destination.vault (file config.json) must be a section with keys of its own; an origin does not read it',
    ]);
  });

  it.each([
    ['text', 'destination', SECRET],
    ['a list', 'destination', [SECRET]],
    ['a number', 'DESTINATION', 5],
  ])('ignores a destination that is not a section, for an origin: %s', (_what, key, destination) => {
    const content = { origin: section(), [key]: destination };
    expect(warningsOf(content, 'origin')).toEqual([
      `${key} (file config.json) must be a section with keys of its own; an origin does not read it`,
    ]);
    // Without a role it may be a destination's file with a slip.
    expect(problemsOf(() => loadConfig(undefined, { file: configFile(content), env: {} }))).toEqual([
      `${key} (file config.json): must be a section with keys of its own`,
    ]);
  });

  it('shows nothing after the first unknown part of a key with dots', () => {
    const content = { origin: section(), [`origin.vault.${SECRET}`]: 1, [`origin.x.${SECRET}`]: 1 };
    expect(problemsOf(() => loadConfig('origin', { file: configFile(content), env: {} }))).toEqual([
      expect.stringMatching(/^origin\.vault\.hvs… \(file config\.json\): is not a key/),
      expect.stringMatching(/^origin\.x… \(file config\.json\): is not a key/),
    ]);
  });
});

describe('loadConfig, of several layers,', () => {
  const file = (): string => configFile({ ...ORIGIN, name: 'file' });

  it.each([
    ['the file beats the default', {}, {}, 'file'],
    ['the environment beats the file', { VSYNC_NAME: 'env' }, {}, 'env'],
    ['a flag beats the environment', { VSYNC_NAME: 'env' }, { name: 'flag' }, 'flag'],
    ['an empty variable is none', { VSYNC_NAME: '' }, {}, 'file'],
    ['variables may be in lower case', { vsync_name: 'env' }, {}, 'env'],
    ['upper case beats lower case', { vsync_name: 'lower', VSYNC_NAME: 'upper' }, {}, 'upper'],
  ])('takes %s', (_reason, env, flags, expected) => {
    expect(loadConfig('origin', { file: file(), env, flags }).config.name).toBe(expected);
  });

  it.each([
    ['VSYNC_NUMBUCKETS', '19', { numBuckets: 19 }],
    ['VSYNC_NUMBUCKETS', 'auto', { numBuckets: 'auto' }],
    ['VSYNC_IGNOREDELETES', 'true', { ignoreDeletes: true }],
    ['VSYNC_LOG_LEVEL', 'warn', { log: { level: 'warn' } }],
    ['VSYNC_ORIGIN_MOUNTS', 'a, b/', { origin: { mounts: ['a/', 'b/'] } }],
    ['VSYNC_ORIGIN_NUMWORKERS', '7', { origin: { numWorkers: 7 } }],
    ['VSYNC_ORIGIN_RENEWTOKEN', '0', { origin: { renewToken: false } }],
    ['VSYNC_ORIGIN_TICK', '2m', { origin: { tickMs: 120_000 } }],
    ['VSYNC_ORIGIN_VAULT_CAFILE', 'ca', { origin: { vault: { caFile: 'ca' } } }],
    ['VSYNC_TEMPORAL_TLS', 'true', { temporal: { tls: true } }],
    ['VSYNC_TEMPORAL_TLS_SERVERNAME', 'x', { temporal: { tls: { serverName: 'x' } } }],
    ['VSYNC_TEMPORAL_ADDRESS', 't:1', { temporal: { address: 't:1' } }],
  ])('reads %s as its key', (variable, value, expected) => {
    const { config } = loadConfig('origin', { file: file(), env: { [variable]: value } });
    expect(config).toMatchObject(expected);
  });

  it.each([
    [
      'a key with "_" of its own',
      { VSYNC_ORIGIN_VAULT_APPROLE_ROLE_ID: 'r', VSYNC_ORIGIN_VAULT_APPROLE_SECRET_ID: 's' },
      {},
    ],
    ['the short flags of the original', {}, { 'origin.vault.role_id': 'r', 'origin.vault.secret_id': 's' }],
  ])('reads %s', (_reason, env, flags) => {
    const content = { origin: section({ vault: { address: 'http://a' } }) };
    const { config } = loadConfig('origin', { file: configFile(content), env, flags });
    expect(config.origin.vault.auth).toEqual({
      kind: 'approle',
      path: 'approle',
      roleId: 'r',
      secretId: 's',
    });
  });

  it.each([
    ['a section replaces true', { tls: true }, { VSYNC_TEMPORAL_TLS_SERVERNAME: 'x' }, { serverName: 'x' }],
    ['false replaces a section', { tls: { serverName: 'x' } }, { VSYNC_TEMPORAL_TLS: 'false' }, false],
    [
      'within one layer the section counts',
      {},
      { VSYNC_TEMPORAL_TLS: '1', VSYNC_TEMPORAL_TLS_SERVERNAME: 'x' },
      { serverName: 'x' },
    ],
  ])('replaces temporal.tls: %s', (_reason, temporal, env, expected) => {
    const { config } = loadConfig('origin', { file: configFile({ ...ORIGIN, temporal }), env });
    expect(config.temporal.tls).toEqual(expected);
  });

  it('warns of unknown variables, but not of those of the tests', () => {
    const env = {
      VSYNC_ORIGIN_VALT_TOKEN: SECRET,
      VSYNC_SERVERS_DIR: 'x',
      VSYNC_ZZZ: SECRET,
      VAULT_TOKEN: SECRET,
    };
    expect(loadConfig('origin', { file: file(), env }).warnings).toEqual([
      'environment VSYNC_ZZZ is not a key of vsync and is ignored',
      'environment VSYNC_ORIGIN_VALT_TOKEN is not a key of vsync and is ignored; did you mean VSYNC_ORIGIN_VAULT_TOKEN?',
    ]);
  });
});

describe('loadConfig refuses a file that', () => {
  const load = (file: string) => () => loadConfig('origin', { file, env: {} });

  it('is missing', () => {
    expect(problemsOf(load('/nowhere/config.json'))).toEqual(['file config.json: there is no such file']);
  });

  it('is a directory', () => {
    const folder = join(dirname(configFile({})), 'folder.json');
    mkdirSync(folder);
    expect(problemsOf(load(folder))).toEqual(['file folder.json: is a directory, not a file']);
  });

  it.each([
    [
      'of no known format',
      'config.toml',
      'a = 1',
      'its name must end in one of .json, .yaml, .yml, .hcl, which selects its format',
    ],
    [
      'without extension',
      'config',
      '{}',
      'its name must end in one of .json, .yaml, .yml, .hcl, which selects its format',
    ],
    ['empty', 'config.json', ' \n', 'is empty'],
    ['only comments', 'config.yaml', '# nothing\n', 'is empty, or contains only comments'],
    ['null', 'config.json', 'null', 'is empty, or contains only comments'],
    ['a list', 'config.json', '[]', 'its top level must be an object with keys such as "name" and "origin"'],
    [
      'a text',
      'config.yaml',
      SECRET,
      'its top level must be an object with keys such as "name" and "origin"',
    ],
    [
      'with a byte order mark',
      'config.json',
      '\uFEFF{}',
      'begins with a byte order mark; save it as UTF-8 without one',
    ],
    [
      'UTF-16',
      'config.json',
      Buffer.from('\uFEFF{}', 'utf16le'),
      'begins with a byte order mark; save it as UTF-8 without one',
    ],
    ['Latin-1', 'config.json', Buffer.from('{"name":"\xe9"}', 'latin1'), 'is not UTF-8'],
    [
      'malformed JSON',
      'config.json',
      `{\n "token": ${SECRET}}`,
      'json, line 2, column 11: a value is missing or malformed',
    ],
    [
      'malformed YAML',
      'config.yml',
      `token: ${SECRET}\n token: b`,
      'yml, line 1, column 8: is not YAML (block as implicit key)',
    ],
    [
      'malformed HCL',
      'config.hcl',
      `token = ${SECRET}`,
      'hcl, line 1, column 9: a value is missing or malformed; text needs double quotes',
    ],
  ])('is %s', (_reason, name, content, message) => {
    expect(problemsOf(load(configFile(content, name)))).toEqual([`file ${name}: ${message}`]);
  });
});
