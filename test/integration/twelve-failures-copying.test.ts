import { numBucketsFor } from '../../src/rules/bucket';
import { publishedBy } from '../support/published';
import { RunningSync } from '../support/running-sync';

/** Failures of the original vsync that cost needless work: it copies and writes again, and waits for each request. */

let running: RunningSync;

afterEach(() => running.tearDown());

const isValueWrite = (method: string, url: string): boolean => method === 'POST' && url.includes('/data/');

/** Holds all arrivals until the last one. */
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

/** Keys whose ModifyIndex changed, without staging. */
function moved(before: Record<string, number>, after: Record<string, number>): string[] {
  return Object.keys(after).filter((key) => after[key] !== before[key] && !key.includes('/staging/'));
}

test('3. destination cycle keeps what has arrived before a timeout: a first copy longer than it converges without a needless version', async () => {
  const paths = Array.from({ length: 12 }, (_, number) => `app${String(number)}`);
  // Longer than a slow machine needs for four secrets.
  running = await RunningSync.create({ timeout: '15s', numBuckets: 3 });
  const { sync, proxies } = running;
  await running.put(...paths);
  await sync.cycle('origin');

  const results: unknown[] = [];
  const answered = new Set<string>();
  for (let cycle = 0; cycle < 3; cycle++) {
    // The destination answers four writes in each cycle, and no more.
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
    // Each cycle adds four secrets, and all of them are claimed.
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

test('4. destination cycle compares everything after its info is lost, and writes only what differs', async () => {
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
  // A first copy writes with check-and-set 0. Vault refuses that for an existing secret, which is then compared.
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

test('5. origin cycle lists and reads concurrently, and does not rewrite unchanged buckets', async () => {
  const folders = Array.from({ length: 8 }, (_, number) => `folder${String(number)}/`);
  running = await RunningSync.create({ secrets: folders.map((folder) => `${folder}secret`), numBuckets: 8 });
  const { sync, proxies } = running;
  const before = await sync.consul.revisions(sync.infoPrefix('origin'));

  // No request is answered before all are in flight, so sequential requests would never end.
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

test("6. origin cycle refuses a bucket over Consul's 512 KiB with the number of buckets that fits, and numBuckets auto finds it", async () => {
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
  // Half of the limit is reserved for insights of folders that cannot be listed.
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
  // The destination follows by itself, and its claims move to the new buckets.
  expect(await sync.cycle('destination')).toMatchObject({
    outcome: 'synced',
    counts: { added: long.length },
  });
  expect(await running.at(long[7] ?? '')).toEqual([{ path: long[7] }, 1]);
  await running.expectFirstVersions(['first']);
});
