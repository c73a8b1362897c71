import { randomBytes } from 'node:crypto';
import { fingerprintOfSettings, settingsOf, type SecretSettings } from '../../src/rules/settings';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { eventually } from '../support/eventually';
import { startVaultFile, vaultKind, type VaultFileServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';

/** The client on a real Vault. What it writes is read with plain requests, and the reverse. */

const { origin } = sharedServers();
const id = randomBytes(4).toString('hex');
const mount = `kv-${id}/`;
const api = new VaultApi(origin);
const clients: VaultClient[] = [];

function connect(address: string, token: string): Kv2 {
  const auth = { kind: 'token', token } as const;
  const client = new VaultClient({ address, auth, namespace: '', concurrency: 8 });
  clients.push(client);
  return new Kv2(client);
}

const kv = connect(origin.address, origin.rootToken);

beforeAll(() => api.mount(mount));
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await api.unmount(mount);
});

const post = (path: string, body: unknown): Promise<unknown> => api.request('POST', `${mount}${path}`, body);

test('Kv2 writes settings as a whole, without a new version or another time', async () => {
  await api.put(mount, 'settings', { a: 1 });
  const before = await kv.metadata(mount, 'settings');
  const settings: SecretSettings = {
    custom_metadata: JSON.parse('{"owner":"é <b>","10":"x","__proto__":"y"}') as Record<string, string>,
    max_versions: 3,
    cas_required: true,
    delete_version_after: '12319s',
  };
  expect(before && fingerprintOfSettings(settingsOf(before))).toBeUndefined();
  await kv.writeSettings(mount, 'settings', settings, 0);
  const after = await kv.metadata(mount, 'settings');
  expect(after && settingsOf(after)).toEqual(settings);
  expect(Object.keys(after?.custom_metadata ?? {})).toEqual(['10', '__proto__', 'owner']);
  expect(after?.delete_version_after).toBe('3h25m19s');

  const fewer = { ...settings, custom_metadata: { other: '1' }, max_versions: 0, cas_required: false };
  await kv.writeSettings(mount, 'settings', { ...fewer, delete_version_after: '0s' }, undefined);
  const replaced = await kv.metadata(mount, 'settings');
  expect(replaced && settingsOf(replaced)).toEqual({ ...fewer, delete_version_after: '0s' });
  await kv.writeSettings(
    mount,
    'settings',
    { ...fewer, custom_metadata: {}, delete_version_after: '0s' },
    undefined,
  );
  expect(await kv.metadata(mount, 'settings')).toEqual({
    ...before,
    // OpenBao counts metadata writes, and changes this time with each.
    ...(vaultKind() === 'bao' && { updated_time: expect.any(String) as string, current_metadata_version: 3 }),
  });
});

test.each([
  'with space',
  'space at the end ',
  ' space before',
  '%41',
  '%2F',
  'a?b',
  'a?version=1',
  'a#b',
  'ключ',
  'key 🔑',
  'e\u0301 and é',
  '{{x}}',
  '"quoted"',
  "it's",
  'back\\slash',
  'a+b&c=d;e',
  '<a>',
  '...',
  'a..b',
  '__proto__',
  'CASE/case',
])('Kv2 writes, lists and reads the path %j as itself', async (name) => {
  const path = `odd/${name}`;
  const data = { name, nested: { list: [1, null, '🔑'] } };
  expect(await kv.write(mount, path, data, 0)).toMatchObject({ version: 1 });
  expect(await api.get(mount, path)).toEqual(data);
  expect(await kv.data(mount, path)).toMatchObject({ live: true, version: 1, data });
  expect(await kv.metadata(mount, path)).toMatchObject({ current_version: 1 });
  const [folder = '', ...rest] = name.split('/');
  expect(await kv.list(mount, 'odd/')).toContain(rest.length > 0 ? `${folder}/` : name);
  await kv.deleteVersion(mount, path, 1);
  expect(await api.get(mount, path)).toBeUndefined();
});

test.each(['a//b', '../other', 'a/./b', '.', '..', ''])('Kv2 never sends the path %j', async (path) => {
  const requests = [kv.data(mount, path), kv.metadata(mount, path), kv.write(mount, path, {}, 0)];
  for (const end of await Promise.allSettled<unknown>(requests)) {
    expect(end).toMatchObject({ status: 'rejected', reason: { kind: 'rejected' } });
  }
});

describe('Kv2', () => {
  test('lists an empty folder as empty, and reads a secret without versions as undefined', async () => {
    expect(await kv.list(mount, 'nothing/here/')).toEqual([]);
    expect(await kv.metadata(mount, 'nothing')).toBeUndefined();
    expect(await kv.data(mount, 'nothing')).toBeUndefined();
    const empty = `empty-${id}/`;
    await api.mount(empty);
    expect(await kv.list(empty, '')).toEqual([]);
  });

  test('distinguishes a missing mount from an empty one', async () => {
    const none = `none-${id}/`;
    for (const request of [kv.list(none, ''), kv.metadata(none, 'a'), kv.data(none, 'a')]) {
      await expect(request).rejects.toMatchObject({ kind: 'no-mount' });
    }
    await expect(kv.mount(none)).rejects.toMatchObject({ kind: 'forbidden' });
  });

  test('reports the kind of a mount', async () => {
    await api.mount(`v1-${id}/`, '1');
    expect(await kv.mount(mount)).toMatchObject({ isKv2: true, kind: 'kv version 2' });
    expect(await kv.mount(`v1-${id}/`)).toMatchObject({ isKv2: false, kind: 'kv version 1' });
    expect(await kv.mount('cubbyhole/')).toMatchObject({ isKv2: false, kind: 'cubbyhole' });
  });

  test('reports another uuid for a re-created mount', async () => {
    const again = `again-${id}/`;
    await api.mount(again);
    const { uuid } = await kv.mount(again);
    expect((await kv.mount(again)).uuid).toBe(uuid);
    await api.unmount(again);
    await api.mount(again);
    expect((await kv.mount(again)).uuid).not.toBe(uuid);
  });
});

describe('Kv2 with versions', () => {
  test('distinguishes a deleted version from an absent secret', async () => {
    await api.put(mount, 'deleted', { a: 1 });
    await api.delete(mount, 'deleted');
    expect(await kv.data(mount, 'deleted')).toMatchObject({ live: false, version: 1 });
    const { versions } = (await kv.metadata(mount, 'deleted')) ?? {};
    expect(versions?.['1']?.deletion_time).not.toBe('');
    expect(await kv.list(mount, '')).toContain('deleted');
  });

  test('distinguishes a destroyed version from an absent secret', async () => {
    await api.put(mount, 'destroyed', { a: 1 });
    await post('destroy/destroyed', { versions: [1] });
    expect(await kv.data(mount, 'destroyed')).toMatchObject({ live: false, version: 1 });
    expect((await kv.metadata(mount, 'destroyed'))?.versions['1']?.destroyed).toBe(true);
  });

  test('reads no version of a secret that has only metadata', async () => {
    await post('metadata/bare', { custom_metadata: { owner: 'x' } });
    expect(await kv.metadata(mount, 'bare')).toMatchObject({ current_version: 0, versions: {} });
    expect(await kv.data(mount, 'bare')).toBeUndefined();
    expect(await kv.write(mount, 'bare', { a: 1 }, 0)).toMatchObject({ version: 1 });
  });

  test('reads an earlier version', async () => {
    await api.put(mount, 'twice', { a: 1 });
    await api.put(mount, 'twice', { a: 2 });
    expect(await kv.data(mount, 'twice', { version: 1 })).toMatchObject({ version: 1, data: { a: 1 } });
    expect(await kv.data(mount, 'twice')).toMatchObject({ version: 2, data: { a: 2 } });
  });

  test('does not overwrite a secret whose current version differs from the expected one', async () => {
    await api.put(mount, 'cas', { a: 1 });
    for (const cas of [0, 2]) {
      await expect(kv.write(mount, 'cas', { a: 2 }, cas)).rejects.toMatchObject({ kind: 'conflict' });
    }
    await api.delete(mount, 'cas');
    await expect(kv.write(mount, 'cas', { a: 2 }, 0)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await kv.write(mount, 'cas', { a: 2 }, 1)).toMatchObject({ version: 2 });
  });
});

test('Kv2 reports an invalid token as forbidden, without showing it', async () => {
  const dead = connect(origin.address, 'wrong-token-4711');
  await expect(dead.checkToken()).rejects.toMatchObject({ kind: 'forbidden' });
  await expect(dead.data(mount, 'cas')).rejects.toMatchObject({ kind: 'forbidden' });
  await expect(dead.list(mount, '')).rejects.toThrow(/^((?!4711)[^])*$/);
  expect(await dead.clusterId()).toBe(await kv.clusterId());
});

describe('Kv2 on storage with limits', () => {
  let server: VaultFileServer;
  let disk: Kv2;

  beforeAll(async () => {
    server = await startVaultFile();
    disk = connect(server.address, server.rootToken);
  });
  afterAll(() => server.stop());

  test('writes and reads a value of 500 KiB, and reports one over the limit as too-large, without leaving anything', async () => {
    const fits = { value: randomBytes(375 * 1024).toString('base64') };
    await disk.write('secret/', 'large', fits, 0);
    expect(await disk.data('secret/', 'large')).toMatchObject({ live: true, data: fits });
    // The storage refuses the first value and the listener the second, with different errors.
    for (const bytes of [800 * 1024, 1100 * 1024]) {
      const over = { value: randomBytes(bytes).toString('base64') };
      await expect(disk.write('secret/', 'larger', over, 0)).rejects.toMatchObject({ kind: 'too-large' });
    }
    expect(await disk.data('secret/', 'larger')).toBeUndefined();
  });

  test('reports a sealed Vault as sealed, and uses it again once it is unsealed', async () => {
    await server.seal();
    await expect(disk.clusterId()).rejects.toThrow(
      `Vault ${server.address}: sys/health: the Vault is sealed`,
    );
    await expect(disk.data('secret/', 'large')).rejects.toMatchObject({ kind: 'sealed' });
    await server.unseal();
    await eventually(async () => {
      expect(await disk.data('secret/', 'large')).toMatchObject({ live: true });
    }, 'the Vault to be asked for its health again');
  });
});
