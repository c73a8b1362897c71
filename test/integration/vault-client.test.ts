import { randomBytes } from 'node:crypto';
import { fingerprintOfSettings, settingsOf, type SecretSettings } from '../../src/rules/settings';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { eventually } from '../support/eventually';
import { startVaultFile, vaultKind, type VaultFileServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';

/** The client for Vault on a real Vault; what is read back is read by plain requests, and the reverse. */

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

test('settings are written as a whole, and move neither the version nor its time', async () => {
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
    // OpenBao counts metadata writes, and moves this time with them.
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
])('the path %j is written, listed and read as itself', async (name) => {
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

test.each(['a//b', '../other', 'a/./b', '.', '..', ''])('the path %j is never sent', async (path) => {
  const requests = [kv.data(mount, path), kv.metadata(mount, path), kv.write(mount, path, {}, 0)];
  for (const end of await Promise.allSettled<unknown>(requests)) {
    expect(end).toMatchObject({ status: 'rejected', reason: { kind: 'rejected' } });
  }
});

describe('what is not there', () => {
  test('an empty folder has no names, and a secret without versions is undefined', async () => {
    expect(await kv.list(mount, 'nothing/here/')).toEqual([]);
    expect(await kv.metadata(mount, 'nothing')).toBeUndefined();
    expect(await kv.data(mount, 'nothing')).toBeUndefined();
    const empty = `empty-${id}/`;
    await api.mount(empty);
    expect(await kv.list(empty, '')).toEqual([]);
  });

  test('a mount that is missing is no empty one', async () => {
    const none = `none-${id}/`;
    for (const request of [kv.list(none, ''), kv.metadata(none, 'a'), kv.data(none, 'a')]) {
      await expect(request).rejects.toMatchObject({ kind: 'no-mount' });
    }
    await expect(kv.mount(none)).rejects.toMatchObject({ kind: 'forbidden' });
  });

  test('a mount of another kind is told', async () => {
    await api.mount(`v1-${id}/`, '1');
    expect(await kv.mount(mount)).toMatchObject({ isKv2: true, kind: 'kv version 2' });
    expect(await kv.mount(`v1-${id}/`)).toMatchObject({ isKv2: false, kind: 'kv version 1' });
    expect(await kv.mount('cubbyhole/')).toMatchObject({ isKv2: false, kind: 'cubbyhole' });
  });

  test('a mount that was re-created has another identity', async () => {
    const again = `again-${id}/`;
    await api.mount(again);
    const { uuid } = await kv.mount(again);
    expect((await kv.mount(again)).uuid).toBe(uuid);
    await api.unmount(again);
    await api.mount(again);
    expect((await kv.mount(again)).uuid).not.toBe(uuid);
  });
});

describe('a secret whose', () => {
  test('version is deleted is told from one that is not there', async () => {
    await api.put(mount, 'deleted', { a: 1 });
    await api.delete(mount, 'deleted');
    expect(await kv.data(mount, 'deleted')).toMatchObject({ live: false, version: 1 });
    const { versions } = (await kv.metadata(mount, 'deleted')) ?? {};
    expect(versions?.['1']?.deletion_time).not.toBe('');
    expect(await kv.list(mount, '')).toContain('deleted');
  });

  test('version is destroyed too', async () => {
    await api.put(mount, 'destroyed', { a: 1 });
    await post('destroy/destroyed', { versions: [1] });
    expect(await kv.data(mount, 'destroyed')).toMatchObject({ live: false, version: 1 });
    expect((await kv.metadata(mount, 'destroyed'))?.versions['1']?.destroyed).toBe(true);
  });

  test('metadata alone is there has no version', async () => {
    await post('metadata/bare', { custom_metadata: { owner: 'x' } });
    expect(await kv.metadata(mount, 'bare')).toMatchObject({ current_version: 0, versions: {} });
    expect(await kv.data(mount, 'bare')).toBeUndefined();
    expect(await kv.write(mount, 'bare', { a: 1 }, 0)).toMatchObject({ version: 1 });
  });

  test('earlier version is asked for', async () => {
    await api.put(mount, 'twice', { a: 1 });
    await api.put(mount, 'twice', { a: 2 });
    expect(await kv.data(mount, 'twice', { version: 1 })).toMatchObject({ version: 1, data: { a: 1 } });
    expect(await kv.data(mount, 'twice')).toMatchObject({ version: 2, data: { a: 2 } });
  });

  test('current version is another one is not overwritten', async () => {
    await api.put(mount, 'cas', { a: 1 });
    for (const cas of [0, 2]) {
      await expect(kv.write(mount, 'cas', { a: 2 }, cas)).rejects.toMatchObject({ kind: 'conflict' });
    }
    await api.delete(mount, 'cas');
    await expect(kv.write(mount, 'cas', { a: 2 }, 0)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await kv.write(mount, 'cas', { a: 2 }, 1)).toMatchObject({ version: 2 });
  });
});

test('a dead token is forbidden, and is not told in the message', async () => {
  const dead = connect(origin.address, 'wrong-token-4711');
  await expect(dead.checkToken()).rejects.toMatchObject({ kind: 'forbidden' });
  await expect(dead.data(mount, 'cas')).rejects.toMatchObject({ kind: 'forbidden' });
  await expect(dead.list(mount, '')).rejects.toThrow(/^((?!4711)[^])*$/);
  expect(await dead.clusterId()).toBe(await kv.clusterId());
});

describe('on storage with limits', () => {
  let server: VaultFileServer;
  let disk: Kv2;

  beforeAll(async () => {
    server = await startVaultFile();
    disk = connect(server.address, server.rootToken);
  });
  afterAll(() => server.stop());

  test('a value of 500 KiB goes round, one over the limit is too large and leaves nothing', async () => {
    const fits = { value: randomBytes(375 * 1024).toString('base64') };
    await disk.write('secret/', 'large', fits, 0);
    expect(await disk.data('secret/', 'large')).toMatchObject({ live: true, data: fits });
    // The storage refuses the first one, and the listener the second, each in its own words.
    for (const bytes of [800 * 1024, 1100 * 1024]) {
      const over = { value: randomBytes(bytes).toString('base64') };
      await expect(disk.write('secret/', 'larger', over, 0)).rejects.toMatchObject({ kind: 'too-large' });
    }
    expect(await disk.data('secret/', 'larger')).toBeUndefined();
  });

  test('a sealed Vault is told as such, and serves again when it is unsealed', async () => {
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
