import type { Client } from '@temporalio/client';
import { pollersOf, stillPolling, WORKFLOWS, type Poller } from '../../activities/shared/pollers';
import type { OriginConfig } from '../../config/schema';
import { taskQueue } from '../../contract/ids';
import { decideScan } from '../../rules/feed';
import { FeedRecords, type FeedRecord, type NotedFeed } from '../../sync-info/feed-record';
import type { SyncInfo } from '../../sync-info/sync-info';

/* The feed of an origin, as its receivers have recorded it in Consul. */

const TIMEOUT_MS = 15_000;

/** What one worker hears of the feed, as of its last record. */
export interface ReceiverStatus {
  receiver: string;
  /** Its identity in Temporal. Absent if an earlier version wrote the record. */
  worker?: string;
  /** Whether this worker polls Temporal now. Absent if that is unknown. */
  polls?: boolean;
  listeners: { kind: string; connected: boolean; connections: number; lastLineAt?: string }[];
  /** The last time something may have been missed. */
  gap: { count: number; why: string; at?: string };
  /** Changed paths that wait for a cycle. */
  hints: number;
  /** When the receiver wrote this: after each gap and hint, and every six hours. */
  asOf: string;
}

export interface FeedStatus {
  receivers: ReceiverStatus[];
  /** The next full scan. With `why` it is the next cycle. */
  scan: { nextAt?: string; why?: string };
}

/** Undefined without a feed in the configuration. */
export async function readFeed(
  client: Client,
  config: OriginConfig,
  info: SyncInfo,
): Promise<FeedStatus | undefined> {
  const { feed, tickMs } = config.origin;
  if (feed === undefined) return undefined;
  const noted = await new FeedRecords(info).readAll(AbortSignal.timeout(TIMEOUT_MS));
  const pollers = await pollersOf(client, taskQueue('origin', config.name), WORKFLOWS).catch(() => undefined);
  return feedStatus(noted, { ...feed, tickMs }, pollers, Date.now());
}

/** @param pollers undefined if Temporal could not report them */
export function feedStatus(
  noted: NotedFeed,
  { fullScanEveryMs, tickMs }: { readonly fullScanEveryMs: number; readonly tickMs: number },
  pollers: readonly Poller[] | undefined,
  nowMs: number,
): FeedStatus {
  const { done, records, damaged } = noted;
  const polling = pollers && new Set(stillPolling(pollers, nowMs).map(({ identity }) => identity));
  const receivers = records
    .sort((one, other) => other.writtenMs - one.writtenMs)
    .map((record) => receiverStatus(record, done?.handled[record.receiver] ?? 0, polling));
  const decision = decideScan({
    nowMs,
    tickMs,
    fullScanEveryMs,
    fingerprint: done?.fingerprint ?? '',
    done,
    records,
    mounts: done?.scan.mounts ?? {},
    mountsChanged: false,
    damaged,
    // Only a cycle can find out.
    isProven: undefined,
  });
  if (decision.scan) return { receivers, scan: { why: decision.why } };
  return { receivers, scan: { nextAt: iso((done?.scan.beganMs ?? nowMs) + fullScanEveryMs) } };
}
function receiverStatus(
  { receiver, worker, listeners = [], gaps, why, gapMs, hints, writtenMs }: FeedRecord,
  handled: number,
  polling: ReadonlySet<string> | undefined,
): ReceiverStatus {
  const polls = worker === undefined ? undefined : polling?.has(worker);
  return {
    receiver,
    ...(worker !== undefined && { worker }),
    ...(polls !== undefined && { polls }),
    listeners: listeners.map(({ kind, connections, lineMs }) => ({
      kind,
      // A worker that has ended has no connections.
      connected: connections > 0 && polls !== false,
      connections,
      ...(lineMs !== undefined && { lastLineAt: iso(lineMs) }),
    })),
    gap: { count: gaps, why, ...(gapMs !== undefined && { at: iso(gapMs) }) },
    hints: hints.filter(([seq]) => seq > handled).length,
    asOf: iso(writtenMs),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();
