import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConsulStore } from '../../src/consul/client';
import type { TlsFiles } from '../../src/tls';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { makeCertificates, type Certificates } from '../support/certificates';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { TlsProxy } from '../support/tls-proxy';
import { runVsync } from '../../dev/shared/vsync-command';

/** TLS with a private authority, a client certificate, and a server name that differs from the address. */

const { origin, consul } = sharedServers();
const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-tls-'));
let certificates: Certificates;
let vaultProxy: TlsProxy;
let consulProxy: TlsProxy;

beforeAll(async () => {
  certificates = await makeCertificates(folder);
  vaultProxy = await TlsProxy.before(origin.address, certificates);
  consulProxy = await TlsProxy.before(consul, certificates);
});

afterAll(async () => {
  await vaultProxy.close();
  await consulProxy.close();
  rmSync(folder, { recursive: true });
});

const all = (): TlsFiles => {
  const { caFile, client, serverName } = certificates;
  return { caFile, ...client, serverName };
};

const MESSAGES: [key: 'caFile' | 'serverName', message: string][] = [
  ['caFile', 'its certificate is not trusted (SELF_SIGNED_CERT_IN_CHAIN); set '],
  ['serverName', 'correct the address, or set '],
];

/** Makes one request with these keys. @returns the error, if there is one */
const clients: Record<'vault' | 'consul', (files: TlsFiles) => Promise<unknown>> = {
  vault: async (files) => {
    const auth = { kind: 'token', token: origin.rootToken } as const;
    const client = new VaultClient({
      address: vaultProxy.address,
      auth,
      namespace: '',
      concurrency: 1,
      ...files,
    });
    try {
      await new Kv2(client).checkToken();
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await client.close();
    }
  },
  consul: async (files) => {
    const store = new ConsulStore({ address: consulProxy.address, token: '', ...files });
    try {
      return await store.get('not-there');
    } catch (error) {
      return error;
    } finally {
      store.close();
    }
  },
};

describe.each(['vault', 'consul'] as const)('%s client', (server) => {
  const proxy = (): TlsProxy => (server === 'vault' ? vaultProxy : consulProxy);

  test('connects with all TLS keys', async () => {
    const before = proxy().connections;
    expect(await clients[server](all())).toBeUndefined();
    expect(proxy().connections).toBe(before + 1);
  });

  test('is refused by the server without a client certificate', async () => {
    const before = proxy().connections;
    const error = await clients[server]({ ...all(), certFile: undefined, keyFile: undefined });
    expect(error).toMatchObject({ kind: 'unavailable', address: proxy().address });
    expect(proxy().connections).toBe(before);
  });
});

test.each(MESSAGES)('vault client names the missing key vault.%s in its error', async (key, message) => {
  const error = await clients.vault({ ...all(), [key]: undefined });
  expect(error).toMatchObject({ kind: 'unavailable', address: vaultProxy.address });
  expect((error as Error).message).toContain(`${message}vault.${key}`);
});

// Runs in a process of its own: inside jest the consul package does not recognise Node's errors.
test.each(MESSAGES)('vsync check names the missing key consul.%s', async (key, message) => {
  const sync = await SyncFixture.create({
    edit: (file) => {
      const { consul: section } = file['origin'] as { consul: Record<string, unknown> };
      Object.assign(section, { address: consulProxy.address, ...all(), [key]: undefined });
    },
  });
  const { code, stdout } = await runVsync(['check', '-c', sync.originFile], { home: sync.folder });
  await sync.tearDown();
  expect(code).toBe(1);
  const failed = stdout.split('\n').filter((line) => line.startsWith('  FAIL'));
  expect(failed).toEqual([expect.stringContaining(`Consul ${consulProxy.address} (origin.consul): `)]);
  expect(failed[0]).toContain(`${message}consul.${key}`);
});

test('vsync copies a secret over TLS: origin, destination and both Consuls', async () => {
  const sync = await SyncFixture.create({
    edit: (file, role) => {
      type Side = Record<'vault' | 'consul', Record<string, unknown>>;
      const { origin: from, destination: to } = file as { origin: Side; destination?: Side };
      Object.assign(from.vault, { address: vaultProxy.address, ...all() });
      for (const side of role === 'origin' ? [from] : [from, to]) {
        Object.assign(side?.consul ?? {}, { address: consulProxy.address, ...all() });
      }
    },
  });
  try {
    await sync.originVault.put(sync.mount, 'a', { value: 1 });
    await sync.work();
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await sync.destinationVaults[0]?.get(sync.mount, 'a')).toEqual({ value: 1 });
  } finally {
    await sync.tearDown();
  }
});
