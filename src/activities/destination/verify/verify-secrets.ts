import { inParallel } from '../../../concurrency/work-pool';
import type { ActivityInput } from '../../../contract/cycle';
import { ActivityError } from '../../../contract/failures';
import type { BeginVerifyResult, VerifySecretsInput, VerifySecretsResult } from '../../../contract/verify';
import { MAX_GROUPS, VERIFY_BUCKETS } from '../../../limits';
import { type Insight, mayBeMetadataWrite, type Verdict, verdictOf } from '../../../rules/insight';
import { planBucket } from '../../../rules/plan';
import { fits, readFitting } from '../../../sync-info/indexed-buckets';
import { readDestinationState } from '../../../sync-info/state';
import { sameValue } from '../../../vault/json';
import { failureOfPath } from '../../shared/failures';
import { inVerifyPool, placeAtDestination, placeAtOrigin, type DestinationDeps } from '../base/deps';
import { CONFIGURATION_CHANGED } from '../claims/move-claims';
import { diffIndices, split } from '../cycle/diff-indices';
import { preflight } from '../cycle/preflight';
import { counted, stageFindings, type Finding } from './findings';

/**
 * Checks whether the two ends can be compared, as a cycle does before its work, and splits the origin's buckets into
 * groups. Removes lists of earlier verifies that have expired, and writes nothing else.
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
  if (checked.changed) {
    const { state } = await readDestinationState(info, signal);
    const isSame = state?.config === fingerprint;
    const what = isSame ? 'a mount of the destination was re-created' : CONFIGURATION_CHANGED;
    notes.push(`${what} since the last cycle: the next one brings to its place what is missing there`);
  }
  return { v: 1, groups: split([...index.keys()], MAX_GROUPS), numBuckets: index.length, notes };
}

/** Compares the values of all wanted secrets in some of the origin's buckets. Writes nothing but its findings. */
export async function verifySecrets(
  deps: DestinationDeps,
  { buckets, numBuckets }: VerifySecretsInput,
  signal: AbortSignal,
  progress: (done: number) => void,
): Promise<VerifySecretsResult> {
  const { originInfo, info, scope, staging } = deps;
  // Of the destination first: see verdictOf.
  const own = await info.readIndex(signal);
  const ownIndex = own.index?.length === numBuckets ? own.index : undefined;
  const { index } = await originInfo.readIndex(signal);
  if (index?.length !== numBuckets) {
    throw new ActivityError(
      'Conflict',
      `Consul ${originInfo.store.address}: ${originInfo.indexKey}: the origin's index ` +
        `${index === undefined ? 'vanished' : 'got another number of buckets'} in the meantime; run vsync verify again`,
    );
  }
  const targets = await deps.targets.load(index, signal);
  const findings: Finding[] = [];
  let equal = 0;
  let done = 0;
  let distrusted = 0;

  const verifyBucket = async (id: number, stop: AbortSignal): Promise<void> => {
    const stored = await info.readBucket(id, stop);
    if (ownIndex !== undefined && !fits(stored, ownIndex[id])) distrusted++;
    const { bucket } = (await readFitting(originInfo, index, id, stop)) ?? {};
    if (bucket === undefined) {
      findings.push({ kind: 'unknown', path: originInfo.bucketKey(id), class: 'torn-bucket' });
      return;
    }
    // Without claims, the plan is about every secret that is wanted.
    const plan = planBucket(bucket, new Map(), [], scope, targets);
    for (const { path, why, with: other } of plan.refused)
      findings.push({ kind: 'refused', path, class: why, with: other });
    await inVerifyPool(deps, plan.add, stop, async (path, aborted) => {
      const insight = bucket.get(path);
      if (insight === undefined) return;
      const known = { insight, claim: ownIndex && stored.bucket?.get(path) };
      const compared = await compareSecret(deps, path, known, aborted);
      progress(++done);
      const to = scope.target(path);
      if (compared.kind === 'equal') equal++;
      else findings.push({ path, ...(to !== path && { to }), ...compared });
    });
  };
  await inParallel(buckets, signal, verifyBucket, VERIFY_BUCKETS);

  const list = await stageFindings(staging, findings, signal);
  return { v: 1, counts: { equal, ...counted(findings) }, distrusted, ...(list && { list }) };
}

/** What a comparison came to: a verdict, or which end could not be read. */
type Compared = Verdict | (Pick<Finding, 'class' | 'at'> & { readonly kind: 'failed' });

/**
 * Compares the values of one secret at both ends. They live in this function only. The claim was read before.
 *
 * @param onError gets the failure of a read, for its message
 */
export async function compareSecret(
  deps: Pick<DestinationDeps, 'scope' | 'originVault' | 'vault'>,
  path: string,
  { insight, claim }: { insight: Insight; claim: Insight | undefined },
  signal: AbortSignal,
  onError?: (error: unknown) => void,
): Promise<Compared> {
  let at: 'origin' | 'destination' = 'destination';
  try {
    const to = placeAtDestination(deps, path);
    const there = await deps.vault.data(to.mount, to.rel, { signal });
    at = 'origin';
    const from = placeAtOrigin(deps, path);
    const here = await deps.originVault.data(from.mount, from.rel, { signal });
    const same = here?.live === true && there?.live === true && sameValue(here.data, there.data);
    const evidence = { insight, claim, atOrigin: here, atDestination: there, sameValue: same };
    if (same || here?.live !== true || !mayBeMetadataWrite(insight, here)) return verdictOf(evidence);
    // The original publishes a time that changes with each metadata write on OpenBao: that is not a newer version.
    const metadata = await deps.originVault.metadata(from.mount, from.rel, signal);
    return verdictOf({ ...evidence, metadata });
  } catch (error) {
    onError?.(error);
    return { kind: 'failed', at, class: failureOfPath(error, signal) };
  }
}
