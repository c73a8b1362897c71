/*
 * The verdict about a token, from what is known of each instance. Pure. The counting and the four words are those of the
 * original Syncer, because njs code in gateways compares them; `Partialy` is its spelling.
 */

export const VERDICTS = ['Synced', 'Partialy', 'NotSynced', 'Timeout'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What is known of one instance at the end of a question. */
export const STATES = ['origin', 'present', 'absent', 'refused', 'failed', 'pending'] as const;

/**
 * - `origin`: not asked, counts as one that has the token
 * - `present`: has the token
 * - `absent`: does not have it yet
 * - `refused`: answered with neither yes nor no
 * - `failed`: did not answer
 * - `pending`: its tries had not ended at the deadline
 */
export type InstanceState = (typeof STATES)[number];

/**
 * All instances: `Synced`. More than half: `Partialy`. Else `NotSynced`. `Timeout` if the tries of one had not ended.
 *
 * The original takes more than 99 % for all, so that of 101 instances one may lack the token. Here all means all. Without
 * any instance nothing is proved: `NotSynced`.
 */
export function verdictOf(states: readonly InstanceState[]): Verdict {
  if (states.includes('pending')) return 'Timeout';
  const having = states.filter((state) => state === 'origin' || state === 'present').length;
  if (states.length > 0 && having === states.length) return 'Synced';
  return having * 2 > states.length ? 'Partialy' : 'NotSynced';
}

/** How many instances are in each state. */
export function countStates(states: readonly InstanceState[]): Record<InstanceState, number> {
  const counts = { origin: 0, present: 0, absent: 0, refused: 0, failed: 0, pending: 0 };
  for (const state of states) counts[state] += 1;
  return counts;
}
