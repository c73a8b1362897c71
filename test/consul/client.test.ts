import { ConsulStore } from '../../src/consul/client';
import { ConsulError } from '../../src/consul/errors';
import { exposed, rejection } from '../support/exposed';
import { answer, reset, silence, TinyServer } from '../support/tiny-server';

const TOKEN = 'consul-token-4711';
const INDEX = { 'x-consul-index': '12', 'content-type': 'application/json' };
const item = (key: string, value: string): unknown => [
  { Key: key, Value: Buffer.from(value).toString('base64'), Flags: 0, ModifyIndex: 12, CreateIndex: 1 },
];

let server: TinyServer;
let store: ConsulStore;

beforeAll(async () => {
  server = await TinyServer.start();
  store = new ConsulStore({ address: server.address, token: TOKEN });
});

afterAll(async () => {
  store.close();
  await server.close();
});

test('ConsulStore reads consistently, and sends the token as a header', async () => {
  server.answers(answer(200, item('k', 'v'), INDEX));
  expect(await store.get('k')).toEqual({ value: Buffer.from('v'), revision: 12, flags: 0 });
  expect(server.requests[0]).toMatch(/^GET \/v1\/kv\/k\?.*consistent/);
  expect(server.requests[0]).not.toContain('4711');
  expect(server.headers[0]).toMatchObject({ 'x-consul-token': TOKEN });
});

test('ConsulStore takes a key for missing only if Consul answers so', async () => {
  server.answers(answer(404, '', INDEX));
  expect(await store.get('k')).toBeUndefined();
  server.answers(answer(404, '<html>'));
  await expect(store.get('k')).rejects.toMatchObject({ kind: 'malformed' });
});

test.each<[string, Parameters<TinyServer['answers']>[0]]>([
  ['a page of HTML', answer(200, '<html>', { 'content-type': 'text/html' })],
  ['a page of HTML with an index', answer(200, '<html>', INDEX)],
  ['an empty list', answer(200, [], INDEX)],
  ['another key', answer(200, item('other', 'v'), INDEX)],
  ['an item of another form', answer(200, [{ Key: 'k' }], INDEX)],
  ['an answer without an index', answer(200, item('k', 'v'))],
])('ConsulStore refuses %s as an answer', async (_what, handler) => {
  server.answers(handler);
  const error = await rejection(store.get('k'));
  expect(error).toBeInstanceOf(ConsulError);
  expect((error as ConsulError).kind).toMatch(/^(malformed|unavailable)$/);
  expect((error as ConsulError).message).toContain(`Consul ${server.address}: k: `);
});

test.each([
  [403, 'forbidden', 1],
  [400, 'rejected', 1],
  [413, 'too-large', 1],
  [429, 'unavailable', 2],
  [500, 'unavailable', 2],
  [503, 'unavailable', 2],
])('ConsulStore classifies status %i as %s', async (status, kind, requests) => {
  server.answers(answer(status, 'x'), answer(403, 'x'));
  const error = (await rejection(store.get('k'))) as ConsulError;
  expect(server.requests).toHaveLength(requests);
  if (requests === 1) expect(error.kind).toBe(kind);
  else expect(error.kind).toBe('forbidden'); // of the second attempt
});

test.each([['closed before the answer', reset]])(
  'ConsulStore repeats a read when the connection is %s',
  async (_what, handler) => {
    server.answers(handler, answer(200, item('k', 'v'), INDEX));
    expect((await store.get('k'))?.revision).toBe(12);
    expect(server.requests).toHaveLength(2);
  },
);

describe('ConsulStore', () => {
  const write = { key: 'k', value: Buffer.from('v'), expect: 0 };

  test.each<[string, () => Promise<unknown>]>([
    ['a transaction', () => store.commit([write])],
    ['a large value', () => store.commit([{ ...write, value: Buffer.alloc(450 * 1024) }])],
    ['a removal', () => store.remove('k', 1)],
  ])('does not repeat a write whose result is unknown: %s', async (_what, request) => {
    server.answers(answer(500, 'x'));
    await expect(request()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(server.requests).toHaveLength(1);
  });

  const LARGE = Buffer.alloc(450 * 1024);
  const inStore = (value: Buffer, revision: number): Parameters<TinyServer['answers']>[0] =>
    answer(
      200,
      [{ ...(item('k', '') as object[])[0], Value: value.toString('base64'), ModifyIndex: revision }],
      INDEX,
    );
  const committed = answer(200, { Results: [{ KV: { Key: 'k', ModifyIndex: 20 } }] }, INDEX);

  test.each<[string, Buffer, Parameters<TinyServer['answers']>[0][], unknown, string[]]>([
    [
      'a transaction has happened',
      Buffer.from('v'),
      [inStore(Buffer.from('v'), 13)],
      new Map([['k', 13]]),
      ['GET'],
    ],
    ['a large value has arrived', LARGE, [inStore(LARGE, 13)], new Map([['k', 13]]), ['GET']],
    ['another process wrote', Buffer.from('v'), [inStore(Buffer.from('w'), 13)], undefined, ['GET']],
    [
      'a transaction has not happened',
      Buffer.from('v'),
      [inStore(Buffer.from('u'), 12), committed],
      new Map([['k', 20]]),
      ['GET', 'PUT'],
    ],
    [
      'a transaction happens only after the look',
      Buffer.from('v'),
      [
        inStore(Buffer.from('u'), 12),
        answer(409, { Errors: [{ What: 'index is stale' }] }),
        inStore(Buffer.from('v'), 13),
      ],
      new Map([['k', 13]]),
      ['GET', 'PUT', 'GET'],
    ],
  ])(
    'reads back a write when the connection is closed: %s',
    async (_what, value, answers, result, requests) => {
      server.answers(reset, ...answers);
      expect(await store.commit([{ key: 'k', value, expect: 12 }])).toEqual(result);
      expect(server.requests.slice(1).map((request) => request.split(' ')[0])).toEqual(requests);
    },
  );

  test.each<[string, Parameters<TinyServer['answers']>[0][], boolean]>([
    ['the key is gone', [answer(404, '', INDEX)], true],
    ['the key was written since', [inStore(Buffer.from('w'), 13)], false],
    ['the key is still there', [inStore(Buffer.from('v'), 12), answer(200, 'true', INDEX)], true],
  ])('reads back a removal when the connection is closed: %s', async (_what, answers, result) => {
    server.answers(reset, ...answers);
    expect(await store.remove('k', 12)).toBe(result);
    expect(server.requests).toHaveLength(1 + answers.length);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a transaction', () => store.commit([write])],
    ['a removal', () => store.remove('k', 1)],
  ])('repeats a write after a 429, after which nothing was written: %s', async (_what, request) => {
    server.answers(answer(429, 'x'), answer(403, 'x'));
    await expect(request()).rejects.toMatchObject({ kind: 'forbidden' });
    expect(server.requests).toHaveLength(2);
  });

  test('does not take a transaction refused by an ACL for a conflict', async () => {
    server.answers(answer(409, { Errors: [{ OpIndex: 0, What: 'Permission denied: token lacks' }] }, INDEX));
    await expect(store.commit([write])).rejects.toMatchObject({ kind: 'forbidden' });
    server.answers(answer(409, { Errors: [{ OpIndex: 0, What: 'index is stale' }] }, INDEX));
    expect(await store.commit([write])).toBeUndefined();
  });

  test('does not take a page with status 200 for a written transaction or a removal', async () => {
    server.answers(answer(200, '<html>', { 'content-type': 'text/html' }));
    await expect(store.commit([write])).rejects.toThrow(ConsulError);
    expect(await store.remove('k', 1)).toBe(false);
  });

  test('fits 128 operations and 512 KiB of JSON into one commit until the server refuses', () => {
    const writes = (count: number, bytes: number): (typeof write)[] =>
      Array.from({ length: count }, () => ({ ...write, value: Buffer.alloc(bytes) }));
    expect(store.fitsOneCommit(writes(128, 100))).toBe(true);
    expect(store.fitsOneCommit(writes(129, 1))).toBe(false);
    expect(store.fitsOneCommit(writes(127, 1), [{ key: 'x', revision: 0 }])).toBe(true);
    expect(store.fitsOneCommit(writes(128, 1), [{ key: 'x', revision: 0 }])).toBe(false);
    expect(store.fitsOneCommit(writes(1, 383 * 1024))).toBe(true);
    expect(store.fitsOneCommit(writes(1, 384 * 1024))).toBe(false);
    expect(store.fitsOneCommit(writes(4, 96 * 1024))).toBe(false);
  });

  test('sends an older Consul no more operations than it has named as its limit', async () => {
    const older = await TinyServer.start(answer(413, 'Transaction contains too many operations (100 > 64)'));
    const behind = new ConsulStore({ address: older.address, token: '' });
    const writes = (count: number): (typeof write)[] =>
      [...Array(count).keys()].map((number) => ({ ...write, key: `k${number}` }));
    await expect(behind.commit(writes(100))).rejects.toMatchObject({ kind: 'too-large' });
    expect(behind.maxOperations).toBe(64);
    expect([behind.fitsOneCommit(writes(65)), behind.fitsOneCommit(writes(64))]).toEqual([false, true]);
    await expect(behind.commit(writes(65))).rejects.toMatchObject({ kind: 'too-large' });
    expect(older.requests).toHaveLength(1);
    behind.close();
    await older.close();
  });

  test('sends nothing without writes', async () => {
    server.answers(answer(500));
    expect(await store.commit([])).toEqual(new Map());
    expect(server.requests).toEqual([]);
  });
});

test('ConsulStore ends a wait at once when it is cancelled', async () => {
  const stop = new AbortController();
  server.answers((request, response) => {
    silence(request, response);
    stop.abort();
  });
  const wait = store.waitForChange('k', 5, 60_000, stop.signal);
  await expect(wait).rejects.toMatchObject({ kind: 'cancelled' });
  expect(server.requests[0]).toMatch(/index=5/);
  expect(server.requests[0]).toMatch(/wait=60s/);
});

describe('ConsulStore of two Consuls behind one gateway', () => {
  const behind = (place: string): ConsulStore =>
    new ConsulStore({ address: `${server.address}/${place}`, token: '' });

  test('keeps long polls apart: each watch gets the answer of its own Consul', async () => {
    const [east, west] = [behind('east'), behind('west')];
    server.answers((request, response) => {
      const place = request.url?.split('/')[1] ?? '';
      answer(200, item('k', place), INDEX)(request, response);
    });
    const answers = await Promise.all([east, west].map((one) => one.waitForChange('k', 5, 60_000)));
    expect(answers.map(({ stored }) => stored?.value.toString())).toEqual(['east', 'west']);
    expect(server.requests).toHaveLength(2);
    for (const one of [east, west]) one.close();
  });

  test('keeps limits apart: a value that one refuses is still sent to the other', async () => {
    const [east, west] = [behind('east'), behind('west')];
    server.answers(answer(413, 'Transaction contains too many operations (100 > 64)'));
    const writes = [...Array(100).keys()].map((number) => ({
      key: `k${number}`,
      value: Buffer.from('v'),
      expect: 0,
    }));
    await expect(east.commit(writes)).rejects.toMatchObject({ kind: 'too-large' });
    expect([east.maxOperations, west.maxOperations]).toEqual([64, 128]);
    for (const one of [east, west]) one.close();
  });
});

test('ConsulStore shows no token in an error', async () => {
  const echo = { said: TOKEN };
  for (const handler of [answer(400, echo), answer(403, echo), answer(200, echo), answer(404, echo)]) {
    server.answers(handler);
    const error = await rejection(store.commit([{ key: 'k', value: Buffer.from('v'), expect: 0 }]));
    expect(error).toBeInstanceOf(ConsulError);
    expect(exposed(error)).not.toContain('4711');
  }
});
