import { z } from 'zod';
import { OUTCOMES } from '../contract/cycle';
import type { Role } from '../contract/ids';

/** The fields of the line that `Cycle.logEnd` (src/workflows/cycle.ts) logs, as far as metrics count them. */
const CycleLine = z.object({
  name: z.string(),
  outcome: z.enum(OUTCOMES),
  durationMs: z.number(),
  counts: z.record(z.string(), z.number()),
  /** The first ones. */
  failures: z.array(z.object({ class: z.string() })),
});

/** A cycle that has ended in this process. */
export type CycleEnd = z.output<typeof CycleLine> & { readonly role: Role };

type CycleListener = (end: CycleEnd) => void;

const ROLES: Readonly<Record<string, Role>> = { originCycle: 'origin', destinationCycle: 'destination' };

const listeners = new Set<CycleListener>();

/** Called for each cycle that ends in this process. @returns removes the listener */
export function onCycleEnd(listener: CycleListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Passes the end of a cycle on. The log is the source, because a replay does not repeat its lines.
 *
 * @param line our own fields of a line of a workflow; others are ignored
 */
export function noteWorkflowLine(workflowType: unknown, line: unknown): void {
  const role = ROLES[String(workflowType)];
  if (role === undefined || listeners.size === 0) return;
  const parsed = CycleLine.safeParse(line);
  if (parsed.success) for (const listener of listeners) listener({ ...parsed.data, role });
}
