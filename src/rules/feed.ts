import { isDeepStrictEqual } from 'node:util';

/* Whether an origin cycle has to scan: list everything and read all metadata. Every doubt leads to a scan. */

/** A receiver, as far as it decides: how often it may have missed something, and why the last time. */
export interface ReceiverGaps {
  readonly receiver: string;
  readonly gaps: number;
  readonly why: string;
}

/** What was noted about the last full scan. */
export interface NotedScan {
  readonly fingerprint: string;
  readonly scan: {
    readonly beganMs: number;
    /** By receiver: its gaps before the scan listed. */
    readonly gaps: Readonly<Record<string, number>>;
    /** uuid of each mount. Without those that are another engine than before. */
    readonly mounts: Readonly<Record<string, string>>;
    /** Scans in a row that left something unknown; at least 1 after a pass that did. */
    readonly partial: number;
    /** Whether the audit line of its cycle's own request did not arrive. */
    readonly unproven?: boolean | undefined;
  };
}

export interface FeedEvidence {
  readonly nowMs: number;
  readonly tickMs: number;
  readonly fullScanEveryMs: number;
  /** Of the configuration. */
  readonly fingerprint: string;
  /** Undefined if no scan was noted, or if the note is damaged. */
  readonly done: NotedScan | undefined;
  readonly records: readonly ReceiverGaps[];
  /** uuid of each mount now. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Whether a mount is another engine than the sync info is about. */
  readonly mountsChanged: boolean;
  /** Whether a record could not be read. */
  readonly damaged: boolean;
  /** Whether the audit line of a request of this cycle has arrived; undefined while nobody has waited for it. */
  readonly isProven: boolean | undefined;
}

/** `why` is for the operator. */
export type ScanDecision = { readonly scan: false } | { readonly scan: true; readonly why: string };

/** Reasons of scans while the feed is silent. */
export const UNPROVEN = "the audit line of the cycle's own request did not arrive";
export const NO_RECEIVER = 'no receiver has listened yet';

/** Lines that were lost until the feed worked again are looked for by one more scan. */
const WAS_UNPROVEN = 'the feed did not work at the last full scan';

/**
 * Decides whether a cycle may trust the feed. It may only if nothing was missed since the last full scan, and if the feed
 * worked then and works now.
 */
export function decideScan(evidence: FeedEvidence): ScanDecision {
  const why = whyUntrusted(evidence) ?? whyMissed(evidence) ?? whyDue(evidence);
  if (why !== undefined) return { scan: true, why };
  if (evidence.isProven === undefined) return { scan: false };
  if (!evidence.isProven) return { scan: true, why: UNPROVEN };
  return evidence.done?.scan.unproven === true ? { scan: true, why: WAS_UNPROVEN } : { scan: false };
}

/** Why what is noted is not about this configuration and these mounts. */
function whyUntrusted(evidence: FeedEvidence): string | undefined {
  const { done, fingerprint, damaged, mounts, mountsChanged } = evidence;
  if (damaged) return 'a record of the feed in Consul is damaged';
  if (done === undefined) return 'no earlier one is noted';
  if (done.fingerprint !== fingerprint) return 'the configuration has changed';
  if (mountsChanged || !isDeepStrictEqual({ ...done.scan.mounts }, { ...mounts }))
    return 'a mount has changed';
  return undefined;
}

/** Why a change may have been missed since the last scan. */
function whyMissed({ done, records }: FeedEvidence): string | undefined {
  if (records.length === 0) return NO_RECEIVER;
  const known = new Map(Object.entries(done?.scan.gaps ?? {}));
  const changed = records.find(({ receiver, gaps }) => known.get(receiver) !== gaps);
  return changed && `the feed may have missed a change (${changed.why})`;
}

/** Why it is time for another scan although nothing was missed. */
function whyDue({ done, nowMs, tickMs, fullScanEveryMs }: FeedEvidence): string | undefined {
  if (done === undefined) return undefined;
  const { beganMs, partial } = done.scan;
  const ageMs = nowMs - beganMs;
  // After 2 ** 1023 there are no larger numbers, and Infinity is right too.
  const afterPartialMs = Math.min(tickMs * 2 ** (partial - 1), fullScanEveryMs);
  if (ageMs < 0) return 'the clock was set back';
  if (ageMs >= fullScanEveryMs) return 'it is due';
  if (partial > 0 && ageMs >= afterPartialMs) return 'the last one left something unknown';
  return undefined;
}
