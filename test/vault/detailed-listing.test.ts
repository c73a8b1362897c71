import type http from 'node:http';
import type net from 'node:net';
import { asSent, listFront } from '../../dev/shared/list-front';
import { portOf } from '../../dev/shared/sockets';
import type { VaultClient } from '../../src/vault/client';
import { DetailedLister, type DetailedName } from '../../src/vault/detailed-listing';
import type { SecretMetadata } from '../../src/vault/kv2';
import { kv2Before } from '../support/kv2-before';
import { answer, TinyServer } from '../support/tiny-server';

type Handler = ReturnType<typeof answer>;

let server: TinyServer;
/** Passes the verb LIST, which Node's server refuses. */
let front: net.Server;
let lister: DetailedLister;
let nowMs = 0;
let client: VaultClient;

beforeEach(async () => {
  server = await TinyServer.start();
  front = listFront(() => Number(new URL(server.address).port));
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  ({ client } = kv2Before({ address: `http://127.0.0.1:${portOf(front)}` }));
  nowMs = 1_000_000;
  lister = new DetailedLister(client, 3, () => nowMs);
});
afterEach(async () => {
  await client.close();
  await server.close();
  await new Promise((resolve) => front.close(resolve));
});

const PATH = 's/detailed-metadata/';

function metadata(version: number): object {
  const created_time = `2026-01-0${version}T00:00:00Z`;
  return {
    current_version: version,
    updated_time: created_time,
    versions: { [version]: { created_time, deletion_time: '', destroyed: false } },
    custom_metadata: null,
  };
}

/** A page of OpenBao. */
const page = (keys: string[], key_info: Record<string, unknown> | undefined): Handler =>
  answer(200, { data: { keys, ...(key_info && { key_info }) }, warnings: null });
const INVALID = 'Invalid path for a versioned K/V secrets engine.';
const OF_VAULT = answer(404, { data: null, warnings: [INVALID] });
const FORBIDDEN = answer(403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] });
const EMPTY = answer(404, { errors: [] });
const HEALTH = { initialized: true, sealed: false, standby: false, cluster_id: 'c' };
const OF_BAO = answer(200, { ...HEALTH, version: '2.6.2' });

const versionOf = ({ current_version }: SecretMetadata): number => current_version;
const list = (path = PATH): Promise<DetailedName<number>[] | undefined> => lister.list(path, 's/', versionOf);
/** The received requests, as they were sent. */
const asked = (): string[] =>
  server.requests.map((request) => {
    const [method = '', url = ''] = request.split(' ');
    const sent = asSent(method, url);
    return `${sent.method} ${sent.url.replace('/v1/s/detailed-metadata/', '')}`;
  });

test('DetailedLister gives names and metadata of a folder with one request', async () => {
  server.answers(page(['a', 'b/'], { a: metadata(2), 'b/': {} }));
  expect(await list()).toEqual([{ name: 'a', metadata: 2 }, { name: 'b/' }]);
  expect(asked()).toEqual(['LIST ?limit=3']);
});

test.each<[what: string, info: Record<string, unknown> | undefined]>([
  ['the metadata of the secret with the name of a folder', { a: metadata(1), 'a/': metadata(1) }],
  ['metadata that are empty, because the secret has changed', { a: {}, 'a/': {} }],
  ['metadata without versions', { a: { current_version: 1 } }],
  ['metadata that are null', { a: null }],
  ['no metadata at all', undefined],
])('DetailedLister takes nothing from %s', async (_what, info) => {
  server.answers(page(['a', 'a/'], info));
  const names = await list();
  expect(names?.at(1)).toEqual({ name: 'a/' });
  expect(names?.at(0)).toEqual(
    info?.['a/'] !== undefined && 'versions' in (info['a'] as object)
      ? { name: 'a', metadata: 1 }
      : { name: 'a' },
  );
});

test('DetailedLister takes metadata by the names of the answer only', async () => {
  const info = JSON.stringify({ data: { keys: ['__proto__', 'constructor'], key_info: { x: metadata(1) } } });
  server.answers(answer(200, info.replace('"x"', '"__proto__"')));
  expect(await list()).toEqual([{ name: '__proto__', metadata: 1 }, { name: 'constructor' }]);
});

test('DetailedLister reads all pages, and asks for the next one after the last name', async () => {
  const info = { a: metadata(1), b: metadata(2), c: metadata(3), é: metadata(4) };
  server.answers(page(['a', 'b', 'c'], info), page(['é'], info));
  expect((await list())?.map(({ metadata: version }) => version)).toEqual([1, 2, 3, 4]);
  expect(asked()).toEqual(['LIST ?limit=3', 'LIST ?after=c&limit=3']);
});

test('DetailedLister ends a full last page with a 404', async () => {
  server.answers(page(['a', 'b', 'c'], {}), EMPTY);
  expect(await list()).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
});

test('DetailedLister takes the pages that a policy allows, and remembers their size for the mount', async () => {
  server.answers(FORBIDDEN, page(['a', 'b'], {}), page(['c'], {}), EMPTY);
  expect(await list()).toEqual([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
  const next = [...asked()];
  expect(next).toEqual([
    'LIST ?limit=3',
    'LIST ?limit=max',
    'LIST ?after=b&limit=max',
    'LIST ?after=c&limit=max',
  ]);
  server.answers(page(['x'], {}), EMPTY);
  await list(`${PATH}x/`);
  expect(asked()).toEqual(['LIST x/?limit=max', 'LIST x/?after=x&limit=max']);
});

test('DetailedLister has no answer if a page repeats names: the listing may lack some', async () => {
  server.answers(page(['a', 'b', 'c'], {}), page(['b', 'c', 'd'], {}));
  expect(await list()).toBeUndefined();
});

test.each<[what: string, last: Handler, shown: string[], plain: string[], expected: string[]]>([
  ['a short page', page(['d'], {}), ['a', 'b', 'c', 'd'], ['a', 'c', 'e'], ['a', 'b', 'c', 'd', 'e']],
  ['an empty page', EMPTY, ['a', 'b', 'c'], ['a', 'b', 'c', 'x/', 'y'], ['a', 'b', 'c', 'x/', 'y']],
])(
  'DetailedLister asks a plain listing after %s of a large folder',
  async (_what, last, shown, plain, expected) => {
    const large = new DetailedLister(client, 3, () => nowMs, 3);
    const plainly = jest.fn(() => Promise.resolve(plain));
    const info = { a: metadata(1), b: metadata(2), c: metadata(3) };
    server.answers(page(['a', 'b', 'c'], info), last);
    const names = await large.list(PATH, 's/', versionOf, undefined, plainly);
    expect(names?.map(({ name }) => name)).toEqual(expected);
    expect(names?.slice(0, 3).map(({ metadata: version }) => version)).toEqual([1, 2, 3]);
    expect(names?.slice(shown.length).every(({ metadata: found }) => found === undefined)).toBe(true);
    expect(plainly).toHaveBeenCalledTimes(1);
  },
);

test('DetailedLister needs no plain listing for a small folder', async () => {
  const plainly = jest.fn(() => Promise.resolve([]));
  server.answers(page(['a', 'b'], {}));
  await new DetailedLister(client, 3, () => nowMs, 3).list(PATH, 's/', versionOf, undefined, plainly);
  expect(plainly).not.toHaveBeenCalled();
});

test('DetailedLister never asks a Vault again', async () => {
  server.answers(OF_VAULT);
  expect([await list(), await list(), await list('other/detailed-metadata/')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(asked()).toHaveLength(1);
});

test('DetailedLister has no answer for a folder without names, which a policy may hide, and asks for it again', async () => {
  server.answers(EMPTY);
  expect([await list(), await list()]).toEqual([undefined, undefined]);
  expect(asked()).toHaveLength(2);
});

test('DetailedLister leaves a refused folder, and those in it, to plain listings for an hour', async () => {
  server.answers(FORBIDDEN);
  expect(await list(`${PATH}a/`)).toBeUndefined();
  server.answers(page(['x'], {}));
  expect([await list(`${PATH}a/`), await list(`${PATH}a/b/`)]).toEqual([undefined, undefined]);
  expect(asked()).toEqual([]);
  expect(await list(`${PATH}b/`)).toEqual([{ name: 'x' }]);
  nowMs += 3_600_000;
  expect(await list(`${PATH}a/`)).toEqual([{ name: 'x' }]);
});

test.each<[what: string, handler: Handler]>([
  ['405', answer(405, { errors: ['unsupported operation'] })],
  ['a page of a gateway', answer(404, '<html>')],
  ['another form', answer(200, { data: { names: [] } })],
])('DetailedLister has no answer where a gateway answers with %s', async (_what, handler) => {
  server.answers(handler);
  expect(await list()).toBeUndefined();
});

test('DetailedLister fails where Vault cannot answer now: an outage is not a missing feature', async () => {
  server.answers((request, response) => {
    const isHealth = request.url?.includes('sys/health') === true;
    (isHealth ? OF_BAO : answer(500, { errors: ['internal error'] }))(request, response);
  });
  await expect(list()).rejects.toMatchObject({ kind: 'unavailable' });
});

test.each<[support: string, what: string, handlers: [Handler, ...Handler[]], requests: number]>([
  ['yes', 'metadata', [page(['a'], {})], 1],
  ['yes', 'an empty folder of OpenBao', [EMPTY], 1],
  ['no', 'the 404 of a Vault', [OF_VAULT], 1],
  [
    'no',
    'a 403 of a Vault',
    [FORBIDDEN, answer(200, { ...HEALTH, version: '1.21.2', enterprise: false })],
    2,
  ],
  ['no', 'a 403 of an old Vault', [FORBIDDEN, answer(200, { ...HEALTH, version: '1.13.1' })], 2],
  ['forbidden', 'a 403 of OpenBao', [FORBIDDEN, OF_BAO], 2],
  ['unknown', 'a page of a gateway', [answer(404, '<html>')], 2],
])('DetailedLister.support is "%s" for %s', async (support, _what, handlers, requests) => {
  server.answers(...handlers);
  expect(await lister.support(PATH)).toBe(support);
  expect(server.requests).toHaveLength(requests);
  server.answers(page(['a'], {}));
  // Later listings know the answer.
  expect((await list()) !== undefined).toBe(support === 'yes');
  expect(server.requests).toHaveLength(support === 'yes' ? 1 : 0);
});

test('DetailedLister keeps few pages in flight until their size is known', async () => {
  const open: http.ServerResponse[] = [];
  let most = 0;
  server.answers((_request, response) => {
    open.push(response);
    most = Math.max(most, open.length);
    setImmediate(() => {
      open.splice(open.indexOf(response), 1);
      page(['a'], {})(_request, response);
    });
  });
  const large = new DetailedLister(client);
  const folders = Array.from({ length: 6 }, (_, at) => large.list(`${PATH}${at}/`, 's/', versionOf));
  expect(await Promise.all(folders)).toEqual(folders.map(() => [{ name: 'a' }]));
  expect(most).toBeLessThanOrEqual(2);
});
