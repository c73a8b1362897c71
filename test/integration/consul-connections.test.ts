import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import net, { type Socket } from 'node:net';
import { ConsulStore } from '../../src/consul/client';
import { eventually } from '../support/eventually';
import { ConsulApi } from '../../dev/shared/consul-api';
import { CountedConnections } from '../support/counted-connections';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { MAX_CONSUL_CONNECTIONS, MAX_CONSUL_POLLS } from '../../src/limits';

/** The connections of one process to a real Consul, and what happens where the agent refuses some. */

/** Connections that the agent allows per client address. */
const ALLOWED = 24;

/** The most connections that an idle worker has. */
const MOST_IDLE = 8;

/** Seven syncs, each with a store for the origin's side and one for the destination's. */
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

/** Plays another program on this machine: opens connections that the agent accepts, and keeps them open. */
async function hold(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  while (sockets.length < count) {
    const socket = net.connect(consul.port, '127.0.0.1');
    const answer = await new Promise<string>((resolve) => {
      socket.on('error', () => undefined);
      // The agent may refuse a connection without an answer.
      socket.once('close', () => {
        resolve('');
      });
      socket.once('data', (data) => {
        resolve(data.toString());
      });
      socket.write('GET /v1/status/leader HTTP/1.1\r\nHost: consul\r\n\r\n');
    });
    // The agent refuses some while it still counts those of the previous test.
    if (answer.startsWith('HTTP/1.1 200')) sockets.push(socket);
    else socket.destroy();
  }
  return sockets;
}

const keys = (count: number): string[] => [...Array(count).keys()].map((number) => `${prefix}${number}`);

test('ConsulStores of one process share their connections to a Consul, and close idle ones', async () => {
  const counted = await CountedConnections.before(consul.port);
  closers.push(() => counted.close());
  const stores = storesOn(counted.address, STORES);
  await Promise.all(stores.flatMap((store) => keys(50).map((key) => store.get(key))));
  expect(counted.most).toBe(MAX_CONSUL_CONNECTIONS);
  await counted.atMost(0);

  // Seven destinations watch the same index with one blocking query. All other watches take turns.
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

test('ConsulStore leaves the connections to the others when it closes, and the last one closes them', async () => {
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

test('ConsulStore repeats requests that the agent refuses over fewer connections, and each write happens once', async () => {
  const others = await hold(ALLOWED - 3);
  const stores = storesOn(consul.address, STORES);
  const writes = stores.flatMap((store, number) =>
    keys(10).map((key) => store.commit([{ key: `${key}/${number}`, value: Buffer.from('v'), expect: 0 }])),
  );
  const reads = stores.flatMap((store) => keys(20).map((key) => store.get(key)));
  const revisions = (await Promise.all(writes)).map((written) => [...(written?.values() ?? [])]);
  expect(revisions.filter((ofWrite) => ofWrite.length !== 1)).toEqual([]);
  // Each write has its own revision. A write that was sent twice would have none: its check-and-set fails.
  expect(new Set(revisions.flat()).size).toBe(STORES * 10);
  await Promise.all(reads);
  for (const socket of others) socket.destroy();
  // The agent still counts the closed connections for a moment, and may refuse this request too.
  await eventually(async () => {
    expect(Object.keys(await new ConsulApi(consul.address).values(prefix))).toHaveLength(STORES * 10);
  }, 'the agent to answer');
});

test('ConsulStore names an agent that refuses for long, with its limit and what uses it up', async () => {
  await hold(ALLOWED);
  const [store] = storesOn(consul.address, 1);
  await expect(store?.get(prefix)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^Consul http.*\(429\).*limits\.http_max_conns_per_client/s) as string,
  });
});
