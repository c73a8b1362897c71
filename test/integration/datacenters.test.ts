import { createClients, infoOf } from '../../src/activities/clients';
import { runChecks } from '../../src/cli/check/command';
import { ConsulStore } from '../../src/consul/client';
import { openStore } from '../../src/consul/datacenter';
import { randomUUID } from 'node:crypto';
import { ConsulAcl } from '../support/consul-acl';
import { ConsulApi } from '../../dev/shared/consul-api';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { SyncFixture } from '../support/sync-fixture';

/** Two real datacenters, joined by WAN: the destination's agent is in dc1, the origin writes to dc2. */

let dc1: ConsulServer;
let dc2: ConsulServer;
let sync: SyncFixture | undefined;

beforeAll(async () => {
  dc1 = await startConsul({ datacenter: 'dc1', joinWan: [] });
  dc2 = await startConsul({ datacenter: 'dc2', joinWan: [dc1.wanAddress] });
  await eventually(async () => {
    const response = await fetch(`${dc1.address}/v1/kv/none?dc=dc2`);
    expect(response.status).toBe(404);
  }, 'dc1 to know dc2');
});

afterEach(async () => {
  await sync?.tearDown();
  sync = undefined;
});

afterAll(async () => {
  await dc2.stop();
  await dc1.stop();
});

type File = Record<'origin' | 'destination', { consul: Record<string, unknown> }>;

/** A sync whose origin writes to dc2, and whose destination has only an agent in dc1. */
async function across(dc: string, proxy?: FaultProxy): Promise<SyncFixture> {
  return (sync = await SyncFixture.create({
    tick: '24h',
    edit: (content, role) => {
      const file = content as File;
      file.origin.consul = role === 'origin' ? { address: dc2.address } : { address: dc1.address, dc };
      if (role === 'destination')
        file.destination.consul = { address: proxy?.address ?? dc1.address, dc: 'dc1' };
    },
  }));
}

test('destination cycle reads the origin of another datacenter through its own agent, and so does the watch', async () => {
  const made = await across('dc2');
  await made.originVault.put(made.mount, 'a', { value: 1 });
  await made.work();
  await made.start('origin');
  await made.start('destination');
  await made.cycle('origin');
  await made.cycle('destination');
  const own = made.destinationVaults[0];
  expect(await own?.get(made.mount, 'a')).toEqual({ value: 1 });
  const here = Object.keys(await new ConsulApi(dc1.address).revisions(made.syncPath));
  const there = Object.keys(await new ConsulApi(dc2.address).revisions(made.syncPath));
  expect(here).toContain(`${made.infoPrefix('destination')}index`);
  expect(there).toContain(`${made.infoPrefix('origin')}index`);
  expect([...here, ...there].filter((key) => here.includes(key) && there.includes(key))).toEqual([]);

  // Only the watch starts a cycle now: the tick is a day.
  await made.originVault.put(made.mount, 'a', { value: 2 });
  await made.cycle('origin');
  await eventually(async () => {
    expect(await own?.get(made.mount, 'a')).toEqual({ value: 2 });
  }, 'the change to arrive');
  const found = await runChecks(made.config('destination'), { warnings: [], foreign: [] });
  expect(found.filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
  expect(found.map(({ detail }) => detail)).toContain('answers for datacenter dc2');
});

test('ConsulStore sends everything to the configured datacenter: reads, transactions, large values, removals', async () => {
  const proxy = await FaultProxy.before(dc1.address);
  const store = new ConsulStore({ address: proxy.address, token: '', dc: 'dc2' });
  try {
    const large = Buffer.alloc(450 * 1024, 1);
    const revision =
      (await store.commit([{ key: 'dc/a', value: Buffer.from('a'), expect: 0 }]))?.get('dc/a') ?? 0;
    await store.commit([{ key: 'dc/large', value: large, expect: 0 }]);
    expect(await store.keys('dc/')).toEqual(['dc/a', 'dc/large']);
    expect((await store.waitForChange('dc/a', 0, 1000)).stored?.revision).toBe(revision);
    expect(await store.remove('dc/a', revision)).toBe(true);
    expect(proxy.requests.length).toBeGreaterThanOrEqual(5);
    expect(proxy.requests.filter((request) => !/[?&]dc=dc2\b/.test(request))).toEqual([]);
    expect(Object.keys(await new ConsulApi(dc2.address).revisions('dc/'))).toEqual(['dc/large']);
    expect(await new ConsulApi(dc1.address).revisions('dc/')).toEqual({});
  } finally {
    store.close();
    await proxy.close();
  }
});

test("ConsulStore adds no datacenter to its requests if the label is the agent's own", async () => {
  const proxy = await FaultProxy.before(dc1.address);
  const made = await across('dc2', proxy);
  const { info, close } = await infoOf(made.config('destination'));
  try {
    await info.readIndex();
    expect(proxy.requests).toEqual([
      'GET /v1/agent/self',
      expect.stringMatching(/^GET \/v1\/kv\/[^?]+\?consistent=1$/),
    ]);
  } finally {
    close();
    await proxy.close();
  }
});

test('createClients and vsync check refuse a stale label, and name both datacenters and what to do', async () => {
  const made = await across('dc2');
  const key = `${made.infoPrefix('origin')}index`;
  await new ConsulApi(dc1.address).put(key, '["0"]');
  const message =
    `Consul ${dc1.address}: origin.consul.dc is dc2, but ${key} is in the agent's own datacenter dc1. The ` +
    'configured dc may be wrong, because the original vsync did not use it. To use the sync info there, remove ' +
    'origin.consul.dc, or set it to dc1. To use dc2, set origin.consul.address to an agent in dc2, or remove ' +
    `${key} from the agent's own datacenter dc1`;
  await expect(createClients(made.config('destination'))).rejects.toThrow(message);
  const failed = (await runChecks(made.config('destination'), { warnings: [], foreign: [] })).filter(
    ({ outcome }) => outcome === 'fail',
  );
  expect(failed).toEqual([
    { what: `Consul ${dc1.address} (origin.consul)`, outcome: 'fail', detail: message },
  ]);
});

test('createClients names a datacenter that the agent does not know', async () => {
  const made = await across('dc9');
  await expect(createClients(made.config('destination'))).rejects.toThrow(
    `Consul ${dc1.address}: ${made.infoPrefix('origin')}index: there is no path to the datacenter dc9: this agent ` +
      'does not know it, or cannot reach it now; check dc in the configuration, and "consul members -wan" at the agent',
  );
});

test('openStore finds the right datacenter by its keys where the token lacks agent:read', async () => {
  const managementToken = randomUUID();
  const strict = await startConsul({ managementToken });
  try {
    const acl = new ConsulAcl(strict.address, managementToken);
    const token = await acl.tokenFor('keys', 'key_prefix "vsync/" { policy = "write" }');
    const open = (dc: string): Promise<ConsulStore> =>
      openStore(
        { address: strict.address, token, dc },
        { section: 'origin.consul', indexKey: 'vsync/origin/index' },
      );
    // No key exists yet, so the label is trusted. It is the agent's own datacenter.
    const store = await open('dc1');
    await store.commit([{ key: 'vsync/origin/index', value: Buffer.from('[]'), expect: 0 }]);
    store.close();
    (await open('dc1')).close();
    await expect(open('dc9')).rejects.toThrow(
      "origin.consul.dc is dc9, but vsync/origin/index is in another datacenter, the agent's own. The configured dc may be",
    );
  } finally {
    await strict.stop();
  }
});
