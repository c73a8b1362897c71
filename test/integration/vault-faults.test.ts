import { randomBytes } from 'node:crypto';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { FaultProxy, type Fault } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';

/** Faults between the client and a real Vault. Temporary ones are retried, the others are reported. */

const { origin } = sharedServers();
const mount = `kv-${randomBytes(4).toString('hex')}/`;
const api = new VaultApi(origin);
let proxy: FaultProxy;
let client: VaultClient;
let kv: Kv2;

beforeAll(async () => {
  await api.mount(mount);
  await api.put(mount, 'a', { a: 1 });
  proxy = await FaultProxy.before(origin.address);
  const auth = { kind: 'token', token: origin.rootToken } as const;
  client = new VaultClient({ address: proxy.address, auth, namespace: '', concurrency: 8 });
  kv = new Kv2(client);
});

afterAll(async () => {
  await client.close();
  await proxy.close();
  await api.unmount(mount);
});

const json = (status: number, ...errors: string[]): Fault => ({ status, body: JSON.stringify({ errors }) });
const PASSING: [string, Fault][] = [
  [
    'a quota',
    { ...(json(429, 'rate limit quota exceeded') as object), headers: { 'retry-after': '1' } } as Fault,
  ],
  ['a seal', json(503, 'Vault is sealed')],
  ['an internal error', json(500, 'internal error')],
  ['a gateway without a Vault', { status: 502, body: '<html>bad gateway</html>' }],
  ['an upgrade of the mount', json(400, 'Upgrading from non-versioned to versioned data')],
  ['a closed connection', 'reset'],
  ['a lost answer', 'lost'],
];

/** Requests without the health checks. */
const ofSecret = (): string[] => proxy.requests.filter((request) => !request.includes('/sys/health'));

test.each(PASSING)('Kv2 repeats a read after %s', async (_what, fault) => {
  proxy.inject(fault);
  expect(await kv.data(mount, 'a')).toMatchObject({ live: true, data: { a: 1 } });
  expect(ofSecret()).toHaveLength(2);
});

test.each(PASSING.filter(([what]) => /seal|upgrade|closed/.test(what)))(
  'Kv2 fails a read that meets %s repeatedly, and does not report an absence',
  async (_what, fault) => {
    proxy.choose((_method, url) => (url.includes('/sys/health') ? undefined : fault));
    const error = await kv.metadata(mount, 'a').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'VaultError', transient: true, address: proxy.address });
    // The Vault's own health is good, so only this path is affected.
    expect(error).toMatchObject({ isOutage: false });
    expect(ofSecret()).toHaveLength(4);
    proxy.choose(() => undefined);
  },
);

test.each<[string, Fault]>([
  ['a page with status 200', { status: 200, body: '<html>log in</html>' }],
  ['JSON of another service', { status: 200, body: '{"status":"ok"}' }],
  ['an empty body', { status: 200 }],
  ['a page with status 404', { status: 404, body: '<html>not found</html>' }],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/login' } }],
])('Kv2 reports %s as malformed, and does not repeat the request', async (_what, fault) => {
  const requests = [
    () => kv.data(mount, 'a'),
    () => kv.metadata(mount, 'a'),
    () => kv.mount(mount),
    () => kv.write(mount, 'a', { a: 9 }, 1),
    () => kv.deleteVersion(mount, 'a', 1),
  ];
  for (const request of requests) {
    proxy.inject(fault);
    await expect(request()).rejects.toMatchObject({ kind: 'malformed' });
    expect(ofSecret()).toHaveLength(1);
  }
  expect(await api.version(mount, 'a')).toBe(1);
});

describe('Kv2', () => {
  test('does not repeat a write whose answer is lost, because it may have happened', async () => {
    proxy.inject('lost');
    await expect(kv.write(mount, 'lost', { b: 1 }, 0)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(ofSecret()).toEqual([`POST /v1/${mount}data/lost`]);
    expect(await api.version(mount, 'lost')).toBe(1);
    expect(await api.get(mount, 'lost')).toEqual({ b: 1 });
  });

  test.each<[string, Fault]>([
    ['a closed connection', 'reset'],
    ['an internal error', json(500, 'internal error')],
    ['a gateway that waited in vain', { status: 504 }],
  ])('leaves a write that met %s to the caller, who can repeat it', async (_what, fault) => {
    const path = `again-${randomBytes(4).toString('hex')}`;
    proxy.inject(fault);
    await expect(kv.write(mount, path, { b: 1 }, 0)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(ofSecret()).toHaveLength(1);
    expect(await kv.write(mount, path, { b: 1 }, 0)).toMatchObject({ version: 1 });
  });

  test.each<[string, Fault]>([
    ['a quota', json(429, 'rate limit quota exceeded')],
    ['a seal', json(503, 'Vault is sealed')],
  ])('repeats a write that %s refused, because it cannot have happened', async (_what, fault) => {
    const path = `refused-${randomBytes(4).toString('hex')}`;
    proxy.inject(fault);
    expect(await kv.write(mount, path, { b: 1 }, 0)).toMatchObject({ version: 1 });
    expect(ofSecret()).toHaveLength(2);
  });

  test('does not repeat a delete whose answer is lost, because it could delete a newer version', async () => {
    await api.put(mount, 'delete', { a: 1 });
    proxy.inject('lost');
    await expect(kv.deleteLatest(mount, 'delete')).rejects.toMatchObject({ kind: 'unavailable' });
    expect(ofSecret()).toHaveLength(1);
  });
});
