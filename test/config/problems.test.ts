import { loadConfig } from '../../src/config/load';
import { configFile, problemsOf, removeConfigFiles, section, SECRET } from './fixtures';

afterAll(removeConfigFiles);

const FROM_FILE = '(file config.json)';

function problems(
  content: object,
  sources: { env?: NodeJS.ProcessEnv; flags?: Record<string, string> } = {},
): string[] {
  return problemsOf(() => loadConfig('destination', { file: configFile(content), env: {}, ...sources }));
}

/** What is wrong with one key of the origin's section, all else being right, to an origin. */
function originProblems(overrides: object): string[] {
  const file = configFile({ origin: section(overrides) });
  return problemsOf(() => loadConfig('origin', { file, env: {} }));
}

describe('loadConfig', () => {
  it.each([
    ['config.json', `{"name": "${SECRET}\\ud800"}`],
    ['config.yaml', `name: "${SECRET}\\udbff"\n`],
    ['config.hcl', `name = "${SECRET}\\udfff"\n`],
  ])('refuses a name with half of a character: %s', (file, text) => {
    const env = {
      VSYNC_ORIGIN_VAULT_ADDRESS: 'http://a',
      VSYNC_ORIGIN_VAULT_TOKEN: 't',
      VSYNC_ORIGIN_CONSUL_ADDRESS: 'c:1',
      VSYNC_ORIGIN_MOUNTS: 'a/',
    };
    expect(problemsOf(() => loadConfig('origin', { file: configFile(text, file), env }))).toEqual([
      `name (file ${file}): has half of a character in it (such as "\\ud800", a surrogate without its other half); write the whole character, or remove it`,
    ]);
  });
});

describe('loadConfig refuses an unknown key', () => {
  it.each([
    ['a slip', { nmae: 1 }, 'nmae', 'did you mean name?'],
    ['another case and a slip', { NumBucket: 1 }, 'NumBucket', 'did you mean numBuckets?'],
    ['a forgotten point', { logLevel: 'info' }, 'logLevel', 'did you mean log.level?'],
    ['a key of another section', { mounts: [] }, 'mounts', 'did you mean origin.mounts?'],
    ['nothing like it', { pprof: true }, 'pprof', 'remove it'],
    ['a key that holds more than a name', { [`token:${SECRET}`]: null }, 'token…', 'remove it'],
    ['a key that is a secret', { [SECRET]: null }, 'hvs…', 'remove it'],
    ['a name of every object', { constructor: 1 }, 'constructor', 'remove it'],
  ])('with %s', (_reason, content, key, hint) => {
    const lines = problems({ origin: section(), destination: section(), ...content });
    expect(lines).toEqual([`${key} ${FROM_FILE}: is not a key of vsync; ${hint}`]);
  });

  it.each([
    [
      'in a section',
      { vault: { address: 'http://a', token: SECRET, tokne: SECRET } },
      'origin.vault.tokne',
      'did you mean origin.vault.token?',
    ],
    ['too high', { token: SECRET }, 'origin.token', 'did you mean origin.vault.token?'],
    ['on the wrong side', { transforms: [] }, 'origin.transforms', 'did you mean destination.transforms?'],
    [
      'the short name of a flag',
      { vault: { address: 'http://a', token: SECRET, role_id: 'r' } },
      'origin.vault.role_id',
      'did you mean origin.vault.approle.role_id?',
    ],
  ])('%s', (_reason, overrides, key, hint) => {
    expect(originProblems(overrides)).toEqual([`${key} ${FROM_FILE}: is not a key of vsync; ${hint}`]);
  });

  it('in a transform', () => {
    const transforms = [{ name: 'a', from: '(?P<a>x)', to: 'a', form: 'x' }];
    expect(problems({ origin: section(), destination: section({ transforms }) })).toEqual([
      `destination.transforms[0].form ${FROM_FILE}: is not a key of vsync; did you mean destination.transforms.from?`,
    ]);
  });

  it('as __proto__', () => {
    const file = configFile(`{"__proto__": {"name": "${SECRET}"}, "origin": {}}`);
    expect(problemsOf(() => loadConfig('origin', { file, env: {} }))).toContain(
      `__proto__ ${FROM_FILE}: is not a key of vsync; remove it`,
    );
  });

  it('twice, in upper and lower case', () => {
    expect(problems({ origin: section(), destination: section(), name: 'a', NAME: 'b' })).toEqual([
      `NAME ${FROM_FILE}: is written twice, in upper and lower case; keep one`,
    ]);
  });

  it('as a flag', () => {
    const flags = { 'origin.vault.tokn': SECRET, 'destination.transforms': 'x' };
    expect(problems({ origin: section(), destination: section() }, { flags })).toEqual([
      'flag --origin.vault.tokn: is not a key of vsync that a flag can give',
      'flag --destination.transforms: is not a key of vsync that a flag can give',
    ]);
  });
});

describe('loadConfig refuses keys of old versions', () => {
  it.each([
    [{ syncPath: 'a' }, 'syncPath', 'origin.syncPath and destination.syncPath'],
    [{ dataPaths: ['a'] }, 'dataPaths', 'origin.mounts and destination.mounts'],
    [{ origin: section({ dc: 'a' }) }, 'origin.dc', 'origin.consul.dc'],
    [{ destination: section({ DC: 'a' }) }, 'destination.DC', 'destination.consul.dc'],
  ])('in the file: %j', (content, key, replacement) => {
    expect(problems({ origin: section(), destination: section(), ...content })).toEqual([
      `${key} ${FROM_FILE}: is no longer read; write ${replacement} instead`,
    ]);
  });

  it('in the environment', () => {
    const env = { VSYNC_SYNCPATH: 'a', VSYNC_ORIGIN_DC: 'a', VSYNC_DESTINATION_TRANSFORMS: 'a' };
    expect(problems({ origin: section(), destination: section() }, { env })).toEqual([
      'environment VSYNC_SYNCPATH: is no longer read; set origin.syncPath and destination.syncPath instead',
      'environment VSYNC_ORIGIN_DC: is no longer read; set origin.consul.dc instead',
      'destination.transforms (environment VSYNC_DESTINATION_TRANSFORMS): can be given in the file only',
    ]);
  });
});

describe('loadConfig', () => {
  it('names every missing key, with what to give', () => {
    expect(problems({ name: 'x' })).toEqual(
      ['origin', 'destination'].flatMap((side) => [
        `${side}.vault.address: is missing; give the URL of the Vault, such as https://vault.example.com:8200`,
        `${side}.vault.token: is missing; give a token, or approle.role_id and approle.secret_id`,
        `${side}.consul.address: is missing; give the address of a Consul agent, such as consul.example.com:8500`,
        `${side}.mounts: is missing; give a list with at least one mount, such as ["secret/"]`,
      ]),
    );
  });

  it('reports missing keys together with wrong ones', () => {
    const lines = problems({
      name: ['a b'],
      origin: section({ mounts: ['/a'] }),
      destination: section({ mounts: [], tick: 'soon' }),
    });
    expect(lines).toEqual([
      `name ${FROM_FILE}: must be a name as text`,
      `origin.mounts[0] ${FROM_FILE}: must not begin with "/"`,
      `destination.mounts ${FROM_FILE}: is empty; name at least one mount, such as secret/`,
      `destination.tick ${FROM_FILE}: is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h`,
    ]);
  });
});

describe('loadConfig, for the login,', () => {
  const address = 'http://a';
  it.each([
    ['no secret id', { approle: { role_id: 'r' } }, 'approle.secret_id', 'is missing; an AppRole needs'],
    ['no role id', { approle: { secret_id: SECRET } }, 'approle.role_id', 'is missing; an AppRole needs'],
    ['only the path of an AppRole', { approle: { path: 'x' } }, 'token', 'is missing; give a token, or'],
    ['an empty token', { token: '' }, 'token', 'is missing; give a token, or'],
    ['a token that is not text', { token: [SECRET] }, 'token', 'must be a token as text'],
    ['a token that is a section', { token: { value: SECRET } }, 'token', 'must be a token as text'],
  ])('refuses %s', (_reason, vault, key, message) => {
    const [line, ...more] = originProblems({ vault: { address, ...vault } });
    expect(line).toMatch(
      new RegExp(`^origin\\.vault\\.${key.replace('.', '\\.')}( \\(file config.json\\))?: ${message}`),
    );
    expect(more).toEqual([]);
  });

  const COPIED = 'contains a space, a line end or another invalid character; copy it again';
  it.each([
    ['a token with a line end in it', { token: `${SECRET}\nx` }, 'token', COPIED],
    ['a token with a space in it', { token: `${SECRET} x` }, 'token', COPIED],
    ['a token with a quotation mark of a word processor', { token: `“${SECRET}”` }, 'token', COPIED],
    ['a token of blanks', { token: ' \n' }, 'token', 'contains only blanks; copy it again'],
    [
      'a secret id with a line end in it',
      { approle: { role_id: 'r', secret_id: `${SECRET}\nx` } },
      'approle.secret_id',
      COPIED,
    ],
    [
      'a role id with a line end in it',
      { approle: { role_id: 'r\nx', secret_id: SECRET } },
      'approle.role_id',
      COPIED,
    ],
  ])('refuses %s', (_reason, vault, key, message) => {
    expect(originProblems({ vault: { address, ...vault } })).toEqual([
      `origin.vault.${key} ${FROM_FILE}: ${message}`,
    ]);
  });

  it('refuses a token of Consul with a line end in it, and accepts an empty one', () => {
    expect(originProblems({ consul: { address: 'c:1', token: `${SECRET}\nx` } })).toEqual([
      `origin.consul.token ${FROM_FILE}: ${COPIED}`,
    ]);
    const content = { origin: section({ consul: { address: 'c:1', token: '' } }) };
    expect(loadConfig('origin', { file: configFile(content), env: {} }).config.origin.consul.token).toBe('');
  });

  it('removes blanks and line ends around tokens and ids', () => {
    const vault = { address, approle: { role_id: ' r\r\n', secret_id: `${SECRET}\n` } };
    const consul = { address: 'c:1', token: `\t${SECRET}\n` };
    const { config } = loadConfig('origin', {
      file: configFile({ origin: section({ vault, consul }) }),
      env: { VSYNC_ORIGIN_CONSUL_TOKEN: '' },
    });
    expect(config.origin.vault.auth).toMatchObject({ kind: 'approle', roleId: 'r', secretId: SECRET });
    expect(config.origin.consul.token).toBe(SECRET);
    const byToken = { VSYNC_ORIGIN_VAULT_TOKEN: ` ${SECRET} \n` };
    const { config: other } = loadConfig('origin', { file: configFile({ origin: section() }), env: byToken });
    expect(other.origin.vault.auth).toEqual({ kind: 'token', token: SECRET });
  });

  it('checks it even if the address is wrong', () => {
    expect(originProblems({ vault: { address: 'x' } })).toHaveLength(2);
  });

  it('accepts a token and the path of an AppRole', () => {
    const content = { origin: section({ vault: { address, token: 't', approle: { path: 'x' } } }) };
    const { config } = loadConfig('origin', { file: configFile(content), env: {} });
    expect(config.origin.vault.auth).toEqual({ kind: 'token', token: 't' });
  });
});

describe('loadConfig refuses', () => {
  const UNSEEN = 'must not begin with a space or contain invisible characters: Consul takes no such key';
  const url = 'must be an http or https URL, such as https://vault.example.com:8200';
  it.each([
    ['vault.address', { vault: { address: 'vault:8200', token: SECRET } }, url],
    ['vault.address', { vault: { address: 'ftp://vault', token: SECRET } }, url],
    ['vault.address', { vault: { address: 'https://', token: SECRET } }, url],
    ['vault.address', { vault: { address: 'https://vault:99999', token: SECRET } }, url],
    [
      'vault.address',
      { vault: { address: `https://u:${SECRET}@vault`, token: SECRET } },
      'must not contain a user or a password; remove everything before the "@"',
    ],
    [
      'vault.address',
      { vault: { address: `https://vault?${SECRET}`, token: SECRET } },
      'must not have a query or a fragment; remove it from the "?" or "#" on',
    ],
    [
      'consul.address',
      { consul: { address: 'consul/v1' } },
      'must be host:port or a URL, such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501',
    ],
    [
      'consul.address',
      { consul: { address: '::1:8500' } },
      'must have an IPv6 address in brackets, such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501',
    ],
    [
      'vault.address',
      { vault: { address: 'http://fe80::1:8200', token: SECRET } },
      'must have an IPv6 address in brackets, such as https://vault.example.com:8200',
    ],
    [
      'vault.address',
      { vault: { address: 'unix:///run/vault.sock', token: SECRET } },
      'must not be a socket; give an http or https URL, such as https://vault.example.com:8200',
    ],
    [
      'consul.address',
      { consul: { address: 'unix:///run/consul.sock' } },
      'must not be a socket; give an http or https URL, such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501',
    ],
    [
      'consul.address',
      { consul: { address: `u:${SECRET}@consul:8500` } },
      'must not contain a user or a password; remove everything before the "@"',
    ],
    ['mounts[0]', { mounts: ['/secret/'] }, 'must not begin with "/"'],
    ['mounts[0]', { mounts: ['/'] }, 'must not begin with "/"'],
    ['mounts[1]', { mounts: ['a/', 'b//c/'] }, 'must not have an empty part between two "/"'],
    ['mounts[0]', { mounts: ['a/../b/'] }, 'must not have "." or ".." as a part'],
    ['mounts[1]', { mounts: ['a/b', 'a/'] }, '"a/" and "a/b/" are nested; Vault has no such mounts'],
    [
      'mounts[1]',
      { mounts: ['a/metadata/data/', 'a/data/metadata/'] },
      '"a/data/metadata/" and "a/metadata/data/" get the same paths in sync info',
    ],
    ['mounts[0]', { mounts: [[1]] }, 'must be a mount as text, such as secret/'],
    ['mounts', { mounts: { a: 1 } }, 'must be a list with at least one mount, such as ["secret/"]'],
    ['syncPath', { syncPath: '/vsync/' }, 'must not begin with "/"'],
    ['syncPath', { syncPath: 'vsync//' }, 'must not contain "//": Consul would make "/" of it'],
    ['syncPath', { syncPath: 'a//b' }, 'must not contain "//": Consul would make "/" of it'],
    [
      'syncPath',
      { syncPath: 'a/../b' },
      'must not have "." or ".." as a part: Consul would take it for another path',
    ],
    [
      'syncPath',
      { syncPath: './vsync' },
      'must not have "." or ".." as a part: Consul would take it for another path',
    ],
    ['syncPath', { syncPath: ' vsync' }, UNSEEN],
    ['syncPath', { syncPath: 'vs\nync' }, UNSEEN],
    ['numWorkers', { numWorkers: 0 }, 'must be at least 1'],
    ['numWorkers', { numWorkers: 1.5 }, 'must be a whole number, at least 1'],
    ['numWorkers', { numWorkers: 'many' }, 'must be a whole number, at least 1'],
    ['tick', { tick: '0s' }, 'must be at least 1s'],
    [
      'tick',
      { tick: 10 },
      'must be a duration in quotes, such as "10s" or "1m30s": it is a number; the original vsync reads nanoseconds, that is 0.00001ms',
    ],
    [
      'tick',
      { tick: 1.5e10 },
      'must be a duration in quotes, such as "10s" or "1m30s": it is a number; the original vsync reads nanoseconds, that is 15s',
    ],
    ['timeout', { timeout: '0' }, 'must be at least 1ms'],
    [
      'timeout',
      { timeout: '5' },
      'has no unit; the original vsync reads nanoseconds, that is 0.000005ms; write a duration such as 500ms, 10s, 1m30s or 2h',
    ],
    ['renewToken', { renewToken: 'perhaps' }, 'must be true or false'],
    ['vault', { vault: SECRET }, 'must be a section with keys of its own'],
  ])('origin.%s: %j', (key, overrides, message) => {
    expect(originProblems(overrides)).toContain(`origin.${key} ${FROM_FILE}: ${message}`);
  });

  it.each([
    [{ numBuckets: 0 }, 'numBuckets', 'must be at least 1'],
    [{ numBuckets: 7001 }, 'numBuckets', 'must be at most 7000'],
    [{ numBuckets: 'x' }, 'numBuckets', 'must be a whole number from 1 to 7000, or "auto"'],
    [{ numBuckets: 1.5 }, 'numBuckets', 'must be a whole number from 1 to 7000, or "auto"'],
    [{ name: { a: 1 } }, 'name', 'must be a name as text'],
    [
      { temporal: { address: 'http://t:7233' } },
      'temporal.address',
      'must be host:port without a scheme, such as temporal.example.com:7233',
    ],
    [
      { temporal: { tls: 'maybe' } },
      'temporal.tls',
      'must be true, false or a section with caFile, certFile, keyFile or serverName',
    ],
  ])('%j', (content, key, message) => {
    expect(problems({ origin: section(), destination: section(), ...content })).toEqual([
      `${key} ${FROM_FILE}: ${message}`,
    ]);
  });

  it('a certificate without its key', () => {
    const temporal = { tls: { certFile: 'cert.pem' } };
    expect(problems({ origin: section(), destination: section(), temporal })).toEqual([
      'temporal.tls.keyFile: is missing; give both certFile and keyFile',
    ]);
  });

  it.each([
    [
      'a malformed expression',
      [
        { name: 'ok', from: '(?P<a>x)', to: 'a' },
        { name: 'b', from: '(', to: 'a' },
      ],
      '[1].from',
      '"from" error parsing regexp: missing closing )',
    ],
    ['an empty new path', [{ name: 'a', from: '(?P<a>x)', to: '/./' }], '[0].to', 'is empty'],
    [
      'a new path that leads out',
      [{ name: 'a', from: '(?P<a>x)', to: 'a/../../b' }],
      '[0].to',
      'leads out of Vault; remove a ".."',
    ],
    ['no new path', [{ name: 'a', from: '(?P<a>x)' }], '[0].to', 'is missing; give a path as text'],
    ['no rule', ['x'], '[0]', ''],
  ])('a transform with %s', (_reason, transforms, key, message) => {
    const [line] = problems({ origin: section(), destination: section({ transforms }) });
    expect(line).toContain(`destination.transforms${key} ${FROM_FILE}: ${message}`);
  });

  it('a value, and names its source', () => {
    const env = { VSYNC_DESTINATION_TICK: 'soon', VSYNC_ORIGIN_MOUNTS: 'a,/b' };
    const flags = { 'destination.vault.address': SECRET };
    expect(problems({ origin: section(), destination: section() }, { env, flags })).toEqual([
      'origin.mounts[1] (environment VSYNC_ORIGIN_MOUNTS): must not begin with "/"',
      'destination.vault.address (flag --destination.vault.address): must be an http or https URL, such as https://vault.example.com:8200',
      'destination.tick (environment VSYNC_DESTINATION_TICK): is not a duration; write a duration such as 500ms, 10s, 1m30s or 2h',
    ]);
  });
});
