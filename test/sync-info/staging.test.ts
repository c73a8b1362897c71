import { randomBytes } from 'node:crypto';
import { StoredInfoError } from '../../src/consul/errors';
import { Staging } from '../../src/sync-info/staging';
import { MemoryStore } from '../support/memory-store';

const HOUR_MS = 3_600_000;
const PREFIX = 'vsync/origin/staging/';

let store: MemoryStore;
let nowMs: number;
let staging: Staging;

beforeEach(() => {
  store = new MemoryStore();
  nowMs = Date.parse('2026-01-01T00:00:00Z');
  staging = new Staging(store, PREFIX, () => nowMs);
});

/** Does not get smaller by compression, so that it needs several keys. */
const large = { random: randomBytes(600 * 1024).toString('base64') };

test.each([
  ['a short list', { paths: ['a', 'ключ 🔑', '__proto__'] }],
  ['an empty one', []],
  ['a long one', large],
])('%s is read back as it was', async (_what, content) => {
  const reference = await staging.put(content);
  expect(reference).toMatch(/^[0-9a-f]{64}$/);
  expect(await staging.get(reference)).toEqual(content);
});

test('Staging.put splits a long list into parts and writes the head last', async () => {
  const reference = await staging.put(large);
  expect(store.written.at(-1)).toBe(PREFIX + reference);
  expect(store.written.slice(0, -1)).toEqual(
    store.written.slice(0, -1).map((_, part) => `${PREFIX}${reference}/${part}`),
  );
  expect(store.written.length).toBeGreaterThan(2);
  for (const { value } of store.values.values()) expect(value.length).toBeLessThanOrEqual(360 * 1024);
});

test('Staging.put does not write the same content twice', async () => {
  const reference = await staging.put({ a: 1 });
  nowMs += 12 * HOUR_MS - 1000;
  expect(await staging.put({ a: 1 })).toBe(reference);
  expect(store.written).toHaveLength(1);
  await staging.put({ a: 2 });
  expect(store.written).toHaveLength(2);
});

test.each([
  ['a short list', { a: 1 }],
  ['all parts of a long one', large],
])('content that is used again after 12 hours is written again: %s', async (_what, content) => {
  const reference = await staging.put(content);
  const keys = store.written.length;
  nowMs += 12 * HOUR_MS;
  expect(await staging.put(content)).toBe(reference);
  expect(store.written).toHaveLength(2 * keys);
  nowMs += 13 * HOUR_MS;
  expect(await staging.removeExpired()).toBe(0);
  expect(await staging.get(reference)).toEqual(content);
});

test('Staging.removeExpired removes only what is older than 24 hours', async () => {
  const old = await staging.put(large);
  const oldKeys = store.written.length;
  nowMs += 23 * HOUR_MS;
  const young = await staging.put({ young: true });
  store.put('vsync/origin/index', '[]');
  expect(await staging.removeExpired()).toBe(0);
  nowMs += HOUR_MS;
  expect(await staging.removeExpired()).toBe(oldKeys);
  await expect(staging.get(old)).rejects.toThrow(StoredInfoError);
  expect(await staging.get(young)).toEqual({ young: true });
  expect(store.values.has('vsync/origin/index')).toBe(true);
});

test('Staging.removeExpiredSometimes runs once an hour per process', async () => {
  const old = await staging.put({ old: true });
  await staging.removeExpiredSometimes();
  nowMs += 24 * HOUR_MS;
  await staging.removeExpiredSometimes();
  await expect(staging.get(old)).rejects.toThrow(StoredInfoError);
  const again = await staging.put({ old: true });
  const key = store.values.get(PREFIX + again);
  store.values.set(PREFIX + again, { value: Buffer.from(''), revision: 0, ...key, flags: 0 });
  await staging.removeExpiredSometimes();
  expect(store.values.has(PREFIX + again)).toBe(true);
  nowMs += HOUR_MS + 1;
  await staging.removeExpiredSometimes();
  expect(store.values.has(PREFIX + again)).toBe(false);
});

describe('Staging.get names the key and refuses', () => {
  const expectRefusal = async (reference: string): Promise<void> => {
    await expect(staging.get(reference)).rejects.toThrow(StoredInfoError);
    await expect(staging.get(reference)).rejects.toThrow(`Consul memory: ${PREFIX}${reference}`);
  };

  test('a reference that was never staged', () => expectRefusal('0'.repeat(64)));

  test('other content under the same key', async () => {
    const reference = await staging.put({ a: 1 });
    const other = await staging.put({ a: 2 });
    store.put(PREFIX + reference, store.values.get(PREFIX + other)?.value ?? '');
    await expectRefusal(reference);
  });

  test('a part that is gone', async () => {
    const reference = await staging.put(large);
    store.values.delete(`${PREFIX}${reference}/1`);
    await expectRefusal(reference);
  });

  test.each([
    ['a page of HTML', '<html>'],
    ['nothing', ''],
    ['half of the value', undefined],
    ['another number of parts', '{"parts":0}'],
    ['JSON of another form', '{"parts":"x"}'],
  ])('%s', async (_what, text) => {
    const reference = await staging.put({ a: 1 });
    const key = PREFIX + reference;
    store.put(key, text ?? (store.values.get(key)?.value ?? Buffer.alloc(0)).subarray(0, 20));
    await expectRefusal(reference);
  });
});

test('Staging.put accepts the same list from two workers at once', async () => {
  const references = await Promise.all([1, 2, 3].map(() => staging.put(large)));
  expect(new Set(references).size).toBe(1);
  expect(await staging.get(references[0] ?? '')).toEqual(large);
});

test('Staging.retire removes a value with all its parts when the next cycle is over, and not before', async () => {
  const [short, long] = [await staging.put({ a: 1 }), await staging.put(large)];
  await staging.retire([short, long], [short, long]);
  expect(await staging.get(long)).toEqual(large);
  const next = await staging.put({ a: 2 });
  await staging.retire([next], [next]);
  expect([...store.values.keys()]).toEqual([PREFIX + next]);
});

test('Staging.retire keeps what the running cycle has staged too', async () => {
  const [both, old] = [await staging.put({ a: 1 }), await staging.put({ a: 2 })];
  await staging.retire([both, old], [both, old]);
  await staging.retire([], [both]);
  expect([...store.values.keys()]).toEqual([PREFIX + both]);
  await staging.retire([], []);
  expect(await staging.get(both)).toEqual({ a: 1 });
});
