import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Outage } from '../../src/vault/circuit-breaker';
import { VaultClient } from '../../src/vault/client';
import { onOutage } from '../../src/vault/traffic';
import { eventually } from '../support/eventually';
import { rejection } from '../support/exposed';
import { answer, silence, TinyServer } from '../support/tiny-server';
import { FAILURES_BEFORE_HEALTH_CHECK, FIRST_HEALTH_PAUSE_MS } from '../../src/limits';

/** Clients of one Vault while it is down. The server here is a fake of a few lines. */

const Body = z.object({ data: z.object({}) });
const ok = answer(200, { data: {} });
const sealed = answer(503, { errors: ['Vault is sealed'] });
const health = (isSealed: boolean): ReturnType<typeof answer> =>
  answer(isSealed ? 503 : 200, { initialized: true, sealed: isSealed, standby: false });

let server: TinyServer;
let address: string;
/** The state of the server, and its answer to bad paths. */
let isSealed: boolean;
let badPath: ReturnType<typeof answer>;
const clients: VaultClient[] = [];
const reported: Outage[] = [];
let removeListener: () => void;

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
  reported.length = 0;
  removeListener = onOutage((of, outage) => {
    if (of === address) reported.push({ ...outage });
  });
});

afterEach(async () => {
  removeListener();
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

/** Reads until the circuit breaker opens. */
async function findDown(vault: VaultClient): Promise<void> {
  isSealed = true;
  await Promise.all(
    Array.from({ length: FAILURES_BEFORE_HEALTH_CHECK }, (_, at) => rejection(read(vault, `a${at}`))),
  );
  expect(reported).toHaveLength(1);
}

test('VaultTraffic treats two Vaults behind one gateway as two, by the paths of their addresses', async () => {
  const [one, other] = [client('', '/sealed'), client('', '/well/')];
  await Promise.all(
    Array.from({ length: FAILURES_BEFORE_HEALTH_CHECK }, (_, at) => rejection(read(one, `a${at}`))),
  );
  expect(await rejection(read(one, 'a'))).toMatchObject({ isOutage: true, kind: 'sealed' });
  expect(await read(other, 'b')).toEqual({ data: {} });
});

test('VaultTraffic sends only health checks to a Vault that is down, for all clients of the process', async () => {
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
      `${new Date(outage?.sinceMs ?? 0).toISOString()}. Requests are paused; its health is ` +
      'checked at least every 30 s',
  );
});

test('VaultTraffic sends requests again when the Vault is back, and reports each end of the outage once', async () => {
  const vault = client();
  await findDown(vault);
  await rejection(read(vault, 'a'));
  isSealed = false;
  await eventually(() => {
    expect(reported).toHaveLength(2);
    return Promise.resolve();
  }, 'the end of the outage');
  expect(await read(vault, 'a')).toEqual({ data: {} });
  expect(reported.map(({ kind, untilMs }) => [kind, untilMs !== undefined])).toEqual([
    ['sealed', false],
    ['sealed', true],
  ]);
  expect(vault.outagesSince(0)).toHaveLength(1);
});

test('VaultTraffic checks the health without token and namespace', async () => {
  await findDown(client('team/a'));
  const asked = server.headers.filter((_, at) => isHealth(server.requests[at] ?? ''));
  expect(asked.length).toBeGreaterThan(0);
  for (const headers of asked) {
    expect(headers['x-vault-token']).toBeUndefined();
    expect(headers['x-vault-namespace']).toBeUndefined();
  }
});

test('VaultTraffic fails bad paths of a healthy Vault as paths, and continues with all others', async () => {
  const vault = client();
  const bad = Array.from({ length: 8 }, (_, at) => rejection(read(vault, `bad${at}`)));
  for (const failure of await Promise.all(bad))
    expect(failure).toMatchObject({ kind: 'unavailable', isOutage: false });
  expect(reported).toEqual([]);
  expect(await read(vault, 'a')).toEqual({ data: {} });
});

test('VaultTraffic reports an outage after a single failed request if the health check fails', async () => {
  isSealed = true;
  const failure = await rejection(read(client(), 'a'));
  expect(failure).toMatchObject({ kind: 'sealed', isOutage: true });
  expect(reported).toHaveLength(1);
});

test('VaultTraffic reports a Vault that does not answer as down', async () => {
  const vault = client();
  await server.close();
  const failure = await rejection(read(vault, 'a'));
  expect(failure).toMatchObject({ kind: 'unavailable', isOutage: true });
  expect((failure as Error).message).toContain(`Vault ${address}: kv/data/a: connection refused`);
  server = await TinyServer.start();
});

test('VaultTraffic fails one path behind a quota as a path; the others wait, and then continue', async () => {
  badPath = answer(429, { errors: ['quota'] }, { 'retry-after': '0.1' });
  const vault = client();
  const bad = rejection(read(vault, 'bad'));
  await Promise.all(Array.from({ length: 40 }, (_, at) => read(vault, `a${at}`)));
  expect(await bad).toMatchObject({ kind: 'throttled', isOutage: false });
  expect(ofSecrets().filter((request) => request.includes('bad')).length).toBeLessThanOrEqual(6);
});

describe('VaultTraffic ends at once when cancelled', () => {
  test('during a pause after a 429', async () => {
    badPath = answer(429, { errors: ['quota'] }, { 'retry-after': '30' });
    const stop = new AbortController();
    const vault = client();
    const before = vault.requestsAtOnce;
    const refused = rejection(read(vault, 'bad', stop.signal));
    await eventually(() => {
      expect(vault.requestsAtOnce).toBeLessThan(before);
      return Promise.resolve();
    }, 'the 429');
    const waiting = rejection(read(vault, 'a', stop.signal));
    stop.abort();
    expect(await refused).toMatchObject({ kind: 'cancelled' });
    expect(await waiting).toMatchObject({ kind: 'cancelled' });
    expect(server.requests).toHaveLength(1);
  });

  test('during a health check', async () => {
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

describe('VaultTraffic of a closed client', () => {
  test('leaves health checks to the other clients', async () => {
    await findDown(client());
    client();
    await clients.shift()?.close();
    const asked = server.requests.filter(isHealth).length;
    await eventually(() => {
      expect(server.requests.filter(isHealth).length).toBeGreaterThan(asked);
      return Promise.resolve();
    }, 'the other client to ask');
  });

  test('leaves no timer behind after the last client', async () => {
    await findDown(client());
    for (const one of clients.splice(0)) await one.close();
    const asked = server.requests.length;
    await sleep(1.5 * FIRST_HEALTH_PAUSE_MS);
    expect(server.requests).toHaveLength(asked);
  });
});
