import type { Kv2 } from '../../src/vault/kv2';
import { lookupSelf } from '../../src/vault/token';
import { rejection } from '../support/exposed';
import { kv2Before } from '../support/kv2-before';
import { answer, TinyServer } from '../support/tiny-server';

const entry = { created_time: '2026-01-02T03:04:05.678901234Z', deletion_time: '', destroyed: false };
const metadata = (versions: unknown) => {
  return { data: { current_version: 1, updated_time: entry.created_time, versions } };
};

let server: TinyServer;
let vault: Kv2;

beforeAll(async () => {
  server = await TinyServer.start();
  vault = kv2Before(server);
});
afterAll(async () => {
  await vault.client.close();
  await server.close();
});

/** As Vault 1.21.2 and OpenBao 2.6.2 answer, with what the other one does not have. */
const OWN_FIELDS = {
  'Vault 1.21': {
    of: {
      last_updated_by: { actor: 'root', operation: 'undelete', client_id: '0DHqvq2D' },
      oldest_version: 0,
    },
    version: { created_by: { actor: 'root', operation: 'create', client_id: '0DHqvq2D' }, deleted_by: null },
  },
  OpenBao: {
    of: { current_metadata_version: 0, metadata_cas_required: false, oldest_version: 0 },
    version: {},
  },
  'a server of tomorrow': { of: { labels: [1, { a: null }], updated_by: 'x' }, version: { tags: ['a'] } },
};

test.each(Object.entries(OWN_FIELDS))(
  'Kv2 accepts further fields in every answer: %s',
  async (_server, { of, version }) => {
    const got = { ...entry, ...version };
    server.answers(answer(200, { data: { ...metadata({ 1: got }).data, ...of }, mount_type: 'kv', more: 1 }));
    expect(await vault.metadata('kv/', 'a')).toMatchObject({ current_version: 1, versions: { 1: entry } });
    server.answers(answer(200, { data: { data: { x: 1 }, metadata: { ...got, version: 1, ...of } } }));
    expect(await vault.data('kv/', 'a')).toMatchObject({ live: true, version: 1, data: { x: 1 } });
    server.answers(answer(200, { data: { ...got, version: 2, ...of } }));
    await expect(vault.write('kv/', 'a', { x: 1 }, 1)).resolves.toBeDefined();
    server.answers(
      answer(200, { data: { uuid: 'u', type: 'kv', options: { version: '2', more: '1' }, ...of } }),
    );
    expect(await vault.mount('kv/')).toMatchObject({ uuid: 'u', isKv2: true });
    server.answers(answer(200, { sealed: false, cluster_id: 'c', ...of }));
    expect(await vault.clusterId()).toBe('c');
    server.answers(answer(200, { data: { ttl: 5, ...of, explicit_max_ttl: null, creation_time: null } }));
    expect(await lookupSelf(vault.client)).toMatchObject({ ttlS: 5, lastEndS: undefined });
  },
);

test('Kv2 accepts optional fields that are null or missing', async () => {
  const nulls = { custom_metadata: null, max_versions: null, cas_required: null, delete_version_after: null };
  server.answers(answer(200, { data: { ...metadata({ 1: entry }).data, ...nulls } }));
  const defaults = { max_versions: 0, cas_required: false, delete_version_after: '0s' };
  expect(await vault.metadata('kv/', 'a')).toMatchObject(defaults);
  server.answers(answer(200, { data: { uuid: 'u', type: 'kv', options: { version: null } } }));
  expect(await vault.mount('kv/')).toMatchObject({ isKv2: false, kind: 'kv version 1' });
  server.answers(answer(200, { sealed: false }));
  expect(await rejection(vault.clusterId())).toMatchObject({
    kind: 'malformed',
    detail: expect.stringContaining('has no cluster_id') as string,
  });
});

test('Kv2 reads metadata with all versions, and defaults for settings that an old Vault does not have', async () => {
  const versions = { 1: entry, 2: { ...entry, deletion_time: '2026-02-03T04:05:06Z' } };
  server.answers(answer(200, metadata(versions)));
  expect(await vault.metadata('kv/', 'a')).toEqual({
    current_version: 1,
    updated_time: entry.created_time,
    versions,
    custom_metadata: null,
    max_versions: 0,
    cas_required: false,
    delete_version_after: '0s',
  });
});

test.each([
  ['a list', [entry]],
  ['null', null],
  ['a version that is null', { 1: null }],
  ['a version that is a text', { 1: 'v' }],
  ['a version without its time', { 1: { ...entry, created_time: undefined } }],
  ['a version whose deletion time is not a text', { 1: entry, 2: { ...entry, deletion_time: null } }],
  ['a version whose mark destroyed is not a boolean', { 1: { ...entry, destroyed: 'no' } }],
])('Kv2 refuses metadata whose versions are %s', async (_, versions) => {
  server.answers(answer(200, metadata(versions)));
  expect(await rejection(vault.metadata('kv/', 'a'))).toMatchObject({ kind: 'malformed' });
});

test('Kv2.writeSettings sends the metadata version only if it got one', async () => {
  const settings = { custom_metadata: {}, max_versions: 3, cas_required: false, delete_version_after: '0s' };
  const sent: unknown[] = [];
  for (const cas of [undefined, 0, 7]) {
    server.answers(answer(204, ''));
    await vault.writeSettings('kv/', 'a', settings, cas);
    sent.push(JSON.parse(server.bodies.at(-1) ?? ''));
  }
  expect(sent).toEqual([settings, { ...settings, metadata_cas: 0 }, { ...settings, metadata_cas: 7 }]);
});

test('Kv2 returns undefined for a missing secret, and throws for a missing mount or permission', async () => {
  server.answers(answer(404, { errors: [] }));
  expect(await vault.metadata('kv/', 'a')).toBeUndefined();
  expect(await vault.data('kv/', 'a')).toBeUndefined();
  server.answers(answer(404, { errors: ['no handler for route "kv/metadata/a"'] }));
  expect(await rejection(vault.metadata('kv/', 'a'))).toMatchObject({ kind: 'no-mount' });
  server.answers(answer(403, { errors: ['permission denied'] }));
  expect(await rejection(vault.data('kv/', 'a'))).toMatchObject({ kind: 'forbidden' });
});

test('Kv2 refuses a path that no URL can have, and sends nothing', async () => {
  server.answers(answer(200, {}));
  const asked = [vault.metadata('kv/', 'a//b'), vault.data('kv/', '../b'), vault.write('kv/', './b', {}, 0)];
  for (const one of asked) expect(await rejection(one)).toMatchObject({ kind: 'rejected' });
  expect(server.requests).toEqual([]);
});

test.each<[mayLag: boolean, what: string, health: object]>([
  [true, 'a standby of OpenBao', { version: '2.6.2', standby: true }],
  [false, 'an active OpenBao', { version: '2.6.2', standby: false }],
  [
    false,
    'a standby of Vault, which passes reads on',
    { version: '1.21.2', standby: true, enterprise: false },
  ],
  [false, 'a standby of an older Vault', { version: '1.13.1', standby: true }],
  [
    true,
    'a performance standby of Vault Enterprise',
    { version: '1.21.2+ent', standby: true, performance_standby: true, enterprise: true },
  ],
])('Kv2 reports that reads may lag (%s) for %s', async (mayLag, _what, health) => {
  server.answers(answer(200, { sealed: false, cluster_id: 'c', ...health }));
  expect(await vault.cluster()).toMatchObject({ mayLag });
});
