import { patched } from '@temporalio/workflow';
import type { Bound } from './bounded';
import type { SharesAtOnce } from '../contract/messages';

/** Since this change more workers may come while a cycle goes on. */
const SHARES_RISE = 'shares-rise';

/** Raises the bound to what an activity has found; it never falls, because workers that are busy may not be seen. */
export function raise(bound: Bound, { atOnce = 0 }: SharesAtOnce): void {
  // Not because a result says so alone: its activity may have run on a newer worker than the workflow did until here.
  if (atOnce > bound.most && patched(SHARES_RISE)) bound.most = atOnce;
}
