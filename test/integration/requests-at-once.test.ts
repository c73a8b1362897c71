import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { WorkPool } from '../../src/concurrency/work-pool';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';

/** How many requests a client sends to a real Vault at the same time. A proxy makes the Vault distant, or weak. */

const { origin } = sharedServers();
const api = new VaultApi(origin);
const id = randomBytes(4).toString('hex');
const mounts = [`huge-${id}/`, `small-${id}/`] as const;
const [huge, small] = mounts;
const auth = { kind: 'token', token: origin.rootToken } as const;

let proxy: FaultProxy;
let kv: Kv2;
/** Requests at the proxy: now, and the maximum. */
let inFlight = 0;
let most = 0;

async function connect(concurrency?: number): Promise<void> {
  proxy = await FaultProxy.before(origin.address);
  kv = new Kv2(new VaultClient({ address: proxy.address, auth, namespace: '', concurrency }));
  inFlight = most = 0;
}

/** Holds back each request to a secret until the work is done. */
function hold(work: () => Promise<void>): void {
  proxy.choose(async (_method, url) => {
    if (!url.includes(id)) return undefined;
    most = Math.max(most, ++inFlight);
    await work();
    inFlight--;
    return undefined;
  });
}

/** Holds back the requests to a secret until this number of them is in flight; later ones for a moment. */
function meetingOf(count: number): void {
  let open: () => void = () => undefined;
  const complete = new Promise<void>((resolve) => (open = resolve));
  hold(async () => {
    if (inFlight >= count) open();
    await complete;
    await after(10);
  });
}

const read = (count: number): Promise<unknown> =>
  Promise.all(Array.from({ length: count }, () => kv.metadata(huge, 'secret')));

beforeAll(async () => {
  for (const mount of mounts) {
    await api.mount(mount);
    await api.put(mount, 'secret', { value: mount });
  }
});

afterEach(async () => {
  await kv.client.close();
  await proxy.close();
});

afterAll(async () => {
  for (const mount of mounts) await api.unmount(mount);
});

test('VaultClient sends more requests at the same time to a distant Vault while its answers take no longer', async () => {
  await connect();
  hold(() => after(150));
  const first = kv.client.requestsAtOnce;
  // A busy machine may need long. Only the timeout of the test bounds this.
  while (kv.client.requestsAtOnce < 4 * first) await read(100);
  // None is answered before all are in flight.
  meetingOf(4 * first);
  await read(200);
  expect(most).toBeGreaterThanOrEqual(4 * first);
});

test('VaultClient sends fewer requests than in the beginning to a Vault that works on two at a time', async () => {
  await connect();
  const twoAtOnce = new WorkPool(() => 2);
  const never = new AbortController().signal;
  hold(() => twoAtOnce.run(() => after(5), never));
  const first = kv.client.requestsAtOnce;
  // More than the limit ever gets: a busy machine may measure a high latency in the beginning, and a limit without demand
  // is looked at again only after many rounds.
  do await read(300);
  while (kv.client.requestsAtOnce >= first);
  most = 0;
  await read(first);
  expect(most).toBeLessThan(first);
});

test('VaultClient sends at most numWorkers requests, also where the Vault would take more', async () => {
  await connect(5);
  meetingOf(5);
  await read(100);
  expect(most).toBe(5);
});

test.each([503, 429])('VaultClient halves its requests after a %i', async (status) => {
  await connect();
  const first = kv.client.requestsAtOnce;
  let refused = 0;
  let hasSeen: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => (hasSeen = resolve));
  const meeting: (() => void)[] = [];
  proxy.choose(async (_method, url) => {
    if (!url.includes(id) || refused > 0) return undefined;
    // The first one is refused when all requests have arrived. The others are answered when its effect was seen.
    await new Promise<void>((go) => {
      meeting.push(go);
      if (meeting.length === first) for (const each of meeting.splice(0)) each();
    });
    return ++refused === 1 ? { status, body: '{"errors":[]}' } : { late: seen };
  });
  const all = read(first);
  try {
    while (kv.client.requestsAtOnce === first) await after(10);
    expect(kv.client.requestsAtOnce).toBe(first / 2);
  } finally {
    hasSeen();
  }
  await all;
});

test('VaultClient does not let a mount with few secrets wait for one with many', async () => {
  await connect();
  hold(() => after(20));
  let answered = 0;
  const many = Promise.all(
    Array.from({ length: 800 }, () => kv.metadata(huge, 'secret').then(() => answered++)),
  );
  await Promise.all(Array.from({ length: 20 }, () => kv.metadata(small, 'secret')));
  // Both mounts take turns, after the requests that were sent before.
  expect(answered).toBeLessThan(200);
  await many;
});
