import type { Bucket } from '../../../rules/bucket';
import type { Insight } from '../../../rules/insight';
import { workOfBucket, type BucketWork } from '../../../rules/plan';
import { unverifiedSettings } from '../../../rules/settings';
import type { BucketExpiries } from '../../../sync-info/expiries';
import { Fence } from '../../../sync-info/commits';
import type { StoredIndex } from '../../../sync-info/indexed-buckets';
import { Ledger, SETTINGS, VALUES, type LedgerSides, type OpenBucket } from '../../../sync-info/ledger';
import type { DestinationDeps } from '../base/deps';
import type { Targets } from '../base/origin-targets';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';

/** What the destination's info claims. */
export interface Ledgers {
  /** Claims about values. */
  readonly values: Ledger<Insight>;
  /** Claims about settings; undefined if they are not copied, or the origin publishes none. */
  readonly settings: Ledger<string> | undefined;
  /** For all writes of buckets. */
  readonly fence: Fence;
}

/** What the plan of every bucket is made from. */
export interface PlanContext extends Ledgers {
  readonly deps: DestinationDeps;
  /** Where the secrets of the origin belong at the destination. */
  readonly targets: Targets;
  /** Copies may have ended: the list of each bucket is read. */
  readonly checkExpiries: boolean;
}

/** One bucket, read at both ends. */
export interface PlannedBucket {
  readonly origin: Bucket;
  readonly bucket: OpenBucket<Insight>;
  readonly settings: OpenBucket<string> | undefined;
  readonly work: BucketWork;
}

/**
 * Reads one bucket and plans it. A cycle applies the plan (copy-bucket.ts), `vsync plan` shows it. Writes nothing.
 *
 * @returns `torn` if the origin's bucket does not fit its index; `newer` if it fits one that was published meanwhile: the
 *   guard and the targets do not know that one, so the next cycle processes it
 */
export async function planBucket(
  context: PlanContext,
  id: number,
  expiries: BucketExpiries,
  signal: AbortSignal,
): Promise<PlannedBucket | 'torn' | 'newer'> {
  const { deps, values, targets, checkExpiries } = context;
  if (checkExpiries) await expiries.read(signal);
  const bucket = await values.open(id, signal, { beforeSave: () => expiries.save() });
  const { origin } = bucket;
  if (bucket.isNewer) return 'newer';
  if (origin === undefined) return 'torn';
  const ifUnreadable = (): Map<string, string> => unverifiedSettings(origin.keys());
  const settings = await context.settings?.open(id, signal, { ifUnreadable });
  const due = expiries.due(Date.now(), origin.keys());
  const { deleteExcluded } = deps.config.destination;
  const rules = { scope: deps.scope, neighbours: targets, deleteExcluded };
  const work = workOfBucket({ origin, own: bucket, ...(settings && { settings }), due }, rules);
  return { origin, bucket, settings, work };
}

/** The ledgers of values and of settings as the store has them, on one fence. */
export async function openLedgers(
  deps: DestinationDeps,
  originIndex: readonly string[],
  own: StoredIndex,
  signal: AbortSignal,
): Promise<Ledgers> {
  const { info, originInfo } = deps;
  const numBuckets = originIndex.length;
  const ofThisSize = (index: readonly string[] | undefined): readonly string[] | undefined =>
    index?.length === numBuckets ? index : undefined;
  const indices = [{ key: info.indexKey, revision: own.revision }];
  const theirs = await readOriginSettings(deps, numBuckets, signal);
  const areCopied = theirs.index !== undefined || theirs.unknown !== undefined;
  const ours = areCopied ? await readOwnSettings(deps, numBuckets, signal) : undefined;
  if (ours !== undefined) indices.push({ key: info.settings.indexKey, revision: ours.revision });
  return ledgersOf(
    new Fence(info, indices),
    { own: info, ownIndex: ofThisSize(own.index), origin: originInfo, originIndex },
    ours && {
      own: info.settings,
      ownIndex: ofThisSize(ours.index),
      origin: originInfo.settings,
      originIndex: theirs.index,
    },
  );
}

export function ledgersOf(
  fence: Fence,
  values: LedgerSides<Insight>,
  settings: LedgerSides<string> | undefined,
): Ledgers {
  const ofSettings = settings && new Ledger(SETTINGS, settings, fence);
  return { values: new Ledger(VALUES, values, fence), settings: ofSettings, fence };
}
