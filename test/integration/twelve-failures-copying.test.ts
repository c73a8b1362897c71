import { numBucketsFor } from '../../src/rules/sync-index';
import { publishedBy } from '../support/published';
import { RunningSync } from '../support/running-sync';

/** The failures of the original vsync that make it do too much: copies again, writes again, waits for one after the other. */

let running: RunningSync;

afterEach(() => running.tearDown());

const isValueWrite = (method: string, url: string): boolean => method === 'POST' && url.includes('/data/');

/** Lets nobody go on before all have arrived. */
class Meeting {
  readonly arrived = new Set<string>();
  private open: () => void = () => undefined;
  private readonly all = new Promise<undefined>(
    (resolve) =>
      (this.open = () => {
        resolve(undefined);
      }),
  );

  constructor(private readonly size: number) {}

  arrive(who: string): Promise<undefined> {
    this.arrived.add(who);
    if (this.arrived.size === this.size) this.open();
    return this.all;
  }
}

/** Keys whose ModifyIndex moved, without what is staged. */
function moved(before: Record<string, number>, after: Record<string, number>): string[] {
  return Object.keys(after).filter((key) => after[key] !== before[key] && !key.includes('/staging/'));
}

test('3. a timeout keeps what has arrived: a first copy longer than the timeout converges without one needless version', async () => {
  const paths = Array.from({ length: 12 }, (_, number) => `app${String(number)}`);
  running = await RunningSync.create({ timeout: '6s', numBuckets: 3 });
  const { sync, proxies } = running;
  await running.put(...paths);
  await sync.cycle('origin');

  const results: unknown[] = [];
  const answered = new Set<string>();
  for (let cycle = 0; cycle < 3; cycle++) {
    // Time for four secrets in each cycle: from the fifth on, the destination does not answer in this one.
    const inThisCycle = new Set<string>();
    proxies.vault.choose((method, url) => {
      if (!isValueWrite(method, url)) return undefined;
      if (inThisCycle.size === 4) return 'hang';
      inThisCycle.add(url);
      answered.add(url);
      return undefined;
    });
    const { outcome, counts } = await sync.cycle('destination');
    results.push([outcome, counts.added, counts.updated + counts.skipped + counts.failed]);
    // Four more than before, and each of them claimed.
    expect(answered.size).toBe(4 * (cycle + 1));
    const claims = JSON.stringify(await sync.consul.values(sync.infoPrefix('destination')));
    expect(paths.filter((path) => claims.includes(`${running.data(path)}\\"`))).toHaveLength(answered.size);
  }
  expect(results).toEqual([
    ['timed-out', 4, 0],
    ['timed-out', 4, 0],
    ['synced', 4, 0],
  ]);
  await running.expectFirstVersions(paths);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
});

test('4. lost destination info: everything is compared, and only what differs is written', async () => {
  const paths = ['a', 'b/c', 'b/d', 'e'];
  running = await RunningSync.create({ secrets: paths });
  const { sync, proxies } = running;
  const lose = async (): Promise<void> => {
    for (const key of Object.keys(await sync.consul.revisions(sync.infoPrefix('destination'))))
      await sync.consul.delete(key);
  };
  const writes = (): string[] =>
    proxies.vault.requests.filter((request) =>
      /^(POST|PUT|DELETE) .*\/(data|delete|metadata)\//.test(request),
    );

  await lose();
  running.mendAll();
  expect(await sync.cycle('destination')).toMatchObject({
    counts: { read: 4, added: 0, updated: 0, deleted: 0, skipped: 4 },
  });
  // A first copy writes at once, on the condition that nothing ever stood there: Vault refuses, and it compares.
  await running.expectFirstVersions(paths);

  await lose();
  await sync.destinationVaults[0]?.put(sync.mount, 'e', { path: 'by hand' });
  running.mendAll();
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 1, skipped: 3 } });
  expect(writes()).toContain(`POST /v1/${running.data('e')}`);
  await running.expectFirstVersions(['a', 'b/c', 'b/d']);
  expect(await running.at('e')).toEqual([{ path: 'e' }, 3]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
});

test('5. listing and reading are concurrent, and buckets that did not change are not rewritten', async () => {
  const folders = Array.from({ length: 8 }, (_, number) => `folder${String(number)}/`);
  running = await RunningSync.create({ secrets: folders.map((folder) => `${folder}secret`), numBuckets: 8 });
  const { sync, proxies } = running;
  const before = await sync.consul.revisions(sync.infoPrefix('origin'));

  // None of them is answered before all of them are in flight: one after the other, this would never end.
  const inFlight = { LIST: new Meeting(folders.length), GET: new Meeting(folders.length) };
  proxies.originVault.choose((method, url) =>
    (method === 'LIST' || method === 'GET') && url.includes('/metadata/folder')
      ? inFlight[method].arrive(url)
      : undefined,
  );
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'unchanged', counts: { listed: 8, read: 8 } });
  expect([inFlight.LIST.arrived.size, inFlight.GET.arrived.size]).toEqual([8, 8]);
  expect(moved(before, await sync.consul.revisions(sync.infoPrefix('origin')))).toEqual([]);

  running.mendAll();
  await sync.originVault.put(sync.mount, `${folders[0] ?? ''}secret`, { changed: true });
  expect(await sync.cycle('origin')).toMatchObject({ outcome: 'synced' });
  const after = moved(before, await sync.consul.revisions(sync.infoPrefix('origin')));
  expect(after.map((key) => key.replace(/\d+$/, 'one bucket').replace(/.*\//, '')).sort()).toEqual([
    'index',
    'one bucket',
    'state',
  ]);
});

test("6. a bucket over Consul's 512 KiB is refused with the number that fits, and numBuckets auto finds it", async () => {
  const long = Array.from(
    { length: 1300 },
    (_, number) => `team${String(number % 4)}/${'x'.repeat(200)}/${'y'.repeat(180)}${String(number)}`,
  );
  running = await RunningSync.create({ secrets: ['first'], numBuckets: 1 });
  const { sync } = running;
  const left = [...long];
  const putNext = async (): Promise<void> => {
    for (let path = left.pop(); path !== undefined; path = left.pop()) await running.put(path);
  };
  await Promise.all(Array.from({ length: 16 }, putNext));
  const before = await publishedBy(sync);

  const dataPaths = ['first', ...long].map((path) => running.data(path));
  // Half of the limit is for what is kept of folders that cannot be listed.
  const fitting = numBucketsFor(dataPaths, { atLeast: 1, bucketBytes: 256 * 1024 }) ?? 0;
  expect(fitting).toBeGreaterThan(1);
  await expect(sync.cycle('origin')).rejects.toMatchObject({
    cause: {
      type: 'BucketTooLarge',
      message: expect.stringMatching(
        new RegExp(
          `${sync.infoPrefix('origin')}0: this one of 1 buckets has \\d+ KiB, and this Consul takes 512 KiB at the most ` +
            `\\(limits.kv_max_value_size\\): give numBuckets ${String(fitting)}, .*nothing was published`,
        ),
      ) as unknown,
    },
  });
  expect(await publishedBy(sync)).toEqual(before);

  await sync.reconfigure('origin', (content) => {
    content['numBuckets'] = 'auto';
  });
  const { numBuckets, insights } = await publishedBy(sync);
  expect(numBuckets).toBe(fitting);
  expect(Object.keys(insights)).toHaveLength(long.length + 1);
  // The destination follows by itself; what it had moves with the buckets.
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { added: long.length },
  });
  expect(await running.at(long[7] ?? '')).toEqual([{ path: long[7] }, 1]);
  await running.expectFirstVersions(['first']);
});
