import type { WorkflowFailedError } from '@temporalio/client';
import { failedCycle } from '../../src/cli/text';
import type { CycleResult } from '../../src/contract/cycle';

/** How a cycle ended, as `vsync status` shows it. A failed cycle has an outcome and a note only. */
export type Ended = Partial<Omit<CycleResult, 'outcome'>> & { outcome: string };

export async function endOf(cycle: Promise<CycleResult>): Promise<Ended> {
  return cycle.catch((error: unknown) => failedCycle(error as WorkflowFailedError));
}
