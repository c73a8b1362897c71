import type { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describeFailure, type Counts, type CycleResult, type PathFailure } from '../contract/cycle';

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

/** A path that was not handled, in a line. */
export function formatFailure(failure: PathFailure): string {
  return describeFailure(failure);
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
