import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { rejection } from '../support/exposed';
import { answer, TinyServer } from '../support/tiny-server';

const entry = { created_time: '2026-01-02T03:04:05.678901234Z', deletion_time: '', destroyed: false };
const metadata = (versions: unknown) => {
  return { data: { current_version: 1, updated_time: entry.created_time, versions } };
};

let server: TinyServer;
let vault: Kv2;

beforeAll(async () => {
  server = await TinyServer.start();
  const auth = { kind: 'token', token: 't' } as const;
  vault = new Kv2(new VaultClient({ address: server.address, auth, namespace: '', concurrency: 4 }));
});
afterAll(async () => {
  await vault.client.close();
  await server.close();
});

test('metadata are read with all their versions, and settings that an old Vault does not have', async () => {
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
  ['nothing', null],
  ['a version that is nothing', { 1: null }],
  ['a version that is a text', { 1: 'v' }],
  ['a version without its time', { 1: { ...entry, created_time: undefined } }],
  ['a version whose deletion is no text', { 1: entry, 2: { ...entry, deletion_time: null } }],
  ['a version of which nobody knows whether it is destroyed', { 1: { ...entry, destroyed: 'no' } }],
])('versions that are %s are no answer of a Vault', async (_, versions) => {
  server.answers(answer(200, metadata(versions)));
  expect(await rejection(vault.metadata('kv/', 'a'))).toMatchObject({ kind: 'malformed' });
});

test('writeSettings sends the version of the metadata that it was given, and none where it was not', async () => {
  const settings = { custom_metadata: {}, max_versions: 3, cas_required: false, delete_version_after: '0s' };
  const sent: unknown[] = [];
  for (const cas of [undefined, 0, 7]) {
    server.answers(answer(204, ''));
    await vault.writeSettings('kv/', 'a', settings, cas);
    sent.push(JSON.parse(server.bodies.at(-1) ?? ''));
  }
  expect(sent).toEqual([settings, { ...settings, metadata_cas: 0 }, { ...settings, metadata_cas: 7 }]);
});

test('what is not stored is no failure, and what is in the way is one', async () => {
  server.answers(answer(404, { errors: [] }));
  expect(await vault.metadata('kv/', 'a')).toBeUndefined();
  expect(await vault.data('kv/', 'a')).toBeUndefined();
  server.answers(answer(404, { errors: ['no handler for route "kv/metadata/a"'] }));
  expect(await rejection(vault.metadata('kv/', 'a'))).toMatchObject({ kind: 'no-mount' });
  server.answers(answer(403, { errors: ['permission denied'] }));
  expect(await rejection(vault.data('kv/', 'a'))).toMatchObject({ kind: 'forbidden' });
});

test('a path that no URL can have is a failure of its own, and nothing is sent', async () => {
  server.answers(answer(200, {}));
  const asked = [vault.metadata('kv/', 'a//b'), vault.data('kv/', '../b'), vault.write('kv/', './b', {}, 0)];
  for (const one of asked) expect(await rejection(one)).toMatchObject({ kind: 'rejected' });
  expect(server.requests).toEqual([]);
});
