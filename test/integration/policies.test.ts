import { randomUUID } from 'node:crypto';
import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import type { Config } from '../../src/config/schema';
import type { SecretAnswer } from '../../src/syncer/secrets/answer';
import { SecretsQuestion } from '../../src/syncer/secrets/secrets-question';
import { ConsulAcl } from '../support/consul-acl';
import { documentedPolicies } from '../../dev/shared/policies';
import { reducedPolicies } from '../support/policies';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';
import type { VaultApi } from '../../dev/shared/vault-api';

/** The policies of docs/policies.md, on a real Vault and on a real Consul that denies by default. */

const policies = documentedPolicies();
const managementToken = randomUUID();
let consul: ConsulServer;
let acl: ConsulAcl;
let sync: SyncFixture | undefined;

beforeAll(async () => {
  consul = await startConsul({ managementToken });
  acl = new ConsulAcl(consul.address, managementToken);
});

afterEach(async () => {
  await sync?.tearDown();
  sync = undefined;
});

afterAll(() => consul.stop());

interface Tokens {
  origin: string;
  atOrigin: string;
  destination: string;
}

/** The text of a policy, with the fixture's mount and sync paths. */
function text(name: string, { mount, infoPrefix }: Pick<SyncFixture, 'mount' | 'infoPrefix'>): string {
  const policy = policies.get(name);
  if (policy === undefined) throw new Error(`docs/policies.md has no policy ${name}`);
  return policy
    .replaceAll('secret/', mount)
    .replaceAll('vsync/origin/', infoPrefix('origin'))
    .replaceAll('vsync/destination/', infoPrefix('destination'));
}

/** A sync whose tokens have exactly the documented policies. */
async function syncUnder(
  names: { origin?: string; atOrigin?: string; destination: string },
  options: FixtureOptions = {},
): Promise<SyncFixture> {
  const vault: Partial<Tokens> = {};
  const keys: Partial<Tokens> = {};
  const made = await SyncFixture.create({
    ...options,
    beforeFiles: async (fixture) => {
      const { id, originVault, destinationVaults } = fixture;
      const of = (name: string): string =>
        text(name, { mount: fixture.mount, infoPrefix: (role) => fixture.infoPrefix(role) });
      const own = destinationVaults[0] as VaultApi;
      vault.origin = await originVault.tokenFor(`origin-${id}`, of(names.origin ?? 'origin'));
      vault.atOrigin = await originVault.tokenFor(`at-${id}`, of(names.atOrigin ?? 'destination-at-origin'));
      vault.destination = await own.tokenFor(`destination-${id}`, of(names.destination));
      keys.origin = await acl.tokenFor(`origin-${id}`, of('consul-origin'));
      keys.atOrigin = await acl.tokenFor(`at-${id}`, of('consul-destination-at-origin'));
      keys.destination = await acl.tokenFor(`destination-${id}`, of('consul-destination'));
    },
    edit: (file, role) => {
      type Side = Record<'vault' | 'consul', Record<string, unknown>>;
      const { origin, destination } = file as { origin: Side; destination?: Side };
      const asked = role === 'origin' ? 'origin' : 'atOrigin';
      origin.vault['token'] = vault[asked];
      origin.consul = { address: consul.address, token: keys[asked] };
      if (destination !== undefined) {
        destination.vault['token'] = vault.destination;
        destination.consul = { address: consul.address, token: keys.destination };
      }
      options.edit?.(file, role);
    },
  });
  return (sync = made);
}

const checks = (config: Config): Promise<Check[]> => runChecks(config, { warnings: [], foreign: [] });
const outcomes = (found: readonly Check[], outcome: Check['outcome']): string[] =>
  found.filter((check) => check.outcome === outcome).map(({ what, detail }) => `${what}: ${detail}`);

test('docs/policies.md has every policy that these tests use', () => {
  expect([...policies.keys()].sort()).toEqual([
    'consul-destination',
    'consul-destination-at-origin',
    'consul-origin',
    'consul-synced',
    'destination',
    'destination-at-origin',
    'destination-at-origin-with-include',
    'destination-of-the-original',
    'destination-with-include',
    'destination-with-metadata',
    'destination-without-deletes',
    'origin',
    'origin-openbao',
    'origin-with-include',
    'synced-at-destination',
    'synced-at-origin',
    'verify-at-destination',
    'verify-at-origin',
  ]);
});

describe('vsync with exactly the documented policies', () => {
  test.each<[policy: string, ignoreDeletes: boolean]>([
    ['destination', false],
    ['destination-without-deletes', true],
    ['destination-of-the-original', false],
    ['destination-with-metadata', false],
    ['destination-with-include', false],
  ])('copies, changes and deletes with the policy %s', async (destination, ignoreDeletes) => {
    const isFiltered = destination === 'destination-with-include';
    const isWithMetadata = destination === 'destination-with-metadata';
    const names = isFiltered
      ? { origin: 'origin-with-include', atOrigin: 'destination-at-origin-with-include', destination }
      : { destination };
    const edit = (file: Record<string, unknown>, role: 'origin' | 'destination'): void => {
      file['syncMetadata'] = isWithMetadata;
      const section = file[role] as { mounts: string[]; include?: string[] };
      if (isFiltered) section.include = [`${section.mounts[0] ?? ''}team/**`];
    };
    const made = await syncUnder(names, { ignoreDeletes, edit });
    const { mount, originVault } = made;
    const own = made.destinationVaults[0] as VaultApi;
    await originVault.put(mount, 'team/kept', { value: 1 });
    await originVault.put(mount, 'team/gone', { value: 1 });
    await originVault.put(mount, 'other', { value: 1 });
    if (isWithMetadata)
      await originVault.request('POST', `${mount}metadata/team/kept`, { custom_metadata: { owner: 'team' } });
    await made.work();
    await made.start('origin');
    await made.start('destination');
    const cycles = async (): Promise<void> => {
      expect(await made.cycle('origin')).toMatchObject({ counts: { failed: 0, unknown: 0 } });
      expect(await made.cycle('destination')).toMatchObject({ counts: { failed: 0, unknown: 0 } });
    };
    await cycles();
    expect(await own.get(mount, 'team/kept')).toEqual({ value: 1 });
    expect(await own.get(mount, 'team/gone')).toEqual({ value: 1 });
    expect(await own.get(mount, 'other')).toEqual(isFiltered ? undefined : { value: 1 });
    if (isWithMetadata) {
      expect(await own.request('GET', `${mount}metadata/team/kept`)).toMatchObject({
        data: { custom_metadata: { owner: 'team' } },
      });
    }

    await originVault.put(mount, 'team/kept', { value: 2 });
    await originVault.delete(mount, 'team/gone');
    await cycles();
    expect(await own.get(mount, 'team/kept')).toEqual({ value: 2 });
    expect(await own.get(mount, 'team/gone')).toEqual(ignoreDeletes ? { value: 1 } : undefined);

    for (const role of ['origin', 'destination'] as const) {
      expect(outcomes(await checks(made.config(role)), 'fail')).toEqual([]);
    }
    const advice = outcomes(await checks(made.config('destination')), 'warning');
    expect(advice.join('\n')).toMatch(
      destination === 'destination-of-the-original'
        ? /^Vault \S+ \(destination.vault\): capabilities: add update on \S+\/delete\/\*/
        : /^$/,
    );
  });

  test.each([
    [false, 'synced-at-origin'],
    [true, 'destination-at-origin'],
  ])('answers whether a secret is synced (verify: %s) with the policy %s', async (verify, atOrigin) => {
    const made = await syncUnder({ destination: 'destination' });
    const { id, mount, originVault } = made;
    const own = made.destinationVaults[0] as VaultApi;
    await originVault.put(mount, 'app', { value: 1 });
    await made.run();
    await made.cycle('origin');
    await made.cycle('destination');
    const of = (name: string): string => text(name, { mount, infoPrefix: made.infoPrefix.bind(made) });
    const config = made.config('destination');
    if (config.role !== 'destination') throw new Error('not a destination');
    const asked = await originVault.tokenFor(`asked-${id}`, of(atOrigin));
    config.origin.vault.auth = { kind: 'token', token: asked };
    const there = await own.tokenFor(`there-${id}`, of('synced-at-destination'));
    config.destination.vault.auth = { kind: 'token', token: verify ? there : 'is not used' };
    config.origin.consul.token = config.destination.consul.token = await acl.tokenFor(
      `synced-${id}`,
      of('consul-synced'),
    );
    const question = new SecretsQuestion([config]);
    const { signal } = new AbortController();
    const ask = (): Promise<SecretAnswer> =>
      question.ask(question.placeOf(`${mount}app`), { verify, signal });
    expect(await ask()).toMatchObject({ verdict: 'Synced' });
    await originVault.put(mount, 'app', { value: 2 });
    expect((await ask()).destinations).toEqual([
      {
        name: config.name,
        state: 'behind',
        version: 2,
        detail: "it has version 1; the origin's next cycle publishes it",
      },
    ]);
    await question.close();
  });

  test('checks capabilities on the included folder only', async () => {
    const made = await syncUnder(
      {
        origin: 'origin-with-include',
        atOrigin: 'destination-at-origin-with-include',
        destination: 'destination-with-include',
      },
      {
        edit: (file, role) => {
          const section = file[role] as { mounts: string[]; include?: string[] };
          section.include = [`${section.mounts[0] ?? ''}team/**`];
        },
      },
    );
    for (const role of ['origin', 'destination'] as const) {
      expect(outcomes(await checks(made.config(role)), 'fail')).toEqual([]);
      const whole = made.config(role);
      whole.origin.include = [];
      if (whole.role === 'destination') whole.destination.include = [];
      expect(outcomes(await checks(whole), 'fail').join('\n')).toContain(`on ${made.mount}metadata/*`);
    }
  });

  test('checks capabilities on metadata with syncMetadata', async () => {
    const made = await syncUnder({ destination: 'destination-with-metadata' });
    const config = Object.assign(made.config('destination'), { syncMetadata: true });
    expect(outcomes(await checks(config), 'fail')).toEqual([]);
    const plain = await (made.destinationVaults[0] as VaultApi).tokenFor(
      `plain-${made.id}`,
      text('destination', { mount: made.mount, infoPrefix: (role) => made.infoPrefix(role) }),
    );
    if (config.role !== 'destination') throw new Error('not a destination');
    config.destination.vault.auth = { kind: 'token', token: plain };
    expect(outcomes(await checks(config), 'fail')).toEqual([
      expect.stringContaining(`the token lacks create, update on ${made.mount}metadata/*;`),
    ]);
  });
});

describe('vsync with one capability less', () => {
  test('names exactly that capability in vsync check, with the policy that grants it', async () => {
    const made = await syncUnder({ destination: 'destination' });
    const own = made.destinationVaults[0] as VaultApi;
    const fixture = { mount: made.mount, infoPrefix: made.infoPrefix.bind(made) };
    const cases: [
      role: 'origin' | 'destination',
      side: string,
      vault: VaultApi,
      name: string,
      policy: string,
    ][] = [
      ['origin', 'origin', made.originVault, `origin-${made.id}`, text('origin', fixture)],
      ['destination', 'origin', made.originVault, `at-${made.id}`, text('destination-at-origin', fixture)],
      ['destination', 'destination', own, `destination-${made.id}`, text('destination', fixture)],
    ];
    let number = 0;
    for (const [role, side, vault, name, policy] of cases) {
      for (const { capability, policyPath, policy: reduced } of reducedPolicies(policy)) {
        await vault.request('PUT', `sys/policies/acl/${name}`, { policy: reduced });
        const failed = (await checks(made.config(role))).filter(({ outcome }) => outcome === 'fail');
        expect(failed).toEqual([
          {
            what: `Vault ${vault.vault.address} (${side}.vault): capabilities`,
            outcome: 'fail',
            detail: `the token lacks ${capability} on ${policyPath}; give the token of ${side}.vault this policy`,
            policy: policy.trim(),
          },
        ]);
        number++;
      }
      await vault.request('PUT', `sys/policies/acl/${name}`, { policy });
    }
    expect(number).toBe(8);
  });

  test('fails the next cycle of a running worker in its preflight, with the missing capabilities', async () => {
    const made = await syncUnder({ destination: 'destination' });
    const own = made.destinationVaults[0] as VaultApi;
    await made.originVault.put(made.mount, 'a', { value: 1 });
    await made.run();
    await made.cycle('origin');
    await own.request('PUT', `sys/policies/acl/destination-${made.id}`, {
      policy: `path "${made.mount}data/*" { capabilities = ["read", "create"] }`,
    });
    await expect(made.cycle('destination')).rejects.toMatchObject({
      cause: {
        type: 'VaultForbidden',
        nonRetryable: true,
        message:
          `preflight: Vault ${own.vault.address}: the token of destination.vault lacks update on ${made.mount}data/*; ` +
          `update on ${made.mount}delete/*; add it to its policy. The text of the policy is printed by: ` +
          'vsync check -c FILE',
      },
    });
  });

  test.each<[role: 'origin' | 'destination', side: string, problem: string, rule: string]>([
    ['origin', 'origin', 'cannot create the key: permission denied (403)', 'consul-origin'],
    ['destination', 'destination', 'cannot create the key: permission denied (403)', 'consul-destination'],
    ['destination', 'origin', 'permission denied (403)', 'consul-destination-at-origin'],
  ])(
    'names a missing Consul permission in vsync check: the %s at %s.consul',
    async (role, side, problem, rule) => {
      const made = await syncUnder({ destination: 'destination' });
      const fixture = { mount: made.mount, infoPrefix: made.infoPrefix.bind(made) };
      const readOnly = await acl.tokenFor(
        `less-${made.id}`,
        rule === 'consul-destination-at-origin'
          ? `key_prefix "other/" { policy = "read" }`
          : text(rule, fixture).replace('write', 'read'),
      );
      const config = made.config(role);
      const section =
        side === 'destination' && config.role === 'destination' ? config.destination : config.origin;
      section.consul.token = readOnly;
      const failed = (await checks(config)).filter(({ outcome }) => outcome === 'fail');
      expect(failed).toEqual([
        {
          what: expect.stringMatching(
            new RegExp(`^Consul ${consul.address} \\(${side}.consul\\): `),
          ) as string,
          outcome: 'fail',
          detail: expect.stringContaining(problem) as string,
          policy: text(rule, fixture).trim(),
        },
      ]);
    },
  );
});

test('vsync check accepts a token that may not look itself up, and warns that its capabilities are unchecked', async () => {
  const made = await syncUnder({ destination: 'destination' });
  const own = made.destinationVaults[0] as VaultApi;
  const answer = (await own.request('POST', 'auth/token/create', {
    policies: [`destination-${made.id}`],
    no_default_policy: true,
    no_parent: true,
  })) as { auth: { client_token: string } };
  const config = made.config('destination');
  if (config.role !== 'destination') throw new Error('not a destination');
  config.destination.vault.auth = { kind: 'token', token: answer.auth.client_token };
  const found = await checks(config);
  expect(outcomes(found, 'fail')).toEqual([]);
  expect(outcomes(found, 'warning')).toEqual([
    expect.stringMatching(/\(destination.vault\): token: is alive, but may not look itself up/),
    expect.stringMatching(/capabilities: what the token may do cannot be checked, because it may not ask/),
    expect.stringMatching(/origin\/index does not exist yet: the destination waits/),
  ]);
});
