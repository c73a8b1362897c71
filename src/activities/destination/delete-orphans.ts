import { readDestinationState, writeOfState } from '../../consul/state';
import { hashOfDeletes } from '../../sync/delete-guard';
import { locate, splitDataPath } from '../../sync/paths';
import type { DeleteOrphansInput, DeleteOrphansResult } from '../../workflows/messages';
import { ActivityError, pathFailureClass } from '../failures';
import { inParallel } from '../in-parallel';
import { OutageDetector } from '../outage';
import { TallyBuilder } from '../tally';
import { deleteAt } from './delete-secret';
import type { DestinationDeps } from './deps';

/**
 * Soft-deletes the orphans that an operator has seen and wants removed: exactly the list that was shown. One at
 * whose place a secret of the origin belongs (again) only leaves the list.
 */
export async function deleteOrphans(
  deps: DestinationDeps,
  { hash }: DeleteOrphansInput,
  signal: AbortSignal,
): Promise<DeleteOrphansResult> {
  const { config, originInfo, orphans } = deps;
  const tally = new TallyBuilder();
  const listed = [...(await orphans.read(signal)).keys()];
  const { index } = await originInfo.readIndex(signal);
  const targets = index === undefined ? undefined : await deps.targets.load(index, signal);
  if (hashOfDeletes(listed) === hash && targets?.complete === true) {
    const outage = new OutageDetector();
    const done: string[] = [];
    try {
      await inParallel(listed, signal, (target, stop) =>
        deps.secretLimit(async () => {
          const place = locate(target, config.destination.mounts) ?? splitDataPath(target);
          if (place === undefined || targets.isTaken(target)) {
            done.push(target);
            return;
          }
          try {
            const did = await deleteAt(deps, place, stop, () => Promise.resolve(true));
            outage.succeeded();
            if (did === 'held') return;
            if (did === 'deleted') tally.count('deleted');
            done.push(target);
          } catch (error) {
            if (stop.aborted) throw error;
            outage.failed(error);
            tally.fail(target, pathFailureClass(error));
          }
        }),
      );
    } finally {
      await orphans.remove(done);
    }
  }
  await noteRemaining(deps, listed, signal);
  return { v: 1, ...tally.result() };
}

/** The approval is used up: what is left needs another look. */
async function noteRemaining(
  { info, orphans }: DestinationDeps,
  listed: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const count = listed.length === 0 ? 0 : (await orphans.read(signal)).size;
  const { state, revision } = await readDestinationState(info, signal);
  if (state === undefined) return;
  const { orphans: _, ...rest } = state;
  const next = { ...rest, ...(count === 0 ? {} : { orphans: { count } }) };
  if ((await info.store.commit([writeOfState(info, next, revision)], signal)) !== undefined) return;
  throw new ActivityError(
    'Conflict',
    `Consul ${info.store.address}: ${info.stateKey}: somebody else wrote this key at the same moment; trying again`,
    true,
  );
}
