import type { Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel } from '../../concurrency/work-pool';
import type { DestinationConfig } from '../../config/schema';
import type { Write } from '../../consul/key-value-store';
import type { Outcome } from '../../contract/cycle';
import { scheduleId } from '../../contract/ids';
import { UserError } from '../../errors';
import { CONSUL_READS, CYCLE_END_WAIT_MS, REPAIR_POLL_MS } from '../../limits';
import { bucketId, hashBucket } from '../../rules/bucket';
import { unverified } from '../../rules/claims';
import type { Insight } from '../../rules/insight';
import { fits } from '../../sync-info/indexed-buckets';
import { commitAtOnce } from '../../sync-info/commits';
import type { SyncInfo } from '../../sync-info/sync-info';
import { describeSchedule } from '../../temporal/schedule';
import { runCycle, type EndedCycle } from '../trigger';

const WELL_ENDED: ReadonlySet<Outcome> = new Set(['synced', 'unchanged', 'held']);

export interface Repair {
  /** Claims that were made unverified; a secret without a claim needs none. (The name is that of the `--json` field.) */
  doubted: number;
  /** Number of paths whose claims are still unverified: no cycle has compared them yet. */
  left: number;
  /** The last cycle that was requested. Undefined if the schedule is paused. */
  cycle?: EndedCycle;
}

/**
 * Has a cycle repair some paths: makes their claims unverified, and starts a cycle through the schedule, which compares
 * them by value and writes what differs. If the schedule is paused, no cycle starts: the claims stay unverified.
 *
 * @throws UserError if there is no schedule, a cycle wrote the info at the same moment, or the cycle failed
 */
export async function repair(
  client: Client,
  info: SyncInfo,
  config: DestinationConfig,
  { paths, file, say }: { paths: readonly string[]; file: string; say: (text: string) => void },
): Promise<Repair> {
  await waitForIdle(client, config, say);
  const doubted = await unverifyClaims(info, paths);
  const { state } = await describeSchedule(client.schedule.getHandle(scheduleId('destination', config.name)));
  if (state.paused) return { doubted, left: await countUnverified(info, paths) };
  const advice = '; the next cycle repairs the rest';
  let cycle = await runCycle(client, config, { advice, file, say });
  let left = await countUnverified(info, paths);
  // A cycle that began before the claims were unverified did not see them.
  if (left > 0 && WELL_ENDED.has(cycle.result.outcome)) {
    cycle = await runCycle(client, config, { advice, file, say });
    left = await countUnverified(info, paths);
  }
  return { doubted, left, cycle };
}

/** A running cycle would fail if its sync info changed. Check-and-set guards against one that starts afterwards. */
async function waitForIdle(
  client: Client,
  config: DestinationConfig,
  say: (text: string) => void,
): Promise<void> {
  const schedule = client.schedule.getHandle(scheduleId('destination', config.name));
  const untilMs = Date.now() + config.destination.timeoutMs + CYCLE_END_WAIT_MS;
  for (let polls = 0; (await describeSchedule(schedule)).info.runningActions.length > 0; polls++) {
    if (polls === 0) say('a cycle is running: the repair waits for its end');
    if (Date.now() > untilMs)
      throw new UserError(
        'a cycle is still running, so nothing was repaired; run the command again when it has ended',
      );
    await sleep(REPAIR_POLL_MS);
  }
}

/**
 * Makes the destination's claims of some paths unverified (version 0), so that the next cycle compares them by value.
 * They stay in their buckets, also those of missing secrets: the delete guard counts what the destination is known to
 * have. In a bucket that does not match its index no claim is trusted, so all of them are made unverified: otherwise the
 * new index would confirm them. Buckets first, then the index: after a crash in between, a bucket does not match its
 * index and is not trusted.
 *
 * @returns the number of claims that were verified before
 * @throws UserError if a cycle wrote the info at the same moment
 */
export async function unverifyClaims(info: SyncInfo, paths: readonly string[]): Promise<number> {
  const { index, revision } = await info.readIndex();
  // Without an index no claim is trusted: the next cycle compares everything.
  if (index === undefined) return 0;
  const byBucket = bucketsOf(paths, index.length);
  let count = 0;
  const writes: Write[] = [];
  const next = [...index];
  const unverifyBucket = async ([id, those]: [number, Set<string>], signal: AbortSignal): Promise<void> => {
    const stored = await info.readBucket(id, signal);
    const isTrusted = fits(stored, index[id]);
    const bucket = new Map<string, Insight>();
    for (const [path, insight] of stored.bucket ?? []) {
      const isUnverified = insight.version !== 0 && (!isTrusted || those.has(path));
      bucket.set(path, isUnverified ? unverified(insight) : insight);
      if (isUnverified) count++;
    }
    next[id] = hashBucket(bucket);
    if (next[id] !== stored.hash) writes.push(info.writeOfBucket(id, bucket, stored.revision));
  };
  await inParallel([...byBucket], new AbortController().signal, unverifyBucket, CONSUL_READS);
  if (JSON.stringify(next) !== JSON.stringify(index)) writes.push(info.writeOfIndex(next, revision));
  if (await isWritten(info, writes)) return count;
  throw new UserError(
    `Consul ${info.store.address}: ${writes[0]?.key ?? ''}: a cycle wrote the destination's sync info at the same ` +
      'moment; no secret was changed: run "vsync verify --repair" again',
  );
}

async function isWritten({ store }: SyncInfo, writes: readonly Write[]): Promise<boolean> {
  const atOnce = await commitAtOnce(store, writes);
  if (atOnce.fits) return atOnce.revisions !== undefined;
  for (const write of writes) if ((await store.commit([write])) === undefined) return false;
  return true;
}

export async function countUnverified(info: SyncInfo, paths: readonly string[]): Promise<number> {
  const { index } = await info.readIndex();
  if (index === undefined) return 0;
  const countIn = async ([id, those]: [number, Set<string>], signal: AbortSignal): Promise<number> => {
    const { bucket } = await info.readBucket(id, signal);
    return [...those].filter((path) => bucket?.get(path)?.version === 0).length;
  };
  const buckets = [...bucketsOf(paths, index.length)];
  const counts = await inParallel(buckets, new AbortController().signal, countIn, CONSUL_READS);
  return counts.reduce((sum, count) => sum + count, 0);
}

function bucketsOf(paths: readonly string[], numBuckets: number): Map<number, Set<string>> {
  const buckets = new Map<number, Set<string>>();
  for (const path of paths) {
    const id = bucketId(path, numBuckets);
    buckets.set(id, (buckets.get(id) ?? new Set()).add(path));
  }
  return buckets;
}
