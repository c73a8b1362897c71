import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Outage } from '../../src/vault/circuit-breaker';
import { VaultClient } from '../../src/vault/client';
import { onOutage } from '../../src/vault/traffic';
import { eventually } from '../support/eventually';
import { rejection } from '../support/exposed';
import { answer, silence, TinyServer } from '../support/tiny-server';
import { FAILURES_BEFORE_HEALTH_CHECK, FIRST_HEALTH_PAUSE_MS } from '../../src/limits';

/** What clients of one Vault do while it is down: a server of a few lines says how it is. */

const Body = z.object({ data: z.object({}) });
const ok = answer(200, { data: {} });
const sealed = answer(503, { errors: ['Vault is sealed'] });
const health = (isSealed: boolean): ReturnType<typeof answer> =>
  answer(isSealed ? 503 : 200, { initialized: true, sealed: isSealed, standby: false });

let server: TinyServer;
let address: string;
/** How the server is, and what it does with the paths that are bad. */
let isSealed: boolean;
let badPath: ReturnType<typeof answer>;
const clients: VaultClient[] = [];
const told: Outage[] = [];
let endTelling: () => void;

beforeEach(async () => {
  isSealed = false;
  badPath = answer(500, { errors: ['broken'] });
  server = await TinyServer.start((request, response) => {
    const url = request.url ?? '';
    const isDown = isSealed || url.startsWith('/sealed/');
    const handler = url.includes('sys/health')
      ? health(isDown)
      : isDown
        ? sealed
        : url.includes('bad')
          ? badPath
          : ok;
    handler(request, response);
  });
  address = server.address;
  told.length = 0;
  endTelling = onOutage((of, outage) => {
    if (of === address) told.push({ ...outage });
  });
});

afterEach(async () => {
  endTelling();
  for (const client of clients.splice(0)) await client.close();
  await server.close();
});

function client(namespace = '', prefix = ''): VaultClient {
  const auth = { kind: 'token', token: 'hvs.token' } as const;
  const made = new VaultClient({ address: address + prefix, auth, namespace, concurrency: 8 });
  clients.push(made);
  return made;
}

const isHealth = (request: string): boolean => request.includes('sys/health');
const ofSecrets = (): string[] => server.requests.filter((request) => !isHealth(request));
const read = (vault: VaultClient, path: string, signal?: AbortSignal): Promise<unknown> =>
  vault.read(`kv/data/${path}`, Body, { signal });

/** Reads until the Vault was found down. */
async function findDown(vault: VaultClient): Promise<void> {
  isSealed = true;
  await Promise.all(
    Array.from({ length: FAILURES_BEFORE_HEALTH_CHECK }, (_, at) => rejection(read(vault, `a${at}`))),
  );
  expect(told).toHaveLength(1);
}

test('two Vaults behind one gateway, told apart by the path of their addresses, are two', async () => {
  const [one, other] = [client('', '/sealed'), client('', '/well/')];
  await Promise.all(
    Array.from({ length: FAILURES_BEFORE_HEALTH_CHECK }, (_, at) => rejection(read(one, `a${at}`))),
  );
  expect(await rejection(read(one, 'a'))).toMatchObject({ isOutage: true, kind: 'sealed' });
  expect(await read(other, 'b')).toEqual({ data: {} });
});

test('while it is down nothing but the question for its health goes there, from no client of the process', async () => {
  const vault = client();
  const other = client();
  await findDown(vault);
  const sent = ofSecrets().length;
  const failures = await Promise.all(
    Array.from({ length: 50 }, (_, at) => rejection(read(at % 2 === 0 ? vault : other, `x${at}`))),
  );
  expect(ofSecrets()).toHaveLength(sent);
  const [outage] = vault.outagesSince(0);
  for (const failure of failures) expect(failure).toMatchObject({ kind: 'sealed', isOutage: true });
  expect((failures[0] as Error).message).toBe(
    `Vault ${address}: kv/data/x0: the Vault is sealed (503): unseal it; since ` +
      `${new Date(outage?.sinceMs ?? 0).toISOString()}. Nothing is sent to it until it says that it is well; it is ` +
      'asked at least every 30 s',
  );
});

test('when it is back, requests flow by themselves, and both ends of the outage are told once', async () => {
  const vault = client();
  await findDown(vault);
  await rejection(read(vault, 'a'));
  isSealed = false;
  await eventually(() => {
    expect(told).toHaveLength(2);
    return Promise.resolve();
  }, 'the end of the outage');
  expect(await read(vault, 'a')).toEqual({ data: {} });
  expect(told.map(({ kind, untilMs }) => [kind, untilMs !== undefined])).toEqual([
    ['sealed', false],
    ['sealed', true],
  ]);
  expect(vault.outagesSince(0)).toHaveLength(1);
});

test('the question carries neither token nor namespace', async () => {
  await findDown(client('team/a'));
  const asked = server.headers.filter((_, at) => isHealth(server.requests[at] ?? ''));
  expect(asked.length).toBeGreaterThan(0);
  for (const headers of asked) {
    expect(headers['x-vault-token']).toBeUndefined();
    expect(headers['x-vault-namespace']).toBeUndefined();
  }
});

test('bad paths of a Vault that is well fail as paths, all others go on', async () => {
  const vault = client();
  const bad = Array.from({ length: 8 }, (_, at) => rejection(read(vault, `bad${at}`)));
  for (const failure of await Promise.all(bad))
    expect(failure).toMatchObject({ kind: 'unavailable', isOutage: false });
  expect(told).toEqual([]);
  expect(await read(vault, 'a')).toEqual({ data: {} });
});

test('a single request that fails is an outage if the Vault itself says so', async () => {
  isSealed = true;
  const failure = await rejection(read(client(), 'a'));
  expect(failure).toMatchObject({ kind: 'sealed', isOutage: true });
  expect(told).toHaveLength(1);
});

test('one that does not answer at all is down, and says so', async () => {
  const vault = client();
  await server.close();
  const failure = await rejection(read(vault, 'a'));
  expect(failure).toMatchObject({ kind: 'unavailable', isOutage: true });
  expect((failure as Error).message).toContain(`Vault ${address}: kv/data/a: connection refused`);
  server = await TinyServer.start();
});

test('one path behind a quota fails as a path; it makes the others wait, and does not stop them', async () => {
  badPath = answer(429, { errors: ['quota'] }, { 'retry-after': '0.1' });
  const vault = client();
  const bad = rejection(read(vault, 'bad'));
  await Promise.all(Array.from({ length: 40 }, (_, at) => read(vault, `a${at}`)));
  expect(await bad).toMatchObject({ kind: 'throttled', isOutage: false });
  expect(ofSecrets().filter((request) => request.includes('bad')).length).toBeLessThanOrEqual(6);
});

describe('a cancel ends at once', () => {
  test('the wait for a quota', async () => {
    badPath = answer(429, { errors: ['quota'] }, { 'retry-after': '30' });
    const stop = new AbortController();
    const vault = client();
    const refused = rejection(read(vault, 'bad', stop.signal));
    await eventually(() => {
      expect(server.requests).toHaveLength(1);
      return Promise.resolve();
    }, 'the 429');
    await sleep(50);
    const waiting = rejection(read(vault, 'a', stop.signal));
    stop.abort();
    expect(await refused).toMatchObject({ kind: 'cancelled' });
    expect(await waiting).toMatchObject({ kind: 'cancelled' });
    expect(server.requests).toHaveLength(1);
  });

  test('the wait for what the Vault says of its health', async () => {
    const stop = new AbortController();
    server.answers((request, response) => {
      (isHealth(`GET ${request.url ?? ''}`) ? silence : badPath)(request, response);
    });
    const reading = rejection(read(client(), 'bad', stop.signal));
    await eventually(() => {
      expect(server.requests.some(isHealth)).toBe(true);
      return Promise.resolve();
    }, 'the question');
    stop.abort();
    expect(await reading).toMatchObject({ kind: 'cancelled' });
  });
});

describe('a client that is closed', () => {
  test('leaves the question to the others', async () => {
    await findDown(client());
    client();
    await clients.shift()?.close();
    const asked = server.requests.filter(isHealth).length;
    await eventually(() => {
      expect(server.requests.filter(isHealth).length).toBeGreaterThan(asked);
      return Promise.resolve();
    }, 'the other client to ask');
  });

  test('and was the last one leaves no timer behind', async () => {
    await findDown(client());
    for (const one of clients.splice(0)) await one.close();
    const asked = server.requests.length;
    await sleep(1.5 * FIRST_HEALTH_PAUSE_MS);
    expect(server.requests).toHaveLength(asked);
  });
});
