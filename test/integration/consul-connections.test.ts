import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import net, { type Socket } from 'node:net';
import { ConsulStore } from '../../src/consul/client';
import { eventually } from '../support/eventually';
import { ConsulApi } from '../../dev/shared/consul-api';
import { CountedConnections } from '../support/counted-connections';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { MAX_CONSUL_CONNECTIONS, MAX_CONSUL_POLLS } from '../../src/limits';

/** How many connections one process has to a real Consul, and what it does where the agent refuses some. */

/** Connections that the agent allows for this machine. */
const ALLOWED = 24;

/** A worker with nothing to do has no more than so many. */
const MOST_IDLE = 8;

/** A store for the origin's side and one for the destination's, as each of seven syncs has them. */
const STORES = 14;

let consul: ConsulServer;
const prefix = `test-${randomBytes(4).toString('hex')}/`;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  consul = await startConsul({ limits: { http_max_conns_per_client: ALLOWED } });
});

afterAll(() => consul.stop());

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function storesOn(address: string, count: number): ConsulStore[] {
  const stores = Array.from({ length: count }, () => new ConsulStore({ address, token: '' }));
  closers.push(() => {
    for (const store of stores) store.close();
  });
  return stores;
}

/** Another program on this machine: connections that the agent has accepted, and that are held open. */
async function hold(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  while (sockets.length < count) {
    const socket = net.connect(consul.port, '127.0.0.1');
    const answer = await new Promise<string>((resolve) => {
      socket.once('error', () => {
        resolve('');
      });
      socket.once('data', (data) => {
        resolve(data.toString());
      });
      socket.write('GET /v1/status/leader HTTP/1.1\r\nHost: consul\r\n\r\n');
    });
    // Until those of the test before are closed, the agent refuses some.
    if (answer.startsWith('HTTP/1.1 200')) sockets.push(socket);
    else socket.destroy();
  }
  return sockets;
}

const keys = (count: number): string[] => [...Array(count).keys()].map((number) => `${prefix}${number}`);

test('several syncs of one process share the connections to a Consul, and close those that are idle', async () => {
  const counted = await CountedConnections.before(consul.port);
  closers.push(() => counted.close());
  const stores = storesOn(counted.address, STORES);
  await Promise.all(stores.flatMap((store) => keys(50).map((key) => store.get(key))));
  expect(counted.most).toBe(MAX_CONSUL_CONNECTIONS);
  await counted.atMost(0);

  // Seven destinations watch the same index: one blocking query. What else is watched takes turns.
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const watch = async (key: string): Promise<void> => {
    for (const store of stores.slice(0, 7)) {
      const { index } = await store.waitForChange(key, 0, 60_000);
      store.waitForChange(key, index, 60_000, stop.signal).catch(() => undefined);
    }
  };
  await watch(`${prefix}index`);
  await counted.atMost(1);
  expect(counted.count).toBe(1);
  await Promise.all(keys(20).map(watch));
  await counted.atMost(MAX_CONSUL_POLLS);
  expect(counted.count).toBeLessThanOrEqual(MOST_IDLE);
  stop.abort();
});

test('a store that is closed leaves the connections to the others, and the last one closes them', async () => {
  const counted = await CountedConnections.before(consul.port);
  closers.push(() => counted.close());
  const [one, other] = storesOn(counted.address, 2);
  await one?.get(prefix);
  one?.close();
  one?.close();
  expect(await other?.get(prefix)).toBeUndefined();
  expect(counted.count).toBe(1);
  other?.close();
  await counted.atMost(0);
});

test('requests that the agent refuses are repeated with fewer connections, each write happens once', async () => {
  const others = await hold(ALLOWED - 3);
  const stores = storesOn(consul.address, STORES);
  const writes = stores.flatMap((store, number) =>
    keys(10).map((key) => store.commit([{ key: `${key}/${number}`, value: Buffer.from('v'), expect: 0 }])),
  );
  const reads = stores.flatMap((store) => keys(20).map((key) => store.get(key)));
  const revisions = (await Promise.all(writes)).map((written) => [...(written?.values() ?? [])]);
  expect(revisions.filter((ofWrite) => ofWrite.length !== 1)).toEqual([]);
  // Two writes never have one revision, and what happened twice would have none.
  expect(new Set(revisions.flat()).size).toBe(STORES * 10);
  await Promise.all(reads);
  for (const socket of others) socket.destroy();
  // The agent counts the closed connections for a moment longer, and would refuse this question too.
  await eventually(async () => {
    expect(Object.keys(await new ConsulApi(consul.address).values(prefix))).toHaveLength(STORES * 10);
  }, 'the agent to answer');
});

test('an agent that refuses for long is named, with its limit and what uses it up', async () => {
  await hold(ALLOWED);
  const [store] = storesOn(consul.address, 1);
  await expect(store?.get(prefix)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^Consul http.*\(429\).*limits\.http_max_conns_per_client/s) as string,
  });
});
