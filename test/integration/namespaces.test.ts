import { runChecks } from '../../src/cli/check/command';
import { createClients } from '../../src/activities/clients';
import type { DestinationConfig } from '../../src/config/schema';
import { createLog } from '../../src/log';
import { createWorkers } from '../../src/worker/create-workers';
import { BaoFront } from '../support/bao-front';
import { always } from '../support/bao-namespaces';
import { testBundle } from '../support/bundle';
import { NAMESPACED, type NamespacedVault } from '../support/namespaced-vault';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';
import { VaultApi } from '../../dev/shared/vault-api';
import { onVault } from '../support/vault-kind';

/** A side's Vault and mounts, as a configuration file has them. */
interface Side {
  vault: Record<string, unknown>;
  mounts?: string[];
}

let sync: SyncFixture | undefined;
afterEach(async () => {
  await sync?.tearDown();
  sync = undefined;
});

/** A sync between two places. Its mount exists in each of the server's namespaces. */
async function syncBetween(
  vault: NamespacedVault,
  places: (mount: string) => { origin: Side; destination: Side & Record<string, unknown> },
  options: FixtureOptions = {},
): Promise<SyncFixture> {
  const { address, rootToken: token } = vault;
  sync = await SyncFixture.create({
    ...options,
    beforeFiles: async ({ mount }) => {
      for (const namespace of ['', 'A', 'B']) await vault.in(namespace).mount(mount);
    },
    edit: (file, role) => {
      const { mounts } = file['origin'] as { mounts: [string] };
      const { origin, destination } = places(mounts[0]);
      const put = (side: string, { vault: more, ...rest }: Side): void => {
        const section = file[side] as object;
        Object.assign(section, rest, { vault: { address, token, ...more } });
      };
      put('origin', origin);
      if (role === 'destination') put('destination', destination);
    },
  });
  return sync;
}

const between = (origin: string, destination: string) => () => ({
  origin: { vault: { namespace: origin } },
  destination: { vault: { namespace: destination } },
});

const failed = async (made: SyncFixture): Promise<string[]> =>
  (await runChecks(made.config('destination'), { warnings: [], foreign: [] }))
    .filter(({ outcome }) => outcome === 'fail')
    .map(({ detail }) => detail);

/** Expects that check names the reason, and that neither `start` nor a worker begins. */
async function expectRefused(made: SyncFixture, words: RegExp): Promise<void> {
  expect(await failed(made)).toEqual([expect.stringMatching(words)]);
  await expect(made.start('destination')).rejects.toThrow(words);
  const log = createLog({ level: 'error', type: 'json' });
  const working = createWorkers([made.config('destination')], { log, workflowBundle: testBundle() });
  await expect(working).rejects.toThrow(words);
}

describe.each(NAMESPACED)('vsync with namespaces of %s', (name, startVault) => {
  // The stand-in has tokens of the root namespace only.
  const realTest = name === 'OpenBao' ? test : test.skip;
  let vault: NamespacedVault;
  beforeAll(async () => (vault = await startVault()));
  afterAll(() => vault.stop());

  test('copies secrets from one namespace to another of the same server', async () => {
    const made = await syncBetween(vault, between('A', '/B/'));
    expect(await failed(made)).toEqual([]);
    await made.run();
    await vault.in('A').put(made.mount, 'x', { of: 'A' });
    await vault.in('A').put(made.mount, 'stays', { of: 'A' });
    await vault.in('B').put(made.mount, 'theirs', { of: 'B' });
    await made.cycle('origin');
    expect(await made.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: 2, held: 0 },
    });
    expect(await vault.in('B').get(made.mount, 'x')).toEqual({ of: 'A' });
    expect(await vault.in('').version(made.mount, 'x')).toBe(0);
    await vault.in('A').delete(made.mount, 'x');
    await made.cycle('origin');
    expect(await made.cycle('destination')).toMatchObject({ counts: { deleted: 1 } });
    expect(await vault.in('B').get(made.mount, 'x')).toBeUndefined();
    expect(await vault.in('B').get(made.mount, 'theirs')).toEqual({ of: 'B' });
    expect(await made.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  });

  test('accepts a namespace in front of the mount, for either side', async () => {
    const made = await syncBetween(vault, (mount) => ({
      origin: { vault: {}, mounts: [`A/${mount}`] },
      destination: {
        vault: {},
        mounts: [`B/${mount}`],
        transforms: [{ name: 'b', from: `^A/${mount}data/(?P<rest>.+)$`, to: `B/${mount}data/rest` }],
      },
    }));
    expect(await failed(made)).toEqual([]);
    await made.run();
    await vault.in('A').put(made.mount, 'team/x', { of: 'A' });
    await made.cycle('origin');
    expect(await made.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
    expect(await vault.in('B').get(made.mount, 'team/x')).toEqual({ of: 'A' });
  });

  test.each([
    ['', 'root'],
    ['root/', ''],
    ['A', '/A/'],
  ])('refuses the namespaces "%s" and "%s", because both are one place', async (origin, destination) => {
    const made = await syncBetween(vault, between(origin, destination));
    await expectRefused(
      made,
      /lead to one Vault: \S+ is the same mount at both ends, so that each secret would/,
    );
  });

  test('reports a loop however the namespace is written', async () => {
    const made = await syncBetween(vault, (mount) => ({
      origin: { vault: {}, mounts: [`A/${mount}`] },
      destination: {
        vault: { namespace: 'A' },
        transforms: [{ name: 'deeper', from: `^A/${mount}data/(?P<rest>.+)$`, to: `${mount}data/copy/rest` }],
      },
    }));
    await vault.in('A').put(made.mount, 'x', { of: 'A' });
    await made.run();
    await made.cycle('origin');
    const path = `A/${made.mount}data/x`;
    expect(await made.cycle('destination')).toMatchObject({
      outcome: 'partial',
      counts: { added: 0 },
      failures: [{ path, class: 'loop', with: `${made.mount}data/copy/x` }],
    });
    expect(await vault.in('A').version(made.mount, 'copy/x')).toBe(0);
  });

  describe('behind gateways that set the namespace', () => {
    const gateways: BaoFront[] = [];
    afterEach(async () => {
      for (const gateway of gateways.splice(0)) await gateway.close();
    });
    const gatewayTo = async (namespace: string): Promise<string> => {
      const gateway = await BaoFront.before(vault.address, always(namespace));
      gateways.push(gateway);
      return gateway.address;
    };

    test('copies between two gateways, although the configuration names no namespace', async () => {
      const [a, b] = [await gatewayTo('A'), await gatewayTo('B')];
      const made = await syncBetween(vault, () => ({
        origin: { vault: { address: a } },
        destination: { vault: { address: b } },
      }));
      await made.run();
      await vault.in('A').put(made.mount, 'x', { of: 'A' });
      await made.cycle('origin');
      expect(await made.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
      expect(await vault.in('B').get(made.mount, 'x')).toEqual({ of: 'A' });
    });

    test('refuses a gateway to the namespace that the other side names', async () => {
      const a = await gatewayTo('A');
      const made = await syncBetween(vault, () => ({
        origin: { vault: { address: a } },
        destination: { vault: { namespace: 'A' } },
      }));
      await expectRefused(made, /lead to one Vault: \S+ is the same mount at both ends/);
    });

    test('refuses a gateway that leads to another namespace than the configuration names', async () => {
      const b = await gatewayTo('B');
      const made = await syncBetween(vault, () => ({
        origin: { vault: { namespace: 'A' } },
        destination: { vault: { address: b, namespace: 'A' } },
      }));
      await expectRefused(made, /takes no notice of the namespace A \(destination\.vault\.namespace\)/);
    });
  });

  test('accepts a token of the root namespace, and prints and checks its policy as seen from the root', async () => {
    const made = await syncBetween(vault, between('A', 'B'));
    const { mount } = made;
    await vault.in('A').put(mount, 'x', { of: 'A' });
    const policy = (rest: string): string => `
      path "A/${mount}data/*"     { capabilities = ["read"] }
      path "A/${mount}metadata/*" { capabilities = ["read", "list"] }
      path "B/${mount}data/*"     { capabilities = ["create", "read", "update"] }
      ${rest}`;
    const withToken = async (rest: string, more: object = {}): Promise<DestinationConfig> => {
      const token = await vault.in('').tokenFor(`${made.id}-${rest.length}`, policy(rest));
      const config = made.config('destination') as DestinationConfig;
      const changed = (section: DestinationConfig['origin']['vault']) => ({
        ...section,
        auth: { kind: 'token' as const, token },
        authNamespace: '',
        ...more,
      });
      return {
        ...config,
        origin: { ...config.origin, vault: changed(config.origin.vault) },
        destination: { ...config.destination, vault: changed(config.destination.vault) },
      };
    };
    const found = async (config: DestinationConfig) =>
      (await runChecks(config, { warnings: [], foreign: [] })).filter(
        ({ what, outcome }) => outcome !== 'pass' && !what.startsWith('Consul'),
      );
    expect(await found(await withToken(''))).toEqual([
      expect.objectContaining({
        outcome: 'fail',
        detail: expect.stringContaining(`the token lacks update on B/${mount}delete/*`) as string,
        policy: expect.stringContaining(`path "B/${mount}delete/*" { capabilities = ["update"] }`) as string,
      }),
      expect.objectContaining({ what: 'origin.vault and destination.vault', outcome: 'warning' }),
    ]);
    const whole = `path "B/${mount}delete/*" { capabilities = ["update"] }`;
    expect(await found(await withToken(whole))).toEqual([]);
    // Only the real OpenBao reports the namespace of a token.
    if (!vault.isReal) return;
    const untold = await found(await withToken(whole, { authNamespace: undefined }));
    expect(untold.map(({ detail }) => detail)).toEqual([
      expect.stringContaining('set origin.vault.authNamespace: "root"'),
      expect.stringContaining('set destination.vault.authNamespace: "root"'),
    ]);
  });

  realTest('logs in with an AppRole of another namespace than that of the secrets', async () => {
    const made = await syncBetween(vault, between('A', 'B'));
    const root = vault.in('');
    await root.request('POST', 'sys/auth/approle', { type: 'approle' });
    await root.request('PUT', `sys/policies/acl/${made.id}`, {
      policy: `path "A/${made.mount}*" { capabilities = ["create", "read", "update", "list"] }`,
    });
    await root.request('POST', `auth/approle/role/${made.id}`, { token_policies: made.id });
    const { data: role } = (await root.request('GET', `auth/approle/role/${made.id}/role-id`)) as {
      data: { role_id: string };
    };
    const { data: secret } = (await root.request('POST', `auth/approle/role/${made.id}/secret-id`, {})) as {
      data: { secret_id: string };
    };
    const config = made.config('origin');
    const auth = {
      kind: 'approle' as const,
      path: 'approle',
      roleId: role.role_id,
      secretId: secret.secret_id,
    };
    const origin = { ...config.origin, vault: { ...config.origin.vault, auth, authNamespace: '' } };
    const checks = await runChecks({ ...config, role: 'origin', origin } as never, {
      warnings: [],
      foreign: [],
    });
    expect(checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
    expect(checks.map(({ detail }) => detail)).toContain('the token may do all that is needed');
  });
});

onVault('OpenBao has namespaces').describe('vsync with a free Vault', () => {
  test.each(['origin', 'destination'] as const)(
    'refuses a namespace of the %s, which a free Vault ignores',
    async (side) => {
      sync = await SyncFixture.create({
        edit: (file) => {
          const section = file[side] as { vault: object } | undefined;
          if (section !== undefined) section.vault = { ...section.vault, namespace: 'team' };
        },
      });
      const words = new RegExp(`takes no notice of the namespace team \\(${side}\\.vault\\.namespace\\)`);
      await expectRefused(sync, words);
      if (side === 'origin') await expect(createClients(sync.config('origin'))).rejects.toThrow(words);
    },
  );

  test('refuses two namespaces, which are one place there', async () => {
    const { origin } = sharedServers();
    sync = await SyncFixture.create({
      edit: (file) => {
        for (const [side, namespace] of [
          ['origin', 'A'],
          ['destination', 'B'],
        ] as const) {
          const section = file[side] as { vault: object } | undefined;
          const vault = { address: origin.address, token: origin.rootToken, namespace };
          if (section !== undefined) Object.assign(section, { vault });
        }
      },
    });
    await new VaultApi(origin).put(sync.mount, 'x', { v: 1 });
    await expect(sync.start('destination')).rejects.toThrow(/takes no notice of the namespace A/);
    await expect(sync.start('origin')).rejects.toThrow(/takes no notice of the namespace A/);
    expect(await new VaultApi(origin).version(sync.mount, 'x')).toBe(1);
  });
});
