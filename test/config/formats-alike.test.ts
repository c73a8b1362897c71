import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load';
import { configFile, problemsOf, removeConfigFiles, section, SECRET } from './fixtures';

afterAll(removeConfigFiles);

/** Each problem has the same message in every format. */

type Content = Readonly<Record<string, unknown>>;

/** HCL as people write it: sections as blocks, and a list of sections as one block each. */
function hcl(content: Content, indent = ''): string {
  return Object.entries(content)
    .flatMap(([key, value]) => {
      const sections = (Array.isArray(value) ? value : [value]) as unknown[];
      if (sections.length === 0 || !sections.every(isSection))
        return [`${indent}${key} = ${JSON.stringify(value)}\n`];
      return sections.map((section) => `${indent}${key} {\n${hcl(section, `${indent}  `)}${indent}}\n`);
    })
    .join('');
}

function isSection(value: unknown): value is Content {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const FORMATS: readonly [name: string, write: (content: Content) => string][] = [
  ['config.json', (content) => JSON.stringify(content, null, 2)],
  ['config.yaml', (content) => stringify(content)],
  ['config.yml', (content) => stringify(content, { defaultStringType: 'QUOTE_DOUBLE' })],
  ['config.hcl', (content) => hcl(content)],
];

const both = (origin: object = {}, top: object = {}): Content => ({
  origin: section(origin),
  destination: section(),
  ...top,
});

const vault = (keys: object): object => ({ vault: { address: 'https://a', token: SECRET, ...keys } });

const WRONG: readonly [what: string, content: Content, problems: string[]][] = [
  ['an unknown key', both({}, { nmae: SECRET }), ['nmae (F): is not a key of vsync; did you mean name?']],
  [
    'an unknown key in a section',
    both(vault({ tokne: SECRET })),
    ['origin.vault.tokne (F): is not a key of vsync; did you mean origin.vault.token?'],
  ],
  [
    'the keys of old versions',
    both({ dc: SECRET }, { syncPath: SECRET, dataPaths: [SECRET] }),
    [
      'syncPath (F): is no longer read; write origin.syncPath and destination.syncPath instead',
      'dataPaths (F): is no longer read; write origin.mounts and destination.mounts instead',
      'origin.dc (F): is no longer read; write origin.consul.dc instead',
    ],
  ],
  [
    'one key in two cases',
    both({}, { name: 'a', NAME: 'b' }),
    ['NAME (F): is written twice, in upper and lower case; keep one'],
  ],
  [
    'a section that is a text',
    both({ vault: SECRET }),
    [
      'origin.vault (F): must be a section with keys of its own',
      'origin.vault.address: is missing; give the URL of the Vault, such as https://vault.example.com:8200',
      'origin.vault.token: is missing; give a token, or approle.role_id and approle.secret_id',
    ],
  ],
  [
    'a number as a text',
    { origin: section(), destination: section({ numWorkers: SECRET }) },
    ['destination.numWorkers (F): must be a whole number, at least 1'],
  ],
  [
    'a boolean as a word',
    both({}, { ignoreDeletes: 'perhaps' }),
    ['ignoreDeletes (F): must be true or false'],
  ],
  [
    'a list as a section',
    both({ mounts: { a: 1 } }),
    ['origin.mounts (F): must be a list with at least one mount, such as ["secret/"]'],
  ],
  [
    'no mounts',
    both({ mounts: [] }),
    ['origin.mounts (F): is empty; name at least one mount, such as secret/'],
  ],
  [
    'a mount that is none',
    both({ mounts: ['a/', `/${SECRET}`] }),
    ['origin.mounts[1] (F): must not begin with "/"'],
  ],
  [
    'a duration without quotes',
    { origin: section(), destination: section({ tick: 10 }) },
    [
      'destination.tick (F): must be a duration in quotes, such as "10s" or "1m30s": it is a number; the original vsync reads nanoseconds, that is 0.00001ms',
    ],
  ],
  [
    'a duration that is none',
    { origin: section(), destination: section({ timeout: SECRET }) },
    ['destination.timeout (F): is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h'],
  ],
  [
    'a tick that is too short',
    { origin: section(), destination: section({ tick: '0s' }) },
    ['destination.tick (F): must be at least 1s'],
  ],
  [
    'a glob that begins with "/"',
    both({ exclude: [`/${SECRET}`] }),
    ['origin.exclude[0] (F): must not begin with "/"; a path begins with its mount, such as secret/'],
  ],
  [
    'an address with a password',
    both({ consul: { address: `http://u:${SECRET}@c:8500` } }),
    ['origin.consul.address (F): must not contain a user or a password; remove everything before the "@"'],
  ],
  [
    'half an AppRole',
    both({ vault: { address: 'https://a', approle: { secret_id: SECRET } } }),
    ['origin.vault.approle.role_id: is missing; an AppRole needs role_id and secret_id'],
  ],
  [
    'a transform that is none',
    {
      origin: section(),
      destination: section({ transforms: [{ name: 'x', from: '(', to: 'a', form: SECRET }] }),
    },
    [
      'destination.transforms[0].form (F): is not a key of vsync; did you mean destination.transforms.from?',
      'destination.transforms[0].from (F): "from" error parsing regexp: missing closing ): `(`',
    ],
  ],
];

describe.each(FORMATS)('loadConfig of %s', (name, write) => {
  it.each(WRONG)('refuses %s', (_what, content, expected) => {
    const file = configFile(write(content), name);
    const found = problemsOf(() => loadConfig('destination', { file, env: {} }));
    expect(found.map((line) => line.replace(`(file ${name})`, '(F)'))).toEqual(expected);
  });

  it('prefers the environment and flags to the file, and names the source of a wrong value', () => {
    const file = configFile(write(both({ tick: '10s', timeout: '10s' }, { name: 'file' })), name);
    const env = { VSYNC_NAME: 'env', VSYNC_ORIGIN_TICK: '20s', VSYNC_ORIGIN_CONSUL_DC: 'env' };
    const flags = { 'origin.consul.dc': 'flag' };
    const { config } = loadConfig('destination', { file, env, flags });
    expect(config).toMatchObject({
      name: 'env',
      origin: { tickMs: 20_000, timeoutMs: 10_000, consul: { dc: 'flag' } },
      destination: { tickMs: 60_000 },
    });
    const wrong = { ...env, VSYNC_DESTINATION_TICK: SECRET };
    expect(
      problemsOf(() =>
        loadConfig('destination', { file, env: wrong, flags: { 'origin.consul.address': `/${SECRET}` } }),
      ),
    ).toEqual([
      'origin.consul.address (flag --origin.consul.address): must be host:port or a URL, such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501',
      'destination.tick (environment VSYNC_DESTINATION_TICK): is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h',
    ]);
  });
});
