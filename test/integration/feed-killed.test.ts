import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { eventually } from '../support/eventually';
import { FeedSync } from '../support/feed-sync';
import { publishedBy } from '../support/published';
import { onVault } from '../support/vault-kind';

/**
 * Workers that are killed while secrets change all the time. Lines that a dead listener did not take are lost, so the
 * first cycle of the next worker has to be a full scan, and nothing may be later than that. Each tick is 24 hours.
 */

/** More of them by `VSYNC_TEST_KILLS`: each takes about eight seconds. */
const KILLS = Number(process.env['VSYNC_TEST_KILLS'] ?? 5);
/** The destination's worker is killed too, in one of so many rounds. */
const BOTH_EVERY = 5;
const CHANGED = 12;
/** Never changed: the delete guard holds deletes of more than half of a mount's secrets in a day. */
const KEPT = 30;
/** Between two changes of the stream. */
const REST_MS = 25;
/** A hang. A killed cycle goes on after the heartbeat timeout of 10 s. */
const WITHIN_MS = 120_000;

jest.setTimeout(1_800_000);

interface Written {
  /** Undefined after a delete. */
  value: { n: number } | undefined;
  version: number;
}

/** Changes secrets one after the other until it is stopped. */
class Stream {
  /** By path. */
  readonly written = new Map<string, Written>();
  private count = 0;
  private isStopped = false;

  constructor(private readonly feed: FeedSync) {}

  async put(rel: string): Promise<void> {
    const value = { n: ++this.count };
    this.written.set(rel, { value, version: await this.feed.put(rel, value) });
  }

  async delete(rel: string): Promise<void> {
    const { originVault, mount } = this.feed.sync;
    await originVault.delete(mount, rel);
    this.written.set(rel, { value: undefined, version: this.written.get(rel)?.version ?? 0 });
  }

  async run(): Promise<void> {
    while (!this.isStopped) {
      await this.put(`changed-${this.count % CHANGED}`);
      await sleep(REST_MS);
    }
  }

  stop(): void {
    this.isStopped = true;
  }
}

async function kill(worker: GuardedProcess | undefined): Promise<void> {
  if (worker === undefined) throw new Error('there is no worker to kill');
  process.kill(worker.pid, 'SIGKILL');
  await worker.exited;
}

const { describe: describeOnVault } = onVault('audit devices can be enabled over the API');

describeOnVault('an origin with a feed whose worker is killed', () => {
  let feed: FeedSync;
  const workers: Partial<Record<'origin' | 'destination', GuardedProcess>> = {};

  beforeAll(async () => {
    feed = await FeedSync.create();
  });

  afterAll(() => feed.tearDown());

  async function restart(role: 'origin' | 'destination'): Promise<void> {
    workers[role] = await feed.startWorker(role);
  }

  /** Processes whose lines the last full scan covers. */
  async function scanned(): Promise<string[]> {
    const prefix = feed.sync.infoPrefix('origin');
    const values = await feed.sync.consul.values(`${prefix}feed/`);
    const done = JSON.parse(values[`${prefix}feed/done`] ?? '{}') as { scan?: { gaps: object } };
    return Object.keys(done.scan?.gaps ?? {});
  }

  /** Waits for the first scan of a process that is not one of these. */
  function nextScan(known: readonly string[]): Promise<void> {
    const isScanned = async (): Promise<void> => {
      const now = await scanned();
      expect(now.filter((receiver) => !known.includes(receiver))).not.toEqual([]);
    };
    return eventually(isScanned, 'a full scan of the next worker', WITHIN_MS);
  }

  /** Everything of these is in the origin's sync info, at least in this version. */
  async function expectPublished(written: ReadonlyMap<string, Written>): Promise<void> {
    const { insights } = await eventually(
      () => publishedBy(feed.sync),
      'sync info that is not being written',
    );
    const late = [...written].filter(([rel, { value, version }]) =>
      value === undefined ? insights[rel] !== undefined : !((insights[rel]?.version ?? 0) >= version),
    );
    expect(late).toEqual([]);
  }

  /** Everything of these, or what was written later, is at the destination. */
  function arrived(written: ReadonlyMap<string, Written>): Promise<void> {
    const isThere = async (): Promise<void> => {
      const late: string[] = [];
      for (const [rel, { value }] of written) {
        const [found] = await feed.at(0, rel);
        const n = (found as { n: number } | undefined)?.n;
        if (value === undefined ? n !== undefined : !((n ?? 0) >= value.n)) late.push(rel);
      }
      expect(late).toEqual([]);
    };
    return eventually(isThere, 'all changes to be at the destination', WITHIN_MS);
  }

  test(`loses nothing by ${KILLS} times kill -9 under a stream of changes, and nothing is later than one scan`, async () => {
    const stream = new Stream(feed);
    const rounds = [...Array(KILLS).keys()];
    for (const round of rounds) await stream.put(`gone-${round}`);
    for (let number = 0; number < KEPT; number++) await stream.put(`kept-${number}`);
    for (let number = 0; number < CHANGED; number++) await stream.put(`changed-${number}`);
    for (const role of ['origin', 'destination'] as const) {
      await restart(role);
      await feed.sync.start(role);
    }
    await feed.enableAuditDevices();
    await arrived(stream.written);
    const running = stream.run();
    try {
      for (const round of rounds) {
        const known = await scanned();
        await kill(workers.origin);
        const isBoth = round % BOTH_EVERY === BOTH_EVERY - 1;
        if (isBoth) await kill(workers.destination);
        // No listener hears of these.
        await stream.put(`new-${round}`);
        await stream.delete(`gone-${round}`);
        const before = new Map(stream.written);
        await restart('origin');
        if (isBoth) await restart('destination');
        await nextScan(known);
        await expectPublished(before);
        await arrived(before);
      }
    } finally {
      stream.stop();
      await running;
    }
    await arrived(stream.written);
    await isEqual(stream.written);
  });

  /** Both ends have the same, cycles find nothing to do, and no secret has more versions than at the origin. */
  async function isEqual(written: ReadonlyMap<string, Written>): Promise<void> {
    const { sync } = feed;
    await eventually(async () => {
      expect((await sync.cycle('origin')).outcome).toBe('unchanged');
      expect((await sync.cycle('destination')).outcome).toBe('unchanged');
    }, 'cycles that find nothing');
    for (const [rel, { value, version }] of written) {
      const [found, versionThere = 0] = await feed.at(0, rel);
      expect([rel, found]).toEqual([rel, value]);
      expect(versionThere).toBeLessThanOrEqual(version);
    }
  }
});
