import { isCancellation, log, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { PREFLIGHT_OPTIONS, VERIFY_OPTIONS } from './activity-options';
import { cycleFailure, dispatch } from './cycle';
import { type ActivityInput, type PathFailure } from '../contract/cycle';
import {
  NO_FINDINGS,
  type VerifyActivities,
  type VerifyCounts,
  type VerifyInput,
  type VerifyResult,
  type VerifyReport,
} from '../contract/verify';
import { MAX_FAILURES, VERIFY_IN_FLIGHT } from '../limits';

/**
 * Compares the values at both ends, then lists what the destination has in addition, and what the origin has not
 * published. It changes neither secrets nor sync info, so it needs no cleanup, and may be cancelled or lost at any
 * moment. `vsync verify` starts this workflow.
 */
export async function verifyDestination({ name, fingerprint }: VerifyInput): Promise<VerifyResult> {
  const { beginVerify } = proxyActivities<VerifyActivities>(PREFLIGHT_OPTIONS);
  const { verifySecrets, listFolders, listExtras, listUnpublished } =
    proxyActivities<VerifyActivities>(VERIFY_OPTIONS);
  const base: ActivityInput = { v: 1, fingerprint };
  const counts: VerifyCounts = { ...NO_FINDINGS };
  const lists: string[] = [];
  const add = ({ counts: more, list }: VerifyReport): void => {
    for (const [what, by] of Object.entries(more) as [keyof VerifyCounts, number][]) counts[what] += by;
    if (list !== undefined) lists.push(list);
  };
  try {
    setCurrentDetails('beginVerify');
    const { groups, numBuckets, notes } = await beginVerify(base);
    if (groups.length === 0) return { v: 1, counts, lists, notes };

    setCurrentDetails('verifySecrets');
    let distrusted = 0;
    await dispatch(groups, VERIFY_IN_FLIGHT, async (buckets) => {
      const found = await verifySecrets({ ...base, buckets, numBuckets });
      add(found);
      distrusted += found.distrusted;
      return {};
    });
    if (distrusted > 0) notes.push(distrustedNote(distrusted));

    setCurrentDetails('listExtras');
    const { folders, chunks, unlisted } = await listFolders(base);
    let incomplete = 0;
    await dispatch([...Array(chunks).keys()], VERIFY_IN_FLIGHT, async (chunk) => {
      const found = await listExtras({ ...base, folders, chunk });
      add(found);
      unlisted.push(...found.unlisted);
      if (!found.complete) incomplete++;
      return {};
    });
    if (incomplete > 0) notes.push("some extras may be left out: the origin's sync info was being written");
    notes.push(...unlistedNotes(unlisted));

    setCurrentDetails('listUnpublished');
    const missed = await listUnpublished(base);
    add(missed);
    notes.push(...missed.notes);

    const found = Object.entries(counts).filter(([, count]) => count > 0);
    log.info(
      `${workflowInfo().workflowId}: verified: ${found.map(([what, count]) => `${what} ${count}`).join(', ')}`,
      { vsync: { name, cycle: workflowInfo().workflowId, counts } },
    );
    setCurrentDetails('done');
    return { v: 1, counts, lists, notes };
  } catch (error) {
    if (isCancellation(error)) throw error;
    throw cycleFailure(error);
  }
}

function distrustedNote(count: number): string {
  return (
    `${count} buckets of the destination's info are missing or do not fit its index (a running cycle does that for a ` +
    'moment); a cycle that comes to them compares by value'
  );
}

/** Names the first folders only, so that the result stays small. */
function unlistedNotes(unlisted: readonly PathFailure[]): string[] {
  const notes = unlisted.slice(0, MAX_FAILURES).map(({ path, class: why }) => {
    const remedy = why === 'forbidden' ? "; the destination's token needs list on metadata/ there" : '';
    return `${path}: ${why}: not listed, so extras below it are not known${remedy}`;
  });
  const more = unlisted.length - notes.length;
  return more > 0 ? [...notes, `at least ${more} more folders could not be listed`] : notes;
}
