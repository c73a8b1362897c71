import pLimit from 'p-limit';
import type { Write } from '../../consul/key-value-store';
import { readDestinationState, stateDiffers, writeOfState, type DestinationState } from '../../consul/state';
import { hashBucket } from '../../sync/bucket';
import { emptyIndex } from '../../sync/sync-index';
import type { SaveDestinationInput, SaveDestinationResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import type { DestinationDeps } from './deps';

/**
 * Saves the destination's index, then its state. The index is made from what the buckets in Consul contain, so
 * it never claims more than they do, whatever became of the cycle.
 */
export async function saveSyncInfo(
  { config: { name }, info, originInfo }: DestinationDeps,
  input: SaveDestinationInput,
  signal: AbortSignal,
): Promise<SaveDestinationResult> {
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  const { state, revision: stateRevision } = await readDestinationState(info, signal);
  const numBuckets = origin.index?.length ?? own.index?.length ?? 0;
  const index = own.index?.length === numBuckets ? [...own.index] : emptyIndex(numBuckets);

  const limit = pLimit(CONSUL_READS);
  const ids = own.index?.length === numBuckets ? input.buckets : [...index.keys()];
  let writes = 0;
  await Promise.all(
    ids.map((id) =>
      limit(async () => {
        const { hash, revision } = await info.readBucket(id, signal);
        if (hash !== undefined) {
          index[id] = hash;
          return;
        }
        // An original vsync fails on a bucket that its index names and that is not there.
        if (revision !== 0) return;
        await info.store.commit([info.writeOfBucket(id, new Map(), 0)], signal);
        index[id] = hashBucket(new Map());
        writes++;
      }),
    ),
  );

  if (numBuckets > 0 && JSON.stringify(index) !== JSON.stringify(own.index)) {
    if (own.revision !== input.indexRevision) throw conflict(info.store.address, info.indexKey);
    writes += await commit(info.store, [info.writeOfIndex(index, own.revision)], signal);
  }
  const { outcome, counts, considered, mounts } = input;
  // Until a cycle has compared everything after a change, it counts as changed.
  const dealtWith = considered !== '' || state === undefined;
  const { config, ownMounts } = dealtWith ? { config: input.fingerprint, ownMounts: input.ownMounts } : state;
  const last = { outcome, counts, finishedAt: new Date().toISOString() };
  const next: DestinationState = { v: 1, name, config, considered, mounts, ownMounts, last };
  if (writes > 0 || stateDiffers(state, next)) {
    writes += await commit(info.store, [writeOfState(info, next, stateRevision)], signal);
  }
  return { v: 1, writes };
}

async function commit(
  store: DestinationDeps['info']['store'],
  writes: readonly Write[],
  signal: AbortSignal,
): Promise<number> {
  if ((await store.commit(writes, signal)) === undefined) throw conflict(store.address, writes[0]?.key ?? '');
  return writes.length;
}

function conflict(address: string, key: string): ActivityError {
  return new ActivityError(
    'Conflict',
    `Consul ${address}: ${key}: another cycle wrote the destination's sync info during this one; the next cycle ` +
      'goes on from there. Is another destination running on this sync path?',
  );
}
