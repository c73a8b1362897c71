import { randomBytes } from 'node:crypto';
import { ConsulStore } from '../../src/consul/client';
import { mostBuckets, numBucketsFor } from '../../src/rules/bucket';
import { FaultProxy } from '../support/fault-proxy';
import { OriginRun } from '../support/origin-run';
import { publishedBy } from '../support/published';
import { startConsul, type ConsulServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** Consuls with a lowered or raised limit for values. vsync learns the limit from their answers. */

const KIB = 1024;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function consulWith(limits: Record<string, number>): Promise<ConsulServer> {
  const consul = await startConsul({ limits });
  closers.push(() => consul.stop());
  return consul;
}

/** An origin with its sync info in this Consul, and with secrets that fill `bytes` of buckets. */
async function originOn(
  consul: { address: string },
  bytes: number,
  numBuckets: number | 'auto',
): Promise<{ sync: SyncFixture; run: OriginRun; paths: string[] }> {
  const sync = await SyncFixture.create({
    servers: { ...sharedServers(), consul: consul.address },
    destinations: 0,
    edit: (file) => ((file as { numBuckets?: number | 'auto' }).numBuckets = numBuckets),
  });
  closers.push(() => sync.tearDown());
  const run = await OriginRun.of(sync);
  closers.push(run.close);
  // Each fills about 1,100 bytes of a bucket.
  const folder = Array.from({ length: 5 }, () => 'f'.repeat(190)).join('/');
  const paths = [...Array(Math.ceil(bytes / 1_100)).keys()].map((number) => `${folder}/${number}`);
  for (const path of paths) await sync.originVault.put(sync.mount, path, {});
  return { sync, run, paths };
}

const ended = (cycle: Promise<unknown>): Promise<unknown> =>
  cycle.then(
    () => undefined,
    (error: unknown) => error,
  );

test('ConsulStore learns a lower limit from a refusal, and writes a value that fits', async () => {
  const consul = await consulWith({ kv_max_value_size: 16 * KIB });
  const store = new ConsulStore({ address: consul.address, token: '' });
  closers.push(() => {
    store.close();
  });
  const write = (bytes: number) => ({ key: `x/${bytes}`, value: randomBytes(bytes), expect: 0 });
  expect(store.maxValueBytes).toBe(512 * KIB);
  await expect(store.commit([write(16 * KIB + 1)])).rejects.toMatchObject({ kind: 'too-large' });
  expect(store.maxValueBytes).toBe(16 * KIB);
  expect((await store.commit([write(16 * KIB)]))?.size).toBe(1);
  expect(await store.takes(write(16 * KIB))).toBe(true);
  expect(await store.takes(write(16 * KIB + 2))).toBe(false);
  expect(await store.keys('x/')).toEqual([`x/${16 * KIB}`]);
});

test('ConsulStore learns a higher limit by asking, and writes nothing for it', async () => {
  const consul = await consulWith({ kv_max_value_size: 2048 * KIB });
  const store = new ConsulStore({ address: consul.address, token: '' });
  closers.push(() => {
    store.close();
  });
  const large = { key: 'x', value: randomBytes(900 * KIB), expect: 0 };
  expect(await store.takes(large)).toBe(true);
  expect(store.maxValueBytes).toBe(900 * KIB);
  expect(await store.get('x')).toBeUndefined();
  await expect(store.commit([{ ...large, value: randomBytes(3000 * KIB) }])).rejects.toMatchObject({
    kind: 'too-large',
  });
  expect(store.maxValueBytes).toBe(2048 * KIB);
  expect((await store.commit([large]))?.size).toBe(1);
});

test('commit writes 128 operations in one transaction, and refuses more without sending them', async () => {
  const consul = await consulWith({});
  const store = new ConsulStore({ address: consul.address, token: '' });
  closers.push(() => {
    store.close();
  });
  const writes = (count: number) =>
    [...Array(count).keys()].map((number) => ({ key: `x/${number}`, value: Buffer.from('v'), expect: 0 }));
  await expect(store.commit(writes(129))).rejects.toMatchObject({ kind: 'too-large' });
  expect(await store.keys('x/')).toEqual([]);
  expect((await store.commit(writes(128)))?.size).toBe(128);
});

test('origin cycle refuses a fixed number of buckets, names the one that fits this Consul, and publishes with that one', async () => {
  const limit = 16 * KIB;
  const { sync, run, paths } = await originOn(await consulWith({ kv_max_value_size: limit }), 60 * KIB, 1);
  const dataPaths = paths.map((path) => `${sync.mount}data/${path}`);
  const fitting = numBucketsFor(dataPaths, {
    atLeast: 1,
    most: mostBuckets(limit),
    bucketBytes: limit / 2,
  });
  const error = await ended(run.cycle());
  expect(error).toMatchObject({ type: 'BucketTooLarge' });
  expect((error as Error).message).toContain(
    `this Consul takes 16 KiB at the most (limits.kv_max_value_size): give numBuckets ${fitting}, `,
  );
  expect(Object.keys(await sync.consul.values(sync.infoPrefix('origin')))).not.toContain(
    `${sync.infoPrefix('origin')}index`,
  );
  run.deps.config = { ...run.deps.config, numBuckets: fitting ?? 0 };
  await run.cycle();
  const published = await publishedBy(sync);
  expect(published.numBuckets).toBe(fitting);
  expect(Object.keys(published.insights).sort()).toEqual([...paths].sort());
});

test('origin cycle with numBuckets: auto takes the number that fits this Consul as soon as its limit is known', async () => {
  const { sync, run, paths } = await originOn(
    await consulWith({ kv_max_value_size: 16 * KIB }),
    60 * KIB,
    'auto',
  );
  const error = await ended(run.cycle());
  expect((error as Error | undefined)?.message).toMatch(/the next cycle makes \d+ buckets by itself/);
  await run.cycle();
  const published = await publishedBy(sync);
  expect((error as Error).message).toContain(`makes ${published.numBuckets} buckets`);
  expect(Object.keys(published.insights).sort()).toEqual([...paths].sort());
});

test('origin cycle refuses an index that is too large for this Consul, and names the number of buckets that fits', async () => {
  const { sync, run } = await originOn(await consulWith({ kv_max_value_size: 4 * KIB }), 4 * KIB, 100);
  const error = await ended(run.cycle());
  const [, fitting] =
    /the index of 100 buckets has 7 KiB, and this Consul takes 4 KiB .*: give numBuckets (\d+), /.exec(
      (error as Error | undefined)?.message ?? '',
    ) ?? [];
  expect(Object.keys(await sync.consul.values(`${sync.infoPrefix('origin')}index`))).toEqual([]);
  run.deps.config = { ...run.deps.config, numBuckets: Number(fitting) };
  await run.cycle();
  expect((await publishedBy(sync)).numBuckets).toBe(Number(fitting));
});

test('origin cycle with numBuckets: auto goes below the published number when this Consul no longer takes its index', async () => {
  const proxy = await FaultProxy.before((await consulWith({})).address);
  closers.push(() => proxy.close());
  const { sync, run, paths } = await originOn(proxy, 4 * KIB, 100);
  await run.cycle();
  // The operator lowers the limit: the index alone is larger.
  proxy.choose((method, _url, headers) =>
    method === 'PUT' && Number(headers['content-length']) > 6 * KIB
      ? { status: 413, body: `value for key "index" is too large (${7 * KIB} > ${4 * KIB} bytes)` }
      : undefined,
  );
  run.deps.config = { ...run.deps.config, numBuckets: 'auto' };
  await sync.originVault.put(sync.mount, paths[0] ?? '', { new: true });
  const error = await ended(run.cycle());
  const [, fitting] =
    /the index of 100 buckets has 7 KiB, .* the next cycle makes (\d+) buckets by itself/.exec(
      (error as Error | undefined)?.message ?? '',
    ) ?? [];
  // The limit is known now. The proxy stops refusing, because it would also refuse a transaction of small values.
  proxy.choose(() => undefined);
  await run.cycle();
  const published = await publishedBy(sync);
  expect(published.numBuckets).toBe(Number(fitting));
  expect(Object.keys(published.insights).sort()).toEqual([...paths].sort());
});

test('origin cycle publishes a bucket of more than 512 KiB where the Consul takes it', async () => {
  const { sync, run, paths } = await originOn(
    await consulWith({ kv_max_value_size: 2048 * KIB }),
    600 * KIB,
    1,
  );
  await run.cycle();
  const published = await publishedBy(sync);
  expect(published.numBuckets).toBe(1);
  expect(Object.keys(published.insights)).toHaveLength(paths.length);
  const prefix = sync.infoPrefix('origin');
  expect((await sync.consul.sizes(prefix))[`${prefix}0`]).toBeGreaterThan(512 * KIB);
});
