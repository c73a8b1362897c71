import { fits, readFitting } from '../../../sync-info/indexed-buckets';
import { planBucket } from '../../../rules/plan';
import { counted, stageFindings, type Finding } from './findings';
import type { VerifySecretsInput, VerifySecretsResult } from '../../../contract/verify';
import { ActivityError } from '../../../contract/failures';
import { inParallel } from '../../../concurrency/work-pool';
import { throwOutage } from '../../shared/outages';
import { compareSecret } from './compare-secret';
import { inVerifyPool } from '../base/copy-pool';
import type { DestinationDeps } from '../base/deps';
import { VERIFY_BUCKETS } from '../../../limits';

/**
 * Compares the values at both ends for every secret of some of the origin's buckets that the destination wants.
 * Reports by path; writes nothing but its findings.
 */
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
      const compared = await compareSecret(deps, path, known, throwOutage, aborted);
      progress(++done);
      if (compared.kind === 'equal') equal++;
      else findings.push({ path, ...elsewhere(deps, path), ...compared });
    });
  };
  await inParallel(buckets, signal, verifyBucket, VERIFY_BUCKETS);

  const list = await stageFindings(staging, findings, signal);
  return { v: 1, counts: { equal, ...counted(findings) }, distrusted, ...(list && { list }) };
}

function elsewhere({ scope }: DestinationDeps, path: string): { to?: string } {
  const to = scope.target(path);
  return to === path ? {} : { to };
}
