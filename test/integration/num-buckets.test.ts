import { numBucketsFor } from '../../src/rules/bucket';
import { FaultProxy } from '../support/fault-proxy';
import { INTERRUPTIONS, isWrite } from '../support/interrupted-saves';
import { OriginRun } from '../support/origin-run';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** `numBuckets: auto` grows with the secrets. A fixed number that became too small is refused with one that fits. */

interface OriginFile {
  numBuckets: number | 'auto';
  syncMetadata: boolean;
  origin: { consul: { address: string }; vault: { token: string } };
}

let sync: SyncFixture;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await sync.tearDown();
});

async function originRun(changed: { maxBucketBytes?: number } = {}): Promise<OriginRun> {
  const run = await OriginRun.of(sync, changed);
  closers.push(run.close);
  return run;
}

/** The expected number of buckets. It differs by test: the bucket of a path depends on the mount's name. */
function expectedNumber(all: readonly string[], atLeast: number, maxBucketBytes: number): number | undefined {
  const dataPaths = all.map((path) => `${sync.mount}data/${path}`);
  return numBucketsFor(dataPaths, { atLeast, bucketBytes: maxBucketBytes / 2 });
}

async function createSync(
  edit: (file: OriginFile) => void,
  options: { beforeFiles?: (created: SyncFixture) => Promise<void> } = {},
): Promise<void> {
  sync = await SyncFixture.create({
    destinations: 0,
    ...options,
    edit: (content, role) => {
      if (role === 'origin') edit(content as unknown as OriginFile);
    },
  });
}

/** Paths of a folder. Each takes about 120 bytes of a bucket. */
const paths = (folder: string, count: number): string[] =>
  [...Array(count).keys()].map((number) => `${folder}/${number}`);

async function put(all: readonly string[]): Promise<void> {
  const left = [...all];
  const putNext = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop())
      await sync.originVault.put(sync.mount, path, {});
  };
  await Promise.all(Array.from({ length: 32 }, putNext));
}

const names = (record: object): string[] => Object.keys(record).sort();

describe('numBuckets: auto', () => {
  test('grows with the secrets, and never shrinks', async () => {
    await createSync((file) => (file.numBuckets = 'auto'));
    // Buckets are filled to half of this: about 16 secrets in each.
    const run = await originRun({ maxBucketBytes: 4096 });
    const seen: number[] = [];
    for (const count of [0, 10, 30, 90]) {
      await put(paths('team', count));
      await run.cycle();
      const { numBuckets, insights } = await publishedBy(sync);
      expect(names(insights)).toEqual(paths('team', count).sort());
      expect(numBuckets).toBe(expectedNumber(paths('team', count), seen.at(-1) ?? 1, 4096));
      seen.push(numBuckets);
    }
    const [none, few, more = 0, many = 0] = seen;
    expect([none, few]).toEqual([1, 1]);
    expect([more > 1, many > more]).toEqual([true, true]);
    const sizes = Object.entries(await sync.consul.values(sync.infoPrefix('origin')))
      .filter(([key]) => /\/\d+$/.test(key))
      .map(([, value]) => Buffer.byteLength(value));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2048);

    for (const path of paths('team', 85)) await sync.originVault.delete(sync.mount, path);
    await run.cycle();
    expect(await publishedBy(sync)).toMatchObject({ numBuckets: many });
    const before = await sync.consul.revisions(sync.infoPrefix('origin'));
    expect(await run.cycle()).toMatchObject({ saved: { writes: 0 } });
    expect(await sync.consul.revisions(sync.infoPrefix('origin'))).toEqual(before);
  });

  test('keeps insights and settings of a folder that cannot be listed, while the number of buckets grows', async () => {
    let token = '';
    const policy = (mount: string, denied = ''): string =>
      `path "${mount}metadata/*" { capabilities = ["read", "list"] } ${denied}`;
    await createSync(
      (file) => {
        file.numBuckets = 'auto';
        file.syncMetadata = true;
        file.origin.vault.token = token;
      },
      {
        beforeFiles: async ({ originVault, mount, id }) => {
          token = await originVault.tokenFor(`n-${id}`, policy(mount));
        },
      },
    );
    const run = await originRun({ maxBucketBytes: 4096 });
    await put(paths('closed', 10));
    for (const path of paths('closed', 10)) {
      await sync.originVault.request('POST', `${sync.mount}metadata/${path}`, { max_versions: 7 });
    }
    await run.cycle();
    const before = await publishedBy(sync);
    expect(before.numBuckets).toBe(1);

    await sync.originVault.request('PUT', `sys/policies/acl/n-${sync.id}`, {
      policy: policy(sync.mount, `path "${sync.mount}metadata/closed" { capabilities = ["deny"] }`),
    });
    await put(paths('open', 40));
    expect(await run.cycle()).toMatchObject({ unknown: 1 });
    const after = await publishedBy(sync);
    expect(after.numBuckets).toBe(expectedNumber(paths('open', 40), 1, 4096));
    expect(after.numBuckets).toBeGreaterThan(1);
    expect(names(after.insights)).toEqual([...paths('closed', 10), ...paths('open', 40)].sort());
    expect(after.insights).toMatchObject(before.insights);
    expect(after.settings).toEqual(before.settings);
    expect(names(after.settings ?? {})).toEqual(paths('closed', 10));
  });

  test.each(INTERRUPTIONS)(
    'finishes a save with more buckets that was interrupted by a %s request',
    async (_what, fault) => {
      const proxy = await FaultProxy.before(sharedServers().consul);
      await createSync((file) => {
        file.numBuckets = 'auto';
        file.syncMetadata = true;
        file.origin.consul.address = proxy.address;
      });
      closers.push(() => proxy.close());
      const all = paths('team', 150);
      await put(all);
      const wide = await originRun();
      const narrow = await originRun({ maxBucketBytes: 1024 });
      const expected = expectedNumber(all, 1, 1024) ?? 0;
      // Insights and settings do not fit one transaction, so the save has several steps.
      expect(expected).toBeGreaterThanOrEqual(64);
      const failedAt: number[] = [];
      let ended: unknown;
      do {
        // Each round begins with one bucket that grows to many.
        await sync.consul.deleteAll(sync.infoPrefix('origin'));
        await wide.cycle();
        expect((await publishedBy(sync)).numBuckets).toBe(1);
        const failing = failedAt.length + 1;
        ended = await narrow
          .cycle(() => {
            let writes = 0;
            proxy.choose((method, url) => (isWrite(method, url) && ++writes === failing ? fault : undefined));
          })
          .catch((error: unknown) => error);
        proxy.choose(() => undefined);
        if (ended instanceof Error) {
          expect(ended).toMatchObject({ name: 'ConsulError', kind: 'unavailable' });
          failedAt.push(failing);
          await narrow.cycle();
        }
        const { numBuckets, insights, settings } = await publishedBy(sync);
        expect(numBuckets).toBe(expected);
        expect(names(insights)).toEqual([...all].sort());
        expect(settings).toEqual({});
      } while (ended instanceof Error);
      // A save writes the state, the buckets in one or more transactions, the index of the settings, the index, the state.
      expect(failedAt.length).toBeGreaterThanOrEqual(5);
    },
  );

  test('stores thousands of long paths', async () => {
    const long = [...Array(3600).keys()].map(
      (number) => `team-${number % 10}/${'a-long-name/'.repeat(10)}${number}`,
    );
    await createSync((file) => (file.numBuckets = 'auto'));
    await put(long.slice(0, 900));
    await sync.work();
    await sync.start('origin');
    expect((await publishedBy(sync)).numBuckets).toBe(1);
    await put(long.slice(900));
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced', counts: { read: 3600 } });
    const { numBuckets, insights } = await publishedBy(sync);
    expect(numBuckets).toBe(4);
    expect(names(insights)).toEqual([...long].sort());
    expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('a fixed numBuckets that became too small', () => {
  const failure = async (run: OriginRun): Promise<string> => {
    const before = await sync.consul.values(sync.infoPrefix('origin'));
    const error: unknown = await run.cycle().catch((caught: unknown) => caught);
    expect(error).toMatchObject({ name: 'ActivityError', type: 'BucketTooLarge', retryable: false });
    const after = await sync.consul.values(sync.infoPrefix('origin'));
    const live = (values: Record<string, string>): object =>
      Object.fromEntries(Object.entries(values).filter(([key]) => !key.includes('/staging/')));
    expect(live(after)).toEqual(live(before));
    return (error as Error).message;
  };

  test('fails the cycle with the number that fits, and publishes nothing', async () => {
    await createSync((file) => (file.numBuckets = 1));
    const run = await originRun({ maxBucketBytes: 4096 });
    await put(paths('team', 20));
    await run.cycle();
    await put(paths('team', 60));
    const fitting = expectedNumber(paths('team', 60), 1, 4096) ?? 0;
    const message = await failure(run);
    expect(message.replace(/has \d+ KiB/, 'has … KiB')).toBe(
      `Consul ${sync.servers.consul}: ${sync.infoPrefix('origin')}0: this one of 1 buckets has … KiB, and this ` +
        `Consul takes 4 KiB at the most (limits.kv_max_value_size): give numBuckets ${fitting}, here and (an original vsync) at every destination; or ` +
        '"auto", if no destination is an original vsync; nothing was published',
    );
    run.deps.config = { ...run.deps.config, numBuckets: fitting };
    await run.cycle();
    expect((await publishedBy(sync)).numBuckets).toBe(fitting);
  });

  test('fails the cycle with other advice if no number fits', async () => {
    await createSync((file) => (file.numBuckets = 3));
    const run = await originRun({ maxBucketBytes: 90 });
    await put(['one']);
    expect(await failure(run)).toContain(
      'not even 7000 buckets would hold these 1 secrets. Leave out what nobody needs with origin.include and ' +
        'origin.exclude, or divide the secrets among several syncs, each with a syncPath of its own',
    );
  });
});
