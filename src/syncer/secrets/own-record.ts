import { isDeepStrictEqual } from 'node:util';
import { assertSyncName } from '../../access/sync-path';
import { fingerprintParts, type FingerprintParts } from '../../config/fingerprint';
import type { DestinationConfig } from '../../config/schema';
import { bucketId } from '../../rules/bucket';
import { readFitting } from '../../sync-info/indexed-buckets';
import { readDestinationState, type DestinationState } from '../../sync-info/state';
import type { SyncInfo } from '../../sync-info/sync-info';
import type { OwnRecord } from './judge';

/** What a destination has recorded about one secret, and its state, undefined for an original vsync. */
export interface ReadRecord {
  readonly record: OwnRecord;
  readonly state: DestinationState | undefined;
}

/**
 * Reads what a destination has recorded about one secret, from its Consul only.
 *
 * @param path data path at the origin
 * @throws ConsulError, StoredInfoError; ActivityError `Conflict` if the sync path belongs to another sync
 */
export async function readOwnRecord(
  info: SyncInfo,
  config: DestinationConfig,
  path: string,
  signal: AbortSignal,
): Promise<ReadRecord> {
  const { state } = await readDestinationState(info, signal);
  assertSyncName(info, state, config.name);
  const held = state?.held === undefined ? {} : { held: state.held.reason };
  const { index, problem } = await info.readIndex(signal);
  if (index === undefined) {
    const distrust =
      problem === undefined ? NO_INDEX : 'its sync info is damaged, and the next cycle writes it again';
    return { state, record: { distrust, isNamed: false, ...held } };
  }
  const id = bucketId(path, index.length);
  const fitting = await readFitting(info, index, id, signal);
  if (fitting === undefined) {
    const isNamed = (await info.readBucket(id, signal)).bucket?.has(path) === true;
    return { state, record: { distrust: BEING_WRITTEN, isNamed, ...held } };
  }
  const claim = fitting.bucket.get(path);
  const distrust = whyDistrusted(state, config);
  const endsAt = await endOfCopy(info, state, { id, path }, signal);
  return {
    state,
    record: {
      isNamed: claim !== undefined,
      ...held,
      ...(claim && { claim }),
      ...(distrust !== undefined && { distrust }),
      ...(endsAt !== undefined && { endsAt }),
    },
  };
}

const NO_INDEX = 'it has no sync info, because its first cycle has not ended';
const BEING_WRITTEN = 'a cycle is writing its sync info';

/** Why its claims may be about other places than those of this configuration. */
function whyDistrusted(state: DestinationState | undefined, config: DestinationConfig): string | undefined {
  if (state?.moving !== undefined) return 'a cycle is moving its claims after a change of the configuration';
  if (state?.parts === undefined || isOf(state.parts, config)) return undefined;
  return 'its last cycle ran with another configuration than this file has';
}

/** The clusters are left out, because only the Vaults know them; and what only decides about deletes. */
function isOf({ deletes: _, ...before }: FingerprintParts, config: DestinationConfig): boolean {
  const clusters = {
    origin: before.sides['origin']?.cluster ?? '',
    destination: before.sides['destination']?.cluster ?? '',
  };
  const { deletes: _now, ...now } = fingerprintParts(config, clusters);
  return isDeepStrictEqual(before, now);
}

/** When the copy ends by itself; undefined if it does not, or if no copy of this destination does. */
async function endOfCopy(
  info: SyncInfo,
  state: DestinationState | undefined,
  { id, path }: { id: number; path: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (state?.expiries === undefined || state.expiries.copies === 0) return undefined;
  const { bucket } = await info.expiries.readBucket(id, signal);
  return bucket?.get(path)?.copy;
}
