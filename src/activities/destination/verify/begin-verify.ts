import { readDestinationState } from '../../../sync-info/state';
import type { ActivityInput } from '../../../contract/cycle';
import type { BeginVerifyResult } from '../../../contract/verify';
import { MAX_GROUPS } from '../../../limits';
import type { DestinationDeps } from '../base/deps';
import { diffIndices, split } from '../cycle/diff-indices';
import { CONFIGURATION_CHANGED } from '../claims/move-claims';
import { preflight } from '../cycle/preflight';

/**
 * Checks whether the two ends can be compared, as a cycle does before its work, and splits the origin's buckets into
 * groups. Removes lists of earlier verifies that have expired, and writes nothing else.
 *
 * @throws as a cycle's first steps: a cycle could not work either
 */
export async function beginVerify(
  deps: DestinationDeps,
  { fingerprint }: ActivityInput,
  signal: AbortSignal,
): Promise<BeginVerifyResult> {
  const { originInfo, info, staging } = deps;
  await staging.removeExpiredSometimes(signal);
  const checked = await preflight(deps, signal);
  const { considered } = await diffIndices(deps, { v: 1, fingerprint, changed: checked.changed }, signal);
  const { index } = await originInfo.readIndex(signal);
  if (considered === undefined || index === undefined) {
    const notes = ['the origin has not written any sync info yet: there is nothing to compare with'];
    return { v: 1, groups: [], numBuckets: 0, notes };
  }
  const notes = checked.failures.map(
    ({ path, class: why }) =>
      `${path}: ${why}: the origin's mount is not the one that it was ("vsync approve --mount ${path}" takes it as it is)`,
  );
  const own = await info.readIndex(signal);
  if (own.index === undefined) {
    const what = own.problem === undefined ? 'has no sync info yet' : `has a damaged index (${own.problem})`;
    notes.push(`the destination ${what}: the next cycle compares every value`);
  } else if (own.index.length !== index.length)
    notes.push(
      `the number of buckets changes from ${own.index.length} to ${index.length} with the next cycle`,
    );
  if (checked.changed) notes.push(await whatChanged(deps, signal));
  return { v: 1, groups: split([...index.keys()], MAX_GROUPS), numBuckets: index.length, notes };
}

async function whatChanged(deps: DestinationDeps, signal: AbortSignal): Promise<string> {
  const { state } = await readDestinationState(deps.info, signal);
  const isSame = state !== undefined && state.config === deps.fingerprint;
  const what = isSame ? 'a mount of the destination was re-created' : CONFIGURATION_CHANGED;
  return `${what} since the last cycle: the next one brings to its place what is missing there`;
}
