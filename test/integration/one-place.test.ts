import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import { assertStillTheSame } from '../../src/activities/destination/cycle/preflight';
import { createClients, type Clients } from '../../src/activities/clients';
import type { DestinationConfig } from '../../src/config/schema';
import { WRAP_TTL_S } from '../../src/limits';
import { createLog } from '../../src/log';
import { assertOwnSchedule } from '../../src/temporal/ownership';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { isOneServer } from '../../src/vault/one-server';
import { createWorkers } from '../../src/worker/create-workers';
import { BaoFront, changed, type Behaviour } from '../support/bao-front';
import { testBundle } from '../support/bundle';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { asShared, startOwnServers, stopOwnServers, type OwnServers } from '../support/own-servers';
import { restoreFrom } from '../support/restored-vault';
import { startVaultCluster, startVaultDev, type VaultServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { TcpProxy } from '../../dev/shared/tcp-proxy';
import { VaultApi, type RootVault } from '../../dev/shared/vault-api';

/** Evidence shows whether both ends are one Vault. The cluster id does not: clones share it. */

const clients: VaultClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function clientOf({ address, rootToken: token }: RootVault): VaultClient {
  const client = new VaultClient({ address, auth: { kind: 'token', token }, namespace: '' });
  clients.push(client);
  return client;
}

/** Passes once a Vault has only these tokens: it removes a token that is used up a moment after its answer. */
const haveOnly = (vault: RootVault, accessors: string[]): Promise<void> =>
  eventually(
    async () => {
      expect(await tokensOf(vault)).toEqual(accessors);
    },
    'the removal of a wrapping token',
    (WRAP_TTL_S * 1000) / 2,
  );

/** Accessors of all tokens of a Vault. */
async function tokensOf(vault: RootVault): Promise<string[]> {
  const { data } = (await new VaultApi(vault).request('LIST', 'auth/token/accessors')) as {
    data: { keys: string[] };
  };
  return data.keys.sort();
}

const checksOf = (config: DestinationConfig): Promise<Check[]> =>
  runChecks(config, { warnings: [], foreign: [] });
const bothEnds = async (config: DestinationConfig): Promise<Check | undefined> =>
  (await checksOf(config)).find(({ what }) => what === 'origin.vault and destination.vault');

describe('isOneServer', () => {
  // Not the shared ones, whose tokens come and go with the tests of other files.
  let one: VaultServer;
  let another: VaultServer;

  beforeAll(async () => {
    [one, another] = await Promise.all([startVaultDev(), startVaultDev()]);
  });

  afterAll(async () => {
    await Promise.all([one.stop(), another.stop()]);
  });

  const NO_DEFAULT = { policies: ['none'], no_default_policy: true, ttl: '1h' };
  async function withoutDefaultPolicy(vault: RootVault): Promise<RootVault> {
    const answer = await new VaultApi(vault).request('POST', 'auth/token/create', NO_DEFAULT);
    const { client_token: rootToken } = (answer as { auth: { client_token: string } }).auth;
    return { ...vault, rootToken };
  }

  test('distinguishes two addresses of one Vault from two Vaults, and leaves no token behind', async () => {
    const proxy = await FaultProxy.before(one.address);
    try {
      const before = [await tokensOf(one), await tokensOf(another)] as const;
      const other = clientOf({ ...one, address: proxy.address });
      expect(await isOneServer(clientOf(one), other)).toBe(true);
      expect(await isOneServer(other, clientOf(one))).toBe(true);
      expect(await isOneServer(clientOf(one), clientOf(another))).toBe(false);
      await haveOnly(one, before[0]);
      await haveOnly(another, before[1]);
      // Proxies log URLs, so no URL may contain the token.
      expect(proxy.requests.filter((request) => /hvs\.|s\./.test(request.replace('sys.', '')))).toEqual([]);
    } finally {
      await proxy.close();
    }
  });

  test('needs one token that may wrap, and returns undefined without one', async () => {
    const { origin, destinations } = sharedServers();
    const [mute, other] = [await withoutDefaultPolicy(origin), await withoutDefaultPolicy(destinations[0])];
    expect(await isOneServer(clientOf(mute), clientOf(origin))).toBe(true);
    expect(await isOneServer(clientOf(mute), clientOf(destinations[0]))).toBe(false);
    expect(await isOneServer(clientOf(mute), clientOf(mute))).toBeUndefined();
    expect(await isOneServer(clientOf(mute), clientOf(other))).toBeUndefined();
  });

  test('removes its token also when the lookup fails', async () => {
    const proxy = await FaultProxy.before(another.address);
    try {
      proxy.choose((_method, url) => (url.endsWith('sys/wrapping/lookup') ? 'reset' : undefined));
      const before = await tokensOf(one);
      const asked = isOneServer(clientOf(one), clientOf({ ...another, address: proxy.address }));
      await expect(asked).rejects.toMatchObject({ kind: 'unavailable' });
      await haveOnly(one, before);
    } finally {
      await proxy.close();
    }
  });

  test('recognises all nodes of a cluster as one Vault, in any order', async () => {
    const cluster = await startVaultCluster([]);
    try {
      const nodes = cluster.addresses.map((address) => clientOf({ address, rootToken: cluster.rootToken }));
      for (const one of nodes) for (const other of nodes) expect(await isOneServer(one, other)).toBe(true);
    } finally {
      await cluster.stop();
    }
  });
});

describe('vsync with one Vault at both ends', () => {
  const byMistake = (address: string, edit: (section: Record<string, unknown>) => void = () => undefined) =>
    SyncFixture.create({
      edit: (file, role) => {
        if (role !== 'destination') return;
        const { vault } = file['origin'] as { vault: object };
        const section = file['destination'] as Record<string, unknown>;
        section['vault'] = { ...vault, address };
        edit(section);
      },
    });

  test('refuses the origin as its own destination in check, start, plan and worker, also under another address', async () => {
    const proxy = await FaultProxy.before(sharedServers().origin.address);
    const sync = await byMistake(proxy.address);
    try {
      await sync.originVault.put(sync.mount, 'x', { v: 1 });
      const words = new RegExp(
        `lead to one Vault: ${sync.mount} is the same mount at both ends, so that each secret would be its own copy`,
      );
      const config = sync.config('destination') as DestinationConfig;
      expect(await bothEnds(config)).toMatchObject({
        outcome: 'fail',
        detail: expect.stringMatching(words) as string,
      });
      await expect(sync.start('destination')).rejects.toThrow(words);
      await expect(sync.plan()).rejects.toThrow(words);
      const log = createLog({ level: 'error', type: 'json' });
      await expect(createWorkers([config], { log, workflowBundle: testBundle() })).rejects.toThrow(words);
      expect(await sync.consul.values(sync.infoPrefix('destination'))).toEqual({});
    } finally {
      await sync.tearDown();
      await proxy.close();
    }
  });

  test('refuses a performance replica of the origin, which has the secrets already', async () => {
    // Without Vault Enterprise: a front adds its performance replication to sys/health.
    const replica = (clusterId: string, mode: string): Behaviour => {
      return async (request, pass) => {
        const answer = await pass(request);
        if (request.path !== 'sys/health') return answer;
        return changed(answer, (body) =>
          Object.assign(body, { cluster_id: clusterId, replication_performance_mode: mode }),
        );
      };
    };
    const { origin } = sharedServers();
    const fronts = [
      await BaoFront.before(origin.address, replica('one', 'primary')),
      await BaoFront.before(origin.address, replica('two', 'secondary')),
    ] as const;
    const sync = await byMistake(fronts[1].address);
    try {
      const config = sync.config('destination') as DestinationConfig;
      Object.assign(config.origin.vault, { address: fronts[0].address });
      await expect(createClients(config)).rejects.toThrow(/are replicas of one Vault: .* its own copy/);
    } finally {
      await sync.tearDown();
      for (const front of fronts) await front.close();
    }
  });

  test('refuses two sides when no token can prove that they differ, and names the permission to give', async () => {
    const { origin } = sharedServers();
    const sync = await byMistake(origin.address);
    try {
      const policy = `path "${sync.mount}*" { capabilities = ["read", "create", "update", "list"] }`;
      await sync.originVault.request('PUT', `sys/policies/acl/${sync.id}`, { policy });
      const answer = await sync.originVault.request('POST', 'auth/token/create', {
        policies: [sync.id],
        no_default_policy: true,
      });
      const { client_token: token } = (answer as { auth: { client_token: string } }).auth;
      const config = sync.config('destination') as DestinationConfig;
      for (const side of [config.origin, config.destination])
        Object.assign(side, { vault: { ...side.vault, auth: { kind: 'token', token } } });
      await expect(createClients(config)).rejects.toThrow(
        /give one of the two tokens update on sys\/capabilities-self/,
      );
    } finally {
      await sync.tearDown();
    }
  });

  test('copies and claims only those secrets of the Vault that transforms move elsewhere', async () => {
    const sync = await byMistake(sharedServers().origin.address, (section) => {
      const [mount = ''] = section['mounts'] as string[];
      section['exclude'] = [`${mount}copy/**`];
      section['transforms'] = [
        { name: 'c', from: `^${mount}data/app/(?P<rest>.+)$`, to: `${mount}data/copy/rest` },
      ];
    });
    try {
      const config = sync.config('destination') as DestinationConfig;
      expect(await bothEnds(config)).toMatchObject({
        outcome: 'pass',
        detail: expect.stringContaining(
          `are one Vault, with these mounts in common: ${sync.mount};`,
        ) as string,
      });
      await sync.run();
      await sync.originVault.put(sync.mount, 'app/x', { v: 1 });
      await sync.originVault.put(sync.mount, 'itself', { v: 1 });
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({
        outcome: 'synced',
        counts: { added: 1, held: 1 },
      });
      const claims = Object.values(await sync.consul.values(sync.infoPrefix('destination'))).join('\n');
      expect(claims).toContain(`${sync.mount}data/app/x`);
      expect(claims).not.toContain('itself');
      await sync.cycle('origin');
      // The copy is a secret of the origin too. The filter excludes it.
      await sync.cycle('destination');
      expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
      await sync.originVault.delete(sync.mount, 'itself');
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 0, failed: 0, held: 0 } });
    } finally {
      await sync.tearDown();
    }
  });
});

const hostOf = ({ address }: { address: string }): string => new URL(address).host;

describe("a destination restored from the origin's snapshot", () => {
  let servers: OwnServers;
  let sync: SyncFixture;
  /** The destination's address. It can be led to the origin's Vault. */
  let proxy: TcpProxy;

  beforeAll(async () => {
    servers = await startOwnServers();
    proxy = await TcpProxy.before(hostOf(servers.vault));
    // A token of both Vaults, so that the worker's token stays valid after the restore.
    const token = 'of-both-vaults';
    for (const vault of [servers.vault, servers.originVault])
      await new VaultApi(vault).request('POST', 'auth/token/create', {
        id: token,
        policies: ['root'],
        no_parent: true,
      });
    sync = await SyncFixture.create({
      servers: asShared(servers),
      edit: (file, role) => {
        if (role === 'destination')
          Object.assign(file['destination'] as object, {
            vault: { address: `http://${proxy.address}`, token },
          });
      },
    });
  });
  afterAll(async () => {
    await sync.tearDown();
    await proxy.cut();
    await stopOwnServers(servers);
  });

  test('counts as another Vault, needs --adopt, and receives its secrets', async () => {
    for (const name of ['a', 'b', 'c']) await sync.originVault.put(sync.mount, name, { name, v: 1 });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');

    const clone = await restoreFrom(servers.originVault, servers.vault);
    // A worker that began before the restore notices it too.
    await expect(sync.cycle('destination')).rejects.toMatchObject({
      cause: {
        type: 'ConfigChanged',
        message: expect.stringContaining('is not the Vault that it was when this worker began') as string,
      },
    });
    await sync.stopWork();
    const theirs = new VaultApi(clone);
    expect(await theirs.get(sync.mount, 'a')).toEqual({ name: 'a', v: 1 });
    await sync.originVault.put(sync.mount, 'a', { name: 'a', v: 2 });
    await sync.originVault.put(sync.mount, 'new', { name: 'new' });

    const config = sync.config('destination') as DestinationConfig;
    expect(await bothEnds(config)).toMatchObject({
      outcome: 'pass',
      detail: expect.stringContaining('are two Vaults with one cluster id') as string,
    });
    // The restored Vault is neither the earlier one nor the origin.
    await expect(sync.start('destination')).rejects.toThrow(
      /destination\.vault \(cluster id\) was (\S+) at \S+ and is (?!\1)\S+@http.*vsync start --adopt/,
    );
    await sync.start('destination', 0, { adopt: true });
    // Requests without a token cannot identify a clone, so the schedule still counts as this sync's own.
    await expect(
      assertOwnSchedule(await sync.schedule('destination').describe(), config, { askAll: true }),
    ).resolves.toBeUndefined();
    await sync.work();
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await theirs.get(sync.mount, 'a')).toEqual({ name: 'a', v: 2 });
    expect(await theirs.get(sync.mount, 'new')).toEqual({ name: 'new' });
    // An equal secret gets no new version.
    expect(await theirs.version(sync.mount, 'b')).toBe(1);
    expect((await sync.verify()).counts).toMatchObject({ equal: 4, drift: 0, missing: 0, refused: 0 });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });

    await sync.originVault.delete(sync.mount, 'c');
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.approve().catch(() => undefined);
    await sync.cycle('destination');
    expect(await theirs.get(sync.mount, 'c')).toBeUndefined();
  });

  test('claims nothing while its address leads to the origin, and receives everything afterwards', async () => {
    await sync.stopWatch();
    await sync.originVault.put(sync.mount, 'later', { name: 'later' });
    await sync.cycle('origin');

    proxy.lead(hostOf(servers.originVault));
    const words = /origin\.vault \(http\S+\) and destination\.vault \(http\S+\) lead to one Vault now/;
    await expect(sync.cycle('destination')).rejects.toMatchObject({
      cause: { type: 'ConfigChanged', message: expect.stringMatching(words) as string },
    });

    proxy.lead(hostOf(servers.vault));
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 1 } });
    const clone = new VaultApi({ ...servers.vault, rootToken: servers.originVault.rootToken });
    expect(await clone.get(sync.mount, 'later')).toEqual({ name: 'later' });
  });

  test('receives nothing once no token can prove that it is another Vault', async () => {
    const front = await FaultProxy.before(servers.originVault.address);
    try {
      front.choose((_method, url) =>
        url.includes('sys/wrapping') ? { status: 403, body: '{"errors":["permission denied"]}' } : undefined,
      );
      const made = await createClients(sync.config('destination'));
      await made.close();
      const { deps } = made as Extract<Clients, { role: 'destination' }>;
      expect(deps.vaultsAre).toBe('clone');
      const mute = new Kv2(clientOf({ ...servers.originVault, address: front.address }));
      await expect(
        assertStillTheSame({ ...deps, originVault: mute, vault: mute }, {}, {}),
      ).rejects.toMatchObject({
        type: 'ConfigChanged',
        message: expect.stringContaining('cannot be checked') as string,
      });
    } finally {
      await front.close();
    }
  });
});
