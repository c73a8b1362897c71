import pLimit from 'p-limit';
import { isDeepStrictEqual } from 'node:util';
import type { Write } from '../../consul/key-value-store';
import { readSettled, settledBucket, writeOfSettled, type SettledBucket } from '../../consul/settled';
import { readDestinationState, stateDiffers, writeOfState, type DestinationState } from '../../consul/state';
import { hashBucket } from '../../sync/bucket';
import { consideredOf } from '../../sync/considered';
import { hashOfDeletes } from '../../sync/delete-guard';
import { emptyIndex } from '../../sync/sync-index';
import type { SaveDestinationInput, SaveDestinationResult } from '../../workflows/messages';
import { ActivityError } from '../failures';
import { CONSUL_READS } from '../limits';
import { settledRules, type DestinationDeps } from './deps';
import { deleteCandidates } from './guard-deletes';
import { saveSettingsIndex, type SavedSettings } from './save-settings-index';

/**
 * Saves the destination's index, that of the settings, then its state. The index is made from what the buckets in Consul contain, so
 * it never claims more than they do, whatever became of the cycle.
 */
export async function saveSyncInfo(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  signal: AbortSignal,
): Promise<SaveDestinationResult> {
  const { info, originInfo } = deps;
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
  const carried = { ids, revision: input.settingsRevision, numBuckets };
  const settings = await saveSettingsIndex(deps, carried, signal);
  writes += settings?.writes ?? 0;
  writes += await saveSettled(deps, input, { origin: origin.index ?? [], own: index, settings }, signal);
  const next = await stateAfter(deps, input, state, signal);
  if (writes > 0 || stateDiffers(state, next)) {
    writes += await commit(info.store, [writeOfState(info, next, stateRevision)], signal);
  }
  return { v: 1, writes };
}

/** Notes which of the differing buckets are done with. Those of other buckets stay as they are noted. */
async function saveSettled(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  indices: { origin: readonly string[]; own: readonly string[]; settings: SavedSettings | undefined },
  signal: AbortSignal,
): Promise<number> {
  if (input.buckets.length === 0) return 0;
  const { info } = deps;
  const rules = settledRules(deps);
  const before = await readSettled(info, signal);
  const kept = before.rules === rules ? before.buckets : new Map<number, SettledBucket>();
  const next = new Map([...kept].filter(([id]) => !input.buckets.includes(id)));
  // If the origin has published more in the meantime, nobody has looked at that: these buckets are not done with.
  const isCurrent = consideredOf(indices.origin, indices.settings?.origin) === input.compared;
  for (const [id, held] of isCurrent ? input.settled : []) {
    const theirs = { insights: indices.origin[id], settings: indices.settings?.origin[id] };
    const ours = { insights: indices.own[id], settings: indices.settings?.own[id] };
    if (!isDeepStrictEqual(theirs, ours)) next.set(id, settledBucket(theirs, ours, held));
  }
  if (next.size === 0 && before.buckets.size === 0) return 0;
  const write = writeOfSettled(info, rules, new Map([...next].sort(([a], [b]) => a - b)), before.revision);
  return commit(info.store, [write], signal);
}

async function stateAfter(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  state: DestinationState | undefined,
  signal: AbortSignal,
): Promise<DestinationState> {
  const { config, parts } = deps;
  const { outcome, counts, considered, mounts, ownMounts, fingerprint } = input;
  const isFinished = considered !== '';
  const { held, approved, suspended, orphans } = state ?? {};
  const waiting = isFinished ? { held: input.held } : { held: input.held ?? held };
  return {
    v: 1,
    name: config.name,
    config: fingerprint,
    parts,
    considered,
    mounts,
    ownMounts,
    ...(waiting.held === undefined ? {} : { held: waiting.held }),
    ...(await approvalAfter(deps, input, approved, signal)),
    // A cycle that found nothing to delete, or whose deletes were approved, ends the suspension.
    ...(suspended === undefined || (isFinished && input.held === undefined) ? {} : { suspended }),
    ...(orphans === undefined ? {} : { orphans }),
    last: { outcome, counts, finishedAt: new Date().toISOString() },
  };
}

/** What is left of an approved set stays approved, if the cycle did not come to its end. */
async function approvalAfter(
  deps: DestinationDeps,
  { approved, buckets, considered }: SaveDestinationInput,
  before: string | undefined,
  signal: AbortSignal,
): Promise<{ approved?: string }> {
  if (before === undefined || considered !== '') return {};
  if (!approved) return { approved: before };
  return { approved: hashOfDeletes(await deleteCandidates(deps, buckets, signal)) };
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
