import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describeFailure, type Counts, type CycleResult, type PathFailure } from '../contract/cycle';
import { splitDataPath } from '../rules/paths';

/** Printed lines of one list; `--json` has all. */
const SHOWN = 20;

/** The first lines of a list, and how many more there are. */
export function firstLines(lines: readonly string[]): string[] {
  const more = lines.length - SHOWN;
  return more <= 0 ? [...lines] : [...lines.slice(0, SHOWN), `    … and ${more} more; --json shows all`];
}

/** One cycle in a line: outcome, time, and the counts that are not zero. */
export function formatCycle(outcome: string, counts: Partial<Counts> = {}, durationMs?: number): string {
  const shown = Object.entries(counts).filter(([, count]) => count > 0);
  const time = durationMs === undefined ? '' : ` in ${(durationMs / 1000).toFixed(2)} s`;
  return `${outcome}${time}${shown.length === 0 ? '' : `: ${shown.map(([what, count]) => `${what} ${count}`).join(', ')}`}`;
}

/** A data path as `vault kv` takes it: "secret/data/team/app" becomes "secret/team/app". Other paths stay as they are. */
export function pasted(path: string): string {
  const place = splitDataPath(path);
  return place === undefined ? path : place.mount + place.rel;
}

/** A path that was not handled, in a line. */
export function formatFailure(failure: PathFailure): string {
  const { path, to, with: other, class: why } = failure;
  // The path of such a bucket is its key in Consul.
  if (why === 'torn-bucket') return describeFailure(failure);
  return describeFailure({
    ...failure,
    path: pasted(path),
    ...(to !== undefined && { to: pasted(to) }),
    ...(other !== undefined && { with: pasted(other) }),
  });
}

/** The result of a cycle, in a line, and a line for each failure. */
export function formatResult({ outcome, counts, failures, note }: CycleResult): string[] {
  const first = `${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`;
  return [first, ...failures.map((failure) => `  ${formatFailure(failure)}`)];
}

/** How a cycle without a result ended. */
export function failedCycle({ cause }: WorkflowFailedError): { outcome: string; note?: string } {
  if (cause instanceof CancelledFailure) return { outcome: 'cancelled' };
  if (cause instanceof ApplicationFailure)
    return { outcome: 'failed', note: `${cause.type ?? 'Internal'}: ${cause.message}` };
  return { outcome: 'terminated' };
}
