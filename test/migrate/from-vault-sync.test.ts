import fc from 'fast-check';
import { parse } from 'yaml';
import { fromVaultSync } from '../../src/migrate/from-vault-sync';
import { loadConfig } from '../../src/config/load';
import type { DestinationConfig } from '../../src/config/schema';
import { compileFilter } from '../../src/rules/filter';
import { compileTransforms } from '../../src/rules/transform';
import { configFile, problemsOf, removeConfigFiles, SECRET } from '../config/fixtures';

afterAll(removeConfigFiles);

const LEAST = `
id: vault-sync
full_sync_interval: 3600
src:
  url: https://src.example.com:8200/
dst:
  url: https://dst.example.com:8200/
`;

type Content = Record<string, unknown>;

function content(src: Content = {}, dst: Content = {}, top: Content = {}): Content {
  return {
    id: 'vault-sync',
    full_sync_interval: 3600,
    src: { url: 'https://src.example.com:8200/', ...src },
    dst: { url: 'https://dst.example.com:8200/', ...dst },
    ...top,
  };
}

function convert(source: string | Content): string {
  return fromVaultSync(
    configFile(typeof source === 'string' ? source : JSON.stringify(source), 'vault-sync.yaml'),
  );
}

/** What the printed comments ask for. */
const GIVEN = {
  VSYNC_ORIGIN_VAULT_TOKEN: 't',
  VSYNC_DESTINATION_VAULT_TOKEN: 't',
  VSYNC_ORIGIN_CONSUL_ADDRESS: 'c:8500',
  VSYNC_DESTINATION_CONSUL_ADDRESS: 'c:8500',
};

/** The round trip: the printed YAML through our loader, as the destination; that has the origin's part too. */
function load(source: string | Content, env: NodeJS.ProcessEnv = GIVEN): DestinationConfig {
  const { config, warnings } = loadConfig('destination', {
    file: configFile(convert(source), 'vsync.yaml'),
    env,
  });
  expect(warnings).toEqual([]);
  return config;
}

/** Where vault-sync brings a secret of the source, as its own function for paths does; undefined if nowhere. */
function asVaultSync(source: Content, mount: string, secret: string): string | undefined {
  const { src, dst } = source as { src: Content; dst: Content };
  const prefix = (side: Content): string => {
    const text = (side['prefix'] ?? '') as string;
    return text === '' || text.endsWith('/') ? text : `${text}/`;
  };
  const mounts = (side: Content): string[] | undefined =>
    (side['backends'] as string[] | undefined) ??
    (side['backend'] === undefined ? undefined : [side['backend'] as string]);
  const from = mounts(src) ?? ['secret'];
  const to = (mounts(dst) ?? from)[from.indexOf(mount)] ?? mount;
  let path = secret;
  if (!path.startsWith(prefix(src))) return undefined;
  while (prefix(src) !== '' && path.startsWith(prefix(src))) path = path.slice(prefix(src).length);
  return `${to}/data/${prefix(dst)}${path}`;
}

/** The same by the configuration that was printed. */
function asVsync(config: DestinationConfig, mount: string, secret: string): string | undefined {
  if (!compileFilter(config.origin).allows(`${mount}/${secret}`)) return undefined;
  return compileTransforms(config.destination.transforms).transform(`${mount}/data/${secret}`).path;
}

describe('fromVaultSync', () => {
  it('prints a file for both roles, with the defaults of vault-sync', () => {
    expect(load(LEAST)).toMatchObject({
      role: 'destination',
      name: 'vault-sync',
      numBuckets: 16,
      ignoreDeletes: true,
      origin: {
        vault: { address: 'https://src.example.com:8200', namespace: '' },
        mounts: ['secret/'],
        include: [],
        tickMs: 3_600_000,
      },
      destination: {
        vault: { address: 'https://dst.example.com:8200', namespace: '' },
        mounts: ['secret/'],
        tickMs: 3_600_000,
        transforms: [],
      },
    });
    const file = configFile(convert(LEAST), 'vsync.yaml');
    expect(loadConfig('origin', { file, env: GIVEN }).config.name).toBe('vault-sync');
  });

  it('prints everything except what its comments ask for', () => {
    const file = configFile(convert(LEAST), 'vsync.yaml');
    const missing = problemsOf(() => loadConfig('destination', { file, env: {} }));
    expect(missing.map((line) => line.split(':')[0])).toEqual([
      'origin.vault.token',
      'origin.consul.address',
      'destination.vault.token',
      'destination.consul.address',
    ]);
    for (const variable of Object.keys(GIVEN)) expect(convert(LEAST)).toContain(variable);
  });

  it('prints namespaces, names and intervals', () => {
    const source = content(
      { namespace: 'team/a', backend: 'kv' },
      { namespace: 'null' },
      { id: 'my sync: "x"', full_sync_interval: 90 },
    );
    expect(load(source)).toMatchObject({
      name: 'my-sync---x-',
      origin: { vault: { namespace: 'team/a' }, mounts: ['kv/'], tickMs: 90_000 },
      destination: { vault: { namespace: 'null' }, mounts: ['kv/'], tickMs: 90_000 },
    });
    expect(convert(source)).toContain('# - name: the id has characters that a name of vsync must not have');
  });

  it.each([
    [0, false, 1_000, 1_000],
    [3600, false, 3_600_000, 3_600_000],
    [3600, true, 60_000, 3_600_000],
    [30, true, 30_000, 30_000],
  ])('prints an interval of %d s, audit device: %s', (interval, listens, originTickMs, tickMs) => {
    const bind = listens ? { bind: '0.0.0.0:8202' } : {};
    expect(load(content({}, {}, { full_sync_interval: interval, ...bind }))).toMatchObject({
      ignoreDeletes: !listens,
      origin: { tickMs: originTickMs },
      destination: { tickMs },
    });
  });

  it('accepts several mounts, even to one mount', () => {
    const { origin, destination } = load(content({ backends: ['a', 'b/'] }, { backends: ['c', 'c'] }));
    expect(origin.mounts).toEqual(['a/', 'b/']);
    expect(destination.mounts).toEqual(['c/']);
  });
});

describe('fromVaultSync leads secrets to the paths of vault-sync,', () => {
  it.each<[string, Content]>([
    ['no prefix, one mount', content()],
    ['another mount', content({ backend: 'a' }, { backend: 'b' })],
    ['several mounts', content({ backends: ['a', 'b'] }, { backends: ['b', 'c'] })],
    ['a prefix of the source', content({ prefix: 'src' })],
    ['a prefix of the destination', content({}, { prefix: 'dst/' })],
    ['both', content({ prefix: 'src/' }, { prefix: 'dst' })],
    [
      'the same prefix, another mount',
      content({ prefix: 'src', backend: 'a' }, { prefix: 'src', backend: 'b' }),
    ],
    ['folders', content({ prefix: 'a/b', backends: ['x', 'y'] }, { prefix: 'c/d', backends: ['y', 'z'] })],
    [
      'a prefix with characters of a regular expression',
      content({ prefix: 'a.b+(c)|[d]{2}*?^$' }, { prefix: '$1' }),
    ],
    ['a prefix with several backslashes', content({ prefix: '\\\\a' }, { prefix: '\\+' })],
    ['a backslash before a plus', content({ prefix: '\\+' })],
    ['a prefix called like the group', content({ prefix: 'src' }, { prefix: 'rest/rest_', backend: 'rest' })],
    ['a mount with a dot', content({ backend: 'kv.2' }, { backend: 'kv' })],
  ])('with %s', (_reason, source) => {
    const config = load(source);
    const { src } = source as { src: Content };
    const mounts = (src['backends'] ?? [src['backend'] ?? 'secret']) as string[];
    const prefix = (src['prefix'] ?? '') as string;
    const start = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    const secrets = ['x', 'data/x', 'metadata/x', 'a/b c/d', 'é/ü', 'line\nbreak', 'rest', 'src', 'kvX2'];
    for (const mount of mounts) {
      for (const secret of [...secrets, ...secrets.map((name) => start + name), `${start}${start}x`]) {
        expect({ mount, secret, path: asVsync(config, mount, secret) }).toEqual({
          mount,
          secret,
          path: asVaultSync(source, mount, secret),
        });
      }
    }
  });

  it('with any prefix', () => {
    const part = fc.string({
      unit: fc.constantFrom(...Array.from('ab.*?+()[]{}|\\^$!@ ')),
      minLength: 1,
      maxLength: 4,
    });
    const prefix = fc
      .array(
        part.filter((text) => !/^\.{1,2}$/.test(text)),
        { maxLength: 2 },
      )
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(prefix, prefix, (from, to) => {
        const source = content({ prefix: from, backend: 'a' }, { prefix: to, backend: 'b' });
        const config = load(source);
        const folder = from === '' ? '' : `${from}/`;
        for (const secret of [`${folder}x`, `${folder}y/z`, `other${from}/x`]) {
          expect(asVsync(config, 'a', secret)).toBe(asVaultSync(source, 'a', secret));
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('fromVaultSync names the variables of the login:', () => {
  const approle = { role_id: `${SECRET}-role`, secret_id: `${SECRET}-id` };

  it.each<[string, Content, string[]]>([
    ['a token', { token: `${SECRET}-t` }, ['VSYNC_ORIGIN_VAULT_TOKEN: the value of src.token in the file']],
    [
      'an AppRole',
      approle,
      [
        'VSYNC_ORIGIN_VAULT_APPROLE_ROLE_ID: the value of src.role_id in the file',
        'VSYNC_ORIGIN_VAULT_APPROLE_SECRET_ID: the value of src.secret_id in the file',
      ],
    ],
    ['both: the token', { token: SECRET, ...approle }, ['VSYNC_ORIGIN_VAULT_TOKEN: the value of src.token']],
    [
      'neither: its variables',
      {},
      [
        'VSYNC_ORIGIN_VAULT_TOKEN: the value of the variable VAULT_SYNC_SRC_TOKEN',
        'VSYNC_ORIGIN_VAULT_APPROLE_ROLE_ID and VSYNC_ORIGIN_VAULT_APPROLE_SECRET_ID: the values of VAULT_SYNC_SRC_ROLE_ID and VAULT_SYNC_SRC_SECRET_ID',
      ],
    ],
    ['half an AppRole: its variables', { role_id: SECRET }, ['the variable VAULT_SYNC_SRC_TOKEN']],
  ])('%s', (_reason, src, expected) => {
    const text = unwrapped(convert(content(src)));
    for (const line of expected) expect(text).toContain(line);
    expect(text).not.toContain('CAES');
  });

  it('an AppRole at both sides', () => {
    const env = {
      VSYNC_ORIGIN_VAULT_APPROLE_ROLE_ID: 'r',
      VSYNC_ORIGIN_VAULT_APPROLE_SECRET_ID: 's',
      VSYNC_DESTINATION_VAULT_APPROLE_ROLE_ID: 'r',
      VSYNC_DESTINATION_VAULT_APPROLE_SECRET_ID: 's',
      VSYNC_ORIGIN_CONSUL_ADDRESS: 'c:1',
      VSYNC_DESTINATION_CONSUL_ADDRESS: 'c:1',
    };
    const { origin, destination } = load(content(approle, approle), env);
    expect([origin.vault.auth.kind, destination.vault.auth.kind]).toEqual(['approle', 'approle']);
  });
});

describe('fromVaultSync prints a comment for', () => {
  it.each<[string, Content, string[], string[]]>([
    [
      'an audit device',
      content({}, {}, { bind: '0.0.0.0:8202' }),
      ['Audit device: not needed', 'vault audit disable', 'Deletes: those that happened'],
      ['ignoreDeletes is true'],
    ],
    ['no audit device', content(), ['Deletes: ignoreDeletes is true'], ['Audit device']],
    [
      'kv version 1',
      content({ version: 1 }, { version: 2, backend: 'b' }),
      ['kv version 1 cannot', 'for secret/'],
      ['b/,'],
    ],
    [
      'limits of a token',
      content({ token_ttl: 86400 }),
      ['token_ttl and token_max_ttl: nothing to write'],
      [],
    ],
    [
      'a destination within the source',
      content({ url: 'http://a' }, { url: 'http://a', prefix: 'copy' }),
      ['is inside of the source', 'origin.exclude'],
      [],
    ],
    [
      'two folders of one Vault',
      content({ url: 'http://a', prefix: 'x' }, { url: 'http://a', prefix: 'y' }),
      [],
      ['lies within'],
    ],
    [
      'an address with a password',
      content({ url: `https://u:${SECRET}@a` }),
      ['# address: src.url must not contain a user or a password'],
      [],
    ],
  ])('%s', (_reason, source, present, absent) => {
    const text = unwrapped(convert(source));
    for (const words of [...present, 'SSL_CERT_FILE', 'VSYNC_ORIGIN_CONSUL_ADDRESS'])
      expect(text).toContain(words);
    for (const words of absent) expect(text).not.toContain(words);
    expect(text).not.toContain('CAES');
    expect(parse(text)).toHaveProperty('origin');
  });
});

describe('fromVaultSync refuses a wrong file, key by key and without values:', () => {
  const FROM_FILE = '(file vault-sync.yaml)';

  it.each<[string, Content, string[]]>([
    [
      'nothing in it',
      { x: SECRET },
      [
        `id ${FROM_FILE}: is missing; give the name of this vault-sync`,
        `full_sync_interval ${FROM_FILE}: is missing; give a number of seconds`,
        `src ${FROM_FILE}: is missing; give a section with url`,
        `dst ${FROM_FILE}: is missing; give a section with url`,
      ],
    ],
    [
      'wrong types',
      content({ url: 1, token: [SECRET], version: 3 }, { backends: 'x' }, { full_sync_interval: '1h' }),
      [
        `full_sync_interval ${FROM_FILE}: must be a number of seconds`,
        `src.url ${FROM_FILE}: must be the URL of the Vault`,
        `src.version ${FROM_FILE}: must be 1 or 2`,
        `src.token ${FROM_FILE}: must be a token as text`,
        `dst.backends ${FROM_FILE}: must be a list of mounts`,
      ],
    ],
    [
      'backend and backends',
      content({ backend: 'a', backends: ['b'] }),
      [`src.backends ${FROM_FILE}: is given together with backend; keep one of the two`],
    ],
    [
      'one mount to two',
      content({ backend: 'a' }, { backends: ['b', 'c'] }),
      [`dst ${FROM_FILE}: must have as many mounts as src; vault-sync refuses it too`],
    ],
    [
      'a mount twice at the source',
      content({ backends: ['a', 'a/'] }, { backends: ['b', 'c'] }),
      [`src.backends[1] ${FROM_FILE}: is in the list twice`],
    ],
    ['a malformed mount', content({ backend: '/a' }), [`src.backend ${FROM_FILE}: must not begin with "/"`]],
  ])('%s', (_reason, source, expected) => {
    expect(problemsOf(() => convert(source))).toEqual(expected);
  });
});

/** Comments without their line breaks. */
function unwrapped(text: string): string {
  return text.replace(/\n# {3}/g, ' ');
}
