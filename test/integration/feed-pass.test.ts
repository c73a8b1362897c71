import { setTimeout as sleep } from 'node:timers/promises';
import { CountingProxy } from '../../dev/shared/counting-proxy';
import { countKinds, vaultKind, type KindCounts } from '../../dev/shared/request-kinds';
import type { OriginDeps } from '../../src/activities/origin/deps';
import { FakeFeed } from '../support/fake-feed';
import { FaultProxy } from '../support/fault-proxy';
import { isWrite } from '../support/interrupted-saves';
import { OriginRun } from '../support/origin-run';
import { publishedBy } from '../support/published';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';

/** Origin cycles with a feed, on real servers. The receiver is a fake: these tests choose what has arrived. */

interface OriginFile {
  numBuckets: number | 'auto';
  syncMetadata: boolean;
  origin: Record<string, unknown> & { consul: { address: string }; vault: { address: string } };
}

const PATHS = ['a', 'team/b', 'team/c', 'team/deep/d', 'e'];

let vault: CountingProxy;
let consul: FaultProxy;
let sync: SyncFixture;
let feed: FakeFeed;
let run: OriginRun;

beforeEach(async () => {
  vault = await CountingProxy.before(sharedServers().origin.address);
  consul = await FaultProxy.before(sharedServers().consul);
  feed = new FakeFeed();
});

afterEach(async () => {
  await run.close();
  await sync.tearDown();
  await vault.close();
  await consul.close();
});

/** A sync whose first cycle has published these paths. */
async function createSync(
  edit: (file: OriginFile) => void = () => undefined,
  paths: readonly string[] = PATHS,
): Promise<void> {
  let token = '';
  sync = await SyncFixture.create({
    destinations: 0,
    numBuckets: 4,
    beforeFiles: async ({ originVault, mount, id }) => {
      // Without metadata of whole folders, OpenBao is read as Vault is: one request for each secret.
      const rules = ['data/*', 'metadata/*'].map(
        (path) => `path "${mount}${path}" { capabilities = ["read", "list"] }`,
      );
      token = await originVault.tokenFor(`feed-${id}`, rules.join('\n'));
    },
    edit: (content) => {
      const file = content as unknown as OriginFile;
      Object.assign(file.origin.vault, { address: vault.address, token });
      file.origin.consul.address = consul.address;
      file.origin['feed'] = { socket: { listen: '127.0.0.1:1' } };
      edit(file);
    },
  });
  run = await OriginRun.of(sync, { feed });
  for (const path of paths) await sync.originVault.put(sync.mount, path, { path });
  expect((await run.cycle()).note).toBe('full scan: no earlier one is noted');
  vault.take();
}

interface Counted {
  note: string | undefined;
  unknown: number;
  writes: number;
  lists: number;
  reads: number;
}

async function cycle(beforeSave?: () => void | Promise<void>): Promise<Counted> {
  vault.take();
  const { note, unknown, saved } = await run.cycle(beforeSave);
  const kinds: KindCounts = countKinds(vault.take(), vaultKind);
  const { list: lists = 0, 'read metadata': reads = 0 } = kinds;
  return { note, unknown, writes: saved.writes, lists, reads };
}

const PASS = { unknown: 0, lists: 0 };
const names = async (): Promise<string[]> => Object.keys((await publishedBy(sync)).insights).sort();
const versions = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    Object.entries((await publishedBy(sync)).insights).map(([path, { version }]) => [path, version]),
  );

describe('a feed pass', () => {
  test('reads nothing and writes nothing without hints', async () => {
    await createSync();
    await cycle();
    const before = await sync.consul.revisions(sync.infoPrefix('origin'));
    expect(await cycle()).toEqual({ note: 'feed pass: 0 hinted paths', writes: 0, reads: 0, ...PASS });
    expect(await sync.consul.revisions(sync.infoPrefix('origin'))).toEqual(before);
  });

  test('reads and publishes exactly the secrets with hints', async () => {
    await createSync();
    await sync.originVault.put(sync.mount, 'team/b', { changed: true });
    await sync.originVault.put(sync.mount, 'team/c', { changed: 'without a hint' });
    feed.hint(sync.mount, 'team/b', 'team/b');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1, ...PASS });
    expect(await versions()).toEqual({ a: 1, 'team/b': 2, 'team/c': 1, 'team/deep/d': 1, e: 1 });
    expect(feed.record?.hints).toEqual([]);
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', writes: 0, reads: 0 });
  });

  test('leaves in Consul no more than the last pass has staged', async () => {
    await createSync();
    const staged = async (): Promise<number> =>
      Object.keys(await sync.consul.revisions(`${sync.infoPrefix('origin')}staging/`)).length;
    const before = await staged();
    const counts: number[] = [];
    for (let round = 1; round <= 4; round++) {
      await sync.originVault.put(sync.mount, 'a', { round });
      feed.hint(sync.mount, 'a', 'a');
      await cycle();
      counts.push((await staged()) - before);
    }
    // A manifest and a bucket each, and one chunk that all have.
    expect(counts).toEqual([3, 3, 3, 3]);
    await cycle();
    expect((await staged()) - before).toBe(1);
  });

  test('publishes what was created and removes what was deleted', async () => {
    await createSync();
    await sync.originVault.put(sync.mount, 'new/one', {});
    await sync.originVault.delete(sync.mount, 'a');
    await sync.originVault.request('DELETE', `${sync.mount}metadata/e`);
    feed.hint(sync.mount, 'a', 'e', 'new/one', 'never/there');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 4 hinted paths', reads: 4, ...PASS });
    expect(await names()).toEqual(['new/one', 'team/b', 'team/c', 'team/deep/d']);
    const published = await publishedBy(sync);
    feed.gap('reported');
    expect(await cycle()).toMatchObject({ note: 'full scan: the feed may have missed a change (reported)' });
    expect(await publishedBy(sync)).toEqual(published);
  });

  test('publishes settings of the secrets with hints', async () => {
    await createSync((file) => (file.syncMetadata = true));
    const before = await publishedBy(sync);
    await sync.originVault.request('POST', `${sync.mount}metadata/a`, { max_versions: 7 });
    feed.hint(sync.mount, 'a');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1, ...PASS });
    const { insights, settings } = await publishedBy(sync);
    expect(insights).toEqual(before.insights);
    expect(settings?.['a']).not.toBe(before.settings?.['a']);
    expect({ ...settings, a: '' }).toEqual({ ...before.settings, a: '' });
  });

  test('ignores hints that are not about secrets of this sync', async () => {
    await createSync((file) => (file.origin['exclude'] = [`${file.origin['mounts'] as string}team/**`]));
    feed.hint(sync.mount, '', 'team/b', '../e', 'a//b', 'folder/');
    feed.hint('other/', 'a');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, ...PASS });
    expect(feed.record?.hints).toEqual([]);
  });

  test('keeps a secret that cannot be read, and leaves it to the next scan', async () => {
    await createSync((file) => (file.origin['tick'] = '1s'));
    const before = await publishedBy(sync);
    vault.rewrite = (body) => (body.includes('"max_versions"') ? '<html>' : body);
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    feed.hint(sync.mount, 'a', 'team/b');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 2 hinted paths', unknown: 2, writes: 1 });
    expect(await publishedBy(sync)).toEqual(before);
    vault.rewrite = undefined;
    expect(feed.record?.hints).toEqual([]);
    const { scan } = feed.published.at(-1) ?? {};
    await sleep(Math.max(0, (scan?.beganMs ?? 0) + 1000 - Date.now()));
    expect(await cycle()).toMatchObject({
      note: 'full scan: the last one left something unknown',
      unknown: 0,
    });
    expect(await versions()).toMatchObject({ a: 2, 'team/b': 1 });
  });

  test('reads a secret again when its version has ended by itself', async () => {
    await createSync(undefined, []);
    await sync.originVault.request('POST', `${sync.mount}metadata/short`, { delete_version_after: '3s' });
    await sync.originVault.put(sync.mount, 'short', {});
    feed.hint(sync.mount, 'short');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1 });
    expect(await names()).toEqual(['short']);
    const { ends } = feed.published.at(-1) ?? {};
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
    // The cycle is due at a time of the clock.
    await sleep(Math.max(0, (ends?.nextMs ?? 0) - Date.now()));
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1 });
    expect(await names()).toEqual([]);
    expect(feed.published.at(-1)?.ends).toBeUndefined();
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
  });

  test('is not repeated if it was killed before the receiver heard of its save', async () => {
    await createSync();
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    feed.hint(sync.mount, 'a');
    const { hints } = structuredClone(feed.own()) ?? {};
    await cycle();
    if (feed.record !== undefined) feed.record.hints = hints ?? [];
    const before = live(await sync.consul.revisions(sync.infoPrefix('origin')));
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
    expect(live(await sync.consul.revisions(sync.infoPrefix('origin')))).toEqual(before);
    expect(feed.record?.hints).toEqual([]);
  });

  test('repeats its hints if it was killed before its save', async () => {
    await createSync();
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    feed.hint(sync.mount, 'a');
    const killed = cycle(() => {
      throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1 });
    expect(await versions()).toMatchObject({ a: 2 });
  });

  test('reads the hints of receivers in other processes', async () => {
    await createSync();
    const other = new FakeFeed('0123456789abcdef');
    await putRecord(other);
    expect((await cycle()).note).toBe('full scan: the feed may have missed a change (start)');
    other.hint(sync.mount, 'a');
    await putRecord(other);
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    expect(await cycle()).toMatchObject({ note: 'feed pass: 1 hinted path', reads: 1 });
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
    expect(await versions()).toMatchObject({ a: 2 });
  });

  test('accepts a proof that arrived at a receiver in another process', async () => {
    await createSync();
    const other = new FakeFeed('0123456789abcdef');
    await putRecord(other);
    await cycle();
    feed.hears = false;
    let isAsked = false;
    feed.sawRequest = ([id = '']) => {
      if (!isAsked && other.record !== undefined) {
        isAsked = true;
        other.record.seen = ['some other', id];
        void putRecord(other);
      }
      return false;
    };
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', writes: 0, ...PASS });
  });
});

async function putRecord({ receiver, record }: FakeFeed): Promise<void> {
  await sync.consul.put(`${sync.infoPrefix('origin')}feed/${receiver}`, JSON.stringify(record));
}

describe('a full scan', () => {
  test.each<[what: string, why: string, happens: () => Promise<void> | void]>([
    [
      'a receiver counted a gap',
      'the feed may have missed a change (connection)',
      () => {
        feed.gap('connection');
      },
    ],
    [
      'the process was started again',
      'the feed may have missed a change (start)',
      () => {
        feed = new FakeFeed('another');
        run.deps.feed = feed;
      },
    ],
    [
      'a record is damaged',
      'a record of the feed in Consul is damaged',
      () => sync.consul.put(`${sync.infoPrefix('origin')}feed/0123456789abcdef`, '<html>'),
    ],
    [
      'the note is damaged',
      'a record of the feed in Consul is damaged',
      () => sync.consul.put(`${sync.infoPrefix('origin')}feed/done`, '{}'),
    ],
    [
      'the note is gone',
      'no earlier one is noted',
      () => sync.consul.delete(`${sync.infoPrefix('origin')}feed/done`),
    ],
    [
      'numBuckets was changed',
      'numBuckets has changed',
      () => {
        run.deps.config = { ...run.deps.config, numBuckets: 5 };
      },
    ],
    [
      'syncMetadata was switched on',
      'the configuration has changed',
      () => {
        run.deps.config = { ...run.deps.config, syncMetadata: true };
      },
    ],
  ])('follows if %s, once', async (_what, why, happens) => {
    await createSync();
    await sync.originVault.put(sync.mount, 'a', { changed: 'without a hint' });
    await happens();
    expect(await cycle()).toMatchObject({ note: `full scan: ${why}`, reads: PATHS.length, unknown: 0 });
    expect(await versions()).toMatchObject({ a: 2 });
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
  });

  test('follows if no proof arrives, and once more when one does', async () => {
    await createSync();
    feed.hears = false;
    expect((await cycle()).note).toBe("full scan: the audit line of the cycle's own request did not arrive");
    await sync.originVault.put(sync.mount, 'a', { changed: 'while lines are lost' });
    feed.hears = true;
    expect(await cycle()).toMatchObject({
      note: 'full scan: the feed did not work at the last full scan',
      reads: PATHS.length,
    });
    expect(await versions()).toMatchObject({ a: 2 });
    expect(await cycle()).toMatchObject({ note: 'feed pass: 0 hinted paths', reads: 0, writes: 0 });
  });

  test('follows at each tick, without waiting for a proof, if the feed has events only', async () => {
    await createSync((file) => (file.origin['feed'] = { events: true }));
    let asked = 0;
    feed.sawRequest = () => {
      asked += 1;
      return true;
    };
    for (let time = 0; time < 2; time++) {
      expect((await cycle()).note).toBe(
        "full scan: the audit line of the cycle's own request did not arrive",
      );
    }
    expect(asked).toBe(0);
  });

  test.each<[what: string, silence: () => void]>([
    [
      'a proof is missing',
      () => {
        feed.hears = false;
      },
    ],
    [
      'no receiver could listen',
      () => {
        feed.record = undefined;
      },
    ],
  ])('writes nothing each time that %s', async (_what, silence) => {
    await createSync();
    silence();
    // The first one notes once that the feed does not work.
    await cycle();
    const before = await sync.consul.revisions(sync.infoPrefix('origin'));
    await cycle();
    const staged = await sync.consul.revisions(sync.infoPrefix('origin'));
    expect(live(staged)).toEqual(live(before));
    expect(await cycle()).toMatchObject({ reads: PATHS.length, writes: 0 });
    expect(await sync.consul.revisions(sync.infoPrefix('origin'))).toEqual(staged);
  });

  test('heals a damaged bucket that a hint is about', async () => {
    await createSync((file) => (file.numBuckets = 1));
    const before = await publishedBy(sync);
    await sync.consul.put(`${sync.infoPrefix('origin')}0`, '{}');
    feed.hint(sync.mount, 'a');
    expect(await cycle()).toMatchObject({
      note: 'full scan: a bucket does not fit its index',
      reads: PATHS.length,
    });
    expect(await publishedBy(sync)).toEqual(before);
  });

  test('follows each time while a mount is re-created, and once after the approval', async () => {
    await createSync();
    await sync.originVault.unmount(sync.mount);
    await sync.originVault.mount(sync.mount);
    for (let time = 0; time < 2; time++) {
      expect(await cycle()).toMatchObject({ note: 'full scan: a mount has changed', unknown: 1 });
      expect(await names()).toEqual([...PATHS].sort());
    }
    await sync.approveMounts('origin', sync.mount);
    expect(await cycle()).toMatchObject({ note: 'full scan: a mount has changed', unknown: 0 });
    expect(await names()).toEqual([]);
    expect((await cycle()).note).toBe('feed pass: 0 hinted paths');
  });

  test('is repeated after a tick if it left something unknown', async () => {
    await createSync((file) => (file.origin['tick'] = '1s'));
    vault.rewrite = (body) => (body.includes('"max_versions"') ? '<html>' : body);
    feed.gap('reported');
    expect(await cycle()).toMatchObject({ unknown: PATHS.length });
    vault.rewrite = undefined;
    const { scan } = feed.published.at(-1) ?? {};
    expect(scan?.partial).toBe(1);
    await sleep(Math.max(0, (scan?.beganMs ?? 0) + 1000 - Date.now()));
    expect(await cycle()).toMatchObject({
      note: 'full scan: the last one left something unknown',
      unknown: 0,
    });
    expect(feed.published.at(-1)?.scan.partial).toBe(0);
  });

  test('makes more buckets if hints would outgrow them', async () => {
    await createSync((file) => (file.numBuckets = 'auto'));
    run.deps.maxBucketBytes = 4096;
    const more = [...Array(30).keys()].map((number) => `more/${number}`);
    for (const path of more) await sync.originVault.put(sync.mount, path, {});
    feed.hint(sync.mount, ...more);
    expect((await cycle()).note).toBe('full scan: a bucket becomes too large');
    expect((await publishedBy(sync)).numBuckets).toBeGreaterThan(1);
    expect((await cycle()).note).toBe('feed pass: 0 hinted paths');
  });
});

describe('a save of a cycle with a feed', () => {
  /** In so many buckets that a save needs several transactions. */
  const MANY = [...Array(300).keys()].map((number) => `many/${number}`);

  /** Interrupts a scan in the middle of a save in steps. */
  async function interrupt(): Promise<void> {
    await createSync((file) => (file.numBuckets = 300), MANY);
    for (const path of MANY) await sync.originVault.put(sync.mount, path, { changed: true });
    feed.gap('reported');
    const interrupted = cycle(() => {
      let writes = 0;
      consul.choose((method, url) => {
        // The state and the first buckets are written.
        return isWrite(method, url) && ++writes > 2 ? { status: 500 } : undefined;
      });
    });
    await expect(interrupted).rejects.toThrow();
    consul.choose(() => undefined);
  }

  test('that was interrupted is finished first, and its scan is repeated', async () => {
    await interrupt();
    expect((await cycle()).note).toBe('full scan: the feed may have missed a change (reported)');
    expect(Object.values(await versions())).toEqual(MANY.map(() => 2));
    expect((await cycle()).note).toBe('feed pass: 0 hinted paths');
  });

  test('that was interrupted and is given up leads to a full scan', async () => {
    await interrupt();
    const values = await sync.consul.values(sync.infoPrefix('origin'));
    for (const key of Object.keys(values)) if (key.includes('/staging/')) await sync.consul.delete(key);
    expect((await cycle()).note).toBe('full scan: no earlier one is noted');
    expect(Object.values(await versions())).toEqual(MANY.map(() => 2));
  });

  test('of a pass that another cycle overtakes is refused, and the next one publishes everything', async () => {
    await createSync();
    await sync.originVault.put(sync.mount, 'a', { changed: true });
    feed.hint(sync.mount, 'a');
    const other = await OriginRun.of(sync, { feed: new FakeFeed('other') });
    const overtaken = cycle(async () => {
      await sync.originVault.put(sync.mount, 'e', { changed: true });
      await other.cycle();
    });
    await expect(overtaken).rejects.toMatchObject({ type: 'Conflict' });
    await other.close();
    await cycle();
    expect(await versions()).toMatchObject({ a: 2, e: 2 });
  });

  test('of a scan that a pass overtakes is refused', async () => {
    await createSync();
    const other = await OriginRun.of(sync, { feed });
    feed.gap('reported');
    await expect(
      cycle(async () => {
        await sync.originVault.put(sync.mount, 'a', { changed: true });
        feed.hint(sync.mount, 'a');
        await other.cycle();
      }),
    ).rejects.toMatchObject({ type: 'Conflict' });
    await other.close();
    await cycle();
    expect(await versions()).toMatchObject({ a: 2 });
  });
});

test('an origin without a receiver scans as ever, and has no keys of a feed', async () => {
  await createSync();
  await sync.consul.deleteAll(`${sync.infoPrefix('origin')}feed/`);
  const { feed: _, ...deps } = run.deps;
  const without = await OriginRun.of(sync, { config: { ...deps.config, origin: originWithout(deps) } });
  vault.take();
  expect(await without.cycle()).toEqual({ unknown: 0, saved: { v: 1, writes: 1 } });
  await without.close();
  expect(countKinds(vault.take(), vaultKind)['read metadata']).toBe(PATHS.length);
  const keys = Object.keys(await sync.consul.values(sync.infoPrefix('origin')));
  expect(keys.filter((key) => key.includes('/feed/'))).toEqual([]);
});

function originWithout({ config }: Pick<OriginDeps, 'config'>): OriginDeps['config']['origin'] {
  const { feed: _, ...origin } = config.origin;
  return origin;
}

/** What is not staged. */
function live<T>(values: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !key.includes('/staging/')));
}
