import { randomBytes } from 'node:crypto';
import { ConsulStore } from '../../src/consul/client';
import { ConsulApi } from '../../dev/shared/consul-api';
import { FaultProxy } from '../support/fault-proxy';
import { NOWHERE } from '../support/nowhere';
import { sharedServers } from '../support/shared-servers';

/** ConsulStore on a real Consul. Plain requests read back what it writes, and the reverse. */

const { consul } = sharedServers();
const prefix = `test-${randomBytes(4).toString('hex')}/`;
/** The default limit of Consul. */
const MAX_VALUE_BYTES = 512 * 1024;
const api = new ConsulApi(consul);
const store = new ConsulStore({ address: consul, token: '' });

afterAll(async () => {
  store.close();
  for (const key of Object.keys(await api.revisions(prefix)))
    await store.remove(key, (await store.get(key))?.revision ?? 0);
});

const write = (
  name: string,
  value: string | Buffer,
  expect = 0,
  flags = 0,
): Parameters<typeof store.commit>[0][number] => ({
  key: prefix + name,
  value: Buffer.from(value),
  expect,
  flags,
});

test.each([
  'plain',
  'with space',
  'space at the end /of a folder',
  '%41',
  'a?b',
  'a#b',
  'ключ 🔑',
  '{{x}}',
  '"q"',
  'back\\slash',
  'a/b/c',
])('ConsulStore writes, lists, reads and removes the key %j under exactly this name', async (name) => {
  const { key } = write(name, '');
  const revision = (await store.commit([write(name, name, 0, 7)]))?.get(key) ?? 0;
  expect(revision).toBeGreaterThan(0);
  expect(await store.get(key)).toEqual({ value: Buffer.from(name), revision, flags: 7 });
  expect(await store.keys(prefix)).toContain(key);
  expect(await api.values(prefix)).toHaveProperty([key], name);
  expect(await store.remove(key, revision)).toBe(true);
  expect(await store.get(key)).toBeUndefined();
});

test('ConsulStore reports a key with a space at its end as rejected, and not as an outage', async () => {
  await expect(store.get(`${prefix}space `)).rejects.toMatchObject({ kind: 'rejected' });
});

test('ConsulStore returns undefined for a missing key, and an empty value as a value', async () => {
  expect(await store.get(`${prefix}nothing`)).toBeUndefined();
  expect(await store.keys(`${prefix}nothing/`)).toEqual([]);
  await store.commit([write('empty', '')]);
  expect((await store.get(`${prefix}empty`))?.value).toEqual(Buffer.alloc(0));
});

test('ConsulStore returns any bytes as they were written', async () => {
  const value = randomBytes(4096);
  await store.commit([write('bytes', value)]);
  expect((await store.get(`${prefix}bytes`))?.value).toEqual(value);
});

test.each([
  ['a small value, in a transaction', Buffer.from('v')],
  ['a large value, outside a transaction', Buffer.alloc(450 * 1024)],
])('commit writes only if the keys that it depends on have not changed: %s', async (what, value) => {
  const key = `${prefix}guard ${what}`;
  const attempt = async (name: string, revision: number): Promise<boolean> =>
    (await store.commit([write(`${name} ${what}`, value)], undefined, [{ key, revision }])) !== undefined;
  expect(await attempt('absent', 0)).toBe(true);
  const revision = (await store.commit([write(`guard ${what}`, 'one')]))?.get(key) ?? 0;
  expect(await attempt('was absent', 0)).toBe(false);
  expect(await attempt('as it was', revision)).toBe(true);
  await store.commit([write(`guard ${what}`, 'two', revision)]);
  expect(await attempt('written since', revision)).toBe(false);
  expect(await store.get(`${prefix}written since ${what}`)).toBeUndefined();
  expect((await store.get(key))?.value).toEqual(Buffer.from('two'));
});

test('commit and remove change a key only at the revision that was read', async () => {
  const created = (await store.commit([write('cas', 'one')]))?.get(`${prefix}cas`) ?? 0;
  expect(await store.commit([write('cas', 'other')])).toBeUndefined();
  const updated = (await store.commit([write('cas', 'two', created)]))?.get(`${prefix}cas`) ?? 0;
  expect(updated).toBeGreaterThan(created);
  expect(await store.commit([write('cas', 'late', created)])).toBeUndefined();
  expect(await store.remove(`${prefix}cas`, created)).toBe(false);
  expect((await store.get(`${prefix}cas`))?.value.toString()).toBe('two');
});

test('commit writes a transaction as a whole, or nothing of it', async () => {
  const all = await store.commit([write('t/a', '1'), write('t/b', '1'), write('t/c', '1')]);
  expect(new Set(all?.values()).size).toBe(1);
  const revision = all?.get(`${prefix}t/a`) ?? 0;
  expect(
    await store.commit([write('t/a', '2', revision), write('t/b', '2', revision - 1), write('t/new', '2')]),
  ).toBeUndefined();
  expect(await api.values(`${prefix}t/`)).toEqual({
    [`${prefix}t/a`]: '1',
    [`${prefix}t/b`]: '1',
    [`${prefix}t/c`]: '1',
  });
});

describe('with large values,', () => {
  test.each([
    ['that just fits a transaction', 374 * 1024],
    ['that does not fit a transaction', 500 * 1024],
    ['that is as large as Consul takes', MAX_VALUE_BYTES],
  ])('commit writes a value %s by check-and-set, and get returns it', async (what, bytes) => {
    const value = randomBytes(bytes);
    const [first, key] = [write(what, value), prefix + what];
    const revision = (await store.commit([first]))?.get(key) ?? 0;
    expect((await store.get(key))?.value.equals(value)).toBe(true);
    expect((await store.get(key))?.revision).toBe(revision);
    expect(await store.commit([first])).toBeUndefined();
    expect((await store.commit([{ ...first, expect: revision }]))?.get(key)).toBeGreaterThanOrEqual(revision);
  });

  test('commit refuses a value of more than 512 KiB as too large, and writes nothing', async () => {
    const over = write('over', randomBytes(MAX_VALUE_BYTES + 1));
    await expect(store.commit([over])).rejects.toMatchObject({ kind: 'too-large' });
    expect(await store.get(over.key)).toBeUndefined();
  });

  test('fitsOneCommit allows only what Consul accepts in one transaction', async () => {
    const sized = (count: number, bytes: number): ReturnType<typeof write>[] =>
      Array.from({ length: count }, (_, number) => write(`many-${bytes}/${number}`, randomBytes(bytes)));
    for (const writes of [sized(64, 5_800), sized(3, 124 * 1024), sized(1, 374 * 1024)]) {
      expect(store.fitsOneCommit(writes)).toBe(true);
      expect((await store.commit(writes))?.size).toBe(writes.length);
    }
  });
});

describe('waitForChange', () => {
  const key = `${prefix}watched`;

  test('returns at once for index 0, then with the change, also when the key is created', async () => {
    const { stored, index } = await store.waitForChange(key, 0, 60_000);
    expect(stored).toBeUndefined();
    const waiting = store.waitForChange(key, index, 60_000);
    await api.put(key, 'one');
    let seen = await waiting;
    // A missing key reports a shared index: another test's write may have woken it.
    while (seen.stored === undefined) seen = await store.waitForChange(key, seen.index, 60_000);
    expect(seen.stored.value.toString()).toBe('one');
    const next = store.waitForChange(key, seen.index, 60_000);
    await api.put(key, 'two');
    expect((await next).stored?.value.toString()).toBe('two');
  });

  test('ends after the given time if nothing changed', async () => {
    const { index } = await store.waitForChange(key, 0, 1000);
    expect(await store.waitForChange(key, index, 1000)).toMatchObject({ index });
  });

  test('ends at once when it is cancelled', async () => {
    const { index } = await store.waitForChange(key, 0, 1000);
    const stop = new AbortController();
    const waiting = store.waitForChange(key, index, 60_000, stop.signal);
    setTimeout(() => {
      stop.abort();
    }, 50);
    await expect(waiting).rejects.toMatchObject({ kind: 'cancelled' });
    await expect(store.get(key, stop.signal)).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

test('ConsulStore names a Consul that cannot be reached, and takes no key for missing', async () => {
  const gone = new ConsulStore({ address: `http://${NOWHERE}`, token: '' });
  await expect(gone.get('k')).rejects.toThrow(`Consul http://${NOWHERE}: k: `);
  await expect(gone.keys('k')).rejects.toMatchObject({ kind: 'unavailable' });
  gone.close();
});

test('commit reads back a write whose answer is lost, and does not repeat it blindly', async () => {
  const proxy = await FaultProxy.before(consul);
  const behind = new ConsulStore({ address: proxy.address, token: '' });
  for (const [name, value] of [
    ['lost', Buffer.from('1')],
    ['lost-large', randomBytes(500 * 1024)],
  ] as const) {
    proxy.inject('lost');
    const written = await behind.commit([write(name, value)]);
    expect(proxy.requests.map((request) => request.split(' ')[0])).toEqual(['PUT', 'GET']);
    const stored = await store.get(prefix + name);
    expect(stored?.value.equals(value)).toBe(true);
    expect(written).toEqual(new Map([[prefix + name, stored?.revision]]));
  }
  proxy.inject('reset', { status: 500 });
  expect((await behind.get(`${prefix}lost`))?.value.toString()).toBe('1');
  expect(proxy.requests).toHaveLength(3);
  behind.close();
  await proxy.close();
});
