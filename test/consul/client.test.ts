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

test('reads are consistent, and send the token as a header', async () => {
  server.answers(answer(200, item('k', 'v'), INDEX));
  expect(await store.get('k')).toEqual({ value: Buffer.from('v'), revision: 12, flags: 0 });
  expect(server.requests[0]).toMatch(/^GET \/v1\/kv\/k\?.*consistent/);
  expect(server.requests[0]).not.toContain('4711');
  expect(server.headers[0]).toMatchObject({ 'x-consul-token': TOKEN });
});

test('a missing key is believed only if Consul says so', async () => {
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
])('%s is not an answer of Consul', async (_what, handler) => {
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
])('status %i is %s', async (status, kind, requests) => {
  server.answers(answer(status, 'x'), answer(403, 'x'));
  const error = (await rejection(store.get('k'))) as ConsulError;
  expect(server.requests).toHaveLength(requests);
  if (requests === 1) expect(error.kind).toBe(kind);
  else expect(error.kind).toBe('forbidden'); // of the second attempt
});

test.each([['closed before the answer', reset]])(
  'a read is repeated when the connection is %s',
  async (_what, handler) => {
    server.answers(handler, answer(200, item('k', 'v'), INDEX));
    expect((await store.get('k'))?.revision).toBe(12);
    expect(server.requests).toHaveLength(2);
  },
);

describe('writes', () => {
  const write = { key: 'k', value: Buffer.from('v'), expect: 0 };

  test.each<[string, () => Promise<unknown>]>([
    ['a transaction', () => store.commit([write])],
    ['a large value', () => store.commit([{ ...write, value: Buffer.alloc(450 * 1024) }])],
    ['a removal', () => store.remove('k', 1)],
  ])('are not repeated after a lost answer: %s', async (_what, request) => {
    for (const handler of [reset, answer(500, 'x')]) {
      server.answers(handler);
      await expect(request()).rejects.toMatchObject({ kind: 'unavailable' });
      expect(server.requests).toHaveLength(1);
    }
  });

  test('a transaction refused by an ACL is not a conflict', async () => {
    server.answers(answer(409, { Errors: [{ OpIndex: 0, What: 'Permission denied: token lacks' }] }, INDEX));
    await expect(store.commit([write])).rejects.toMatchObject({ kind: 'forbidden' });
    server.answers(answer(409, { Errors: [{ OpIndex: 0, What: 'index is stale' }] }, INDEX));
    expect(await store.commit([write])).toBeUndefined();
  });

  test('a page with status 200 does not pass for a written transaction or a removal', async () => {
    server.answers(answer(200, '<html>', { 'content-type': 'text/html' }));
    await expect(store.commit([write])).rejects.toThrow(ConsulError);
    expect(await store.remove('k', 1)).toBe(false);
  });

  test('what fits one commit: 64 operations, and 500 KiB as base64', () => {
    const writes = (count: number, bytes: number): (typeof write)[] =>
      Array.from({ length: count }, () => ({ ...write, value: Buffer.alloc(bytes) }));
    expect(store.fitsOneCommit(writes(64, 100))).toBe(true);
    expect(store.fitsOneCommit(writes(65, 1))).toBe(false);
    expect(store.fitsOneCommit(writes(1, 370 * 1024))).toBe(true);
    expect(store.fitsOneCommit(writes(1, 380 * 1024))).toBe(false);
    expect(store.fitsOneCommit(writes(4, 95 * 1024))).toBe(false);
  });

  test('nothing is sent for no writes', async () => {
    server.answers(answer(500));
    expect(await store.commit([])).toEqual(new Map());
    expect(server.requests).toEqual([]);
  });
});

test('a wait ends at once when it is cancelled', async () => {
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

test('no error shows the token', async () => {
  const echo = { said: TOKEN };
  for (const handler of [answer(400, echo), answer(403, echo), answer(200, echo), answer(404, echo)]) {
    server.answers(handler);
    const error = await rejection(store.commit([{ key: 'k', value: Buffer.from('v'), expect: 0 }]));
    expect(error).toBeInstanceOf(ConsulError);
    expect(exposed(error)).not.toContain('4711');
  }
});
