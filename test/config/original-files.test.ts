import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { configFile, problemsOf, removeConfigFiles, section, SECRET } from './fixtures';
import { ORIGINAL_SAMPLES, REFUSED_SAMPLE } from './original-samples';

afterAll(removeConfigFiles);

/** Without the file's folder. */
function load(content: object, env: NodeJS.ProcessEnv = {}): { config: Config; warnings: string[] } {
  const { config, warnings } = loadConfig(undefined, { file: configFile(content), env });
  return { config, warnings: warnings.map((warning) => warning.replace(/file \S*\//g, 'file ')) };
}

describe('loadConfig, for the samples of the original,', () => {
  it('reads the token of origin.json, and not its AppRole', () => {
    const { config, warnings } = load(ORIGINAL_SAMPLES['origin.json']);
    expect(config).toMatchObject({
      role: 'origin',
      numBuckets: 19,
      origin: {
        vault: { auth: { kind: 'token', token: 's.MadeUpOriginToken' } },
        consul: { address: 'http://127.0.0.1:6500', dc: 'dc1' },
        mounts: ['secret/'],
        syncPath: 'vsync/',
        numWorkers: 5,
        tickMs: 10_000,
        timeoutMs: 10_000,
        renewToken: true,
      },
    });
    expect(warnings).toEqual([
      'origin.vault.token (file config.json) is used, and origin.vault.approle.role_id (file config.json) and ' +
        'origin.vault.approle.secret_id (file config.json) are not; remove one of the two',
    ]);
  });

  it.each([
    ['dest.v2.json', { kind: 'token' }, 1],
    ['dest.v3.json', { kind: 'approle', path: 'approle', roleId: '00000000-made-up-role' }, 0],
    ['dest_loop.v2.json', { kind: 'token' }, 1],
  ] as const)('reads %s', (name, auth, transforms) => {
    const { config, warnings } = load(ORIGINAL_SAMPLES[name]);
    expect(config).toMatchObject({
      role: 'destination',
      name: ORIGINAL_SAMPLES[name].name,
      origin: { vault: { auth } },
      destination: { vault: { auth }, consul: { dc: 'dc2' }, numWorkers: 10, tickMs: 10_000 },
    });
    expect(config).toHaveProperty('destination.transforms.length', transforms);
    expect(warnings).toEqual([]);
  });

  it('refuses dest.v1.json for a key, as the original does', () => {
    expect(problemsOf(() => load(REFUSED_SAMPLE))).toEqual([
      'origin.dc (file config.json): is no longer read; write origin.consul.dc instead',
    ]);
  });
});

describe('loadConfig', () => {
  const approle = { role_id: 'r', secret_id: `${SECRET}-id` };

  it('prefers a token to an AppRole at both sides, from any source', () => {
    const content = {
      origin: section({ vault: { address: 'http://a', approle } }),
      destination: section({
        vault: { address: 'http://a', token: `${SECRET}-t`, approle: { role_id: 'r' } },
      }),
    };
    const { config, warnings } = load(content, { VSYNC_ORIGIN_VAULT_TOKEN: `${SECRET}-env` });
    expect(config).toMatchObject({
      origin: { vault: { auth: { kind: 'token', token: `${SECRET}-env` } } },
      destination: { vault: { auth: { kind: 'token', token: `${SECRET}-t` } } },
    });
    expect(warnings).toEqual([
      'origin.vault.token (environment VSYNC_ORIGIN_VAULT_TOKEN) is used, and origin.vault.approle.role_id (file ' +
        'config.json) and origin.vault.approle.secret_id (file config.json) are not; remove one of the two',
      'destination.vault.token (file config.json) is used, and destination.vault.approle.role_id (file config.json) ' +
        'is not; remove one of the two',
    ]);
    expect(warnings.join()).not.toContain('CAES');
  });

  it('does not warn of both in a section that the role does not read', () => {
    const content = {
      origin: section(),
      destination: section({ vault: { address: 'http://a', token: 't', approle } }),
    };
    expect(loadConfig('origin', { file: configFile(content), env: {} }).warnings).toEqual([]);
  });

  it('uses the AppRole if the token is empty', () => {
    const { config, warnings } = load({
      origin: section({ vault: { address: 'http://a', token: '', approle } }),
    });
    expect(config.origin.vault.auth).toMatchObject({ kind: 'approle', roleId: 'r' });
    expect(warnings).toEqual([]);
  });
});

describe('loadConfig', () => {
  it.each([
    ['config.json', JSON.stringify({ $schema: './vsync.schema.json', name: 'x', origin: section() })],
    [
      'config.yaml',
      '$schema: ./s.json\nname: x\norigin:\n  vault: { address: http://a, token: t }\n  consul: { address: c:1 }\n  mounts: [a/]\n',
    ],
    [
      'config.hcl',
      '"$schema" = "s.json"\nname = "x"\norigin { vault { address = "http://a" token = "t" } consul { address = "c:1" } mounts = ["a/"] }',
    ],
  ])('ignores "$schema" at the top of %s', (name, text) => {
    const { config, warnings } = loadConfig('origin', { file: configFile(text, name), env: {} });
    expect(config.name).toBe('x');
    expect(config).not.toHaveProperty('$schema');
    expect(warnings).toEqual([]);
  });

  it('refuses "$schema" in a section', () => {
    const [line, ...more] = problemsOf(() => load({ origin: section({ $schema: 'x' }) }));
    expect(line).toMatch(/^origin\.… \(file config\.json\): is not a key of vsync; /);
    expect(more).toEqual([]);
  });
});
