import type { MountData } from '../data';
import type { BenchOptions } from '../options';
import type { CycleHistory, Row, WorkerMemory } from '../rows';
import type { ConsulSize } from '../sizes';
import type { MeasuredCycle } from '../sync';
import type { World } from '../world';

/** What all parts work on, and where they leave what they found. */
export interface Measurement {
  options: BenchOptions;
  world: World;
  /** The secrets at the origin: the larger mount, then the smaller one. */
  data: readonly [large: MountData, small: MountData];
  rows: Row[];
  memories: WorkerMemory[];
  histories: CycleHistory[];
  sizes: ConsulSize[];
  /** Tells the user what is being done. */
  say: (text: string) => void;
}

export function mountsOf({ data }: Measurement): string[] {
  return data.map(({ mount }) => mount);
}

/** Remembers the history of a cycle. */
export function noteHistory(
  { histories }: Measurement,
  cycle: string,
  { events, bytes }: MeasuredCycle,
): void {
  histories.push({ cycle, events, bytes });
}

/**
 * Makes sure that a cycle did what it is measured for.
 *
 * @param wanted outcome, and the counts that matter
 * @throws that says what it did instead
 */
export function expectCycle(
  { result }: MeasuredCycle,
  what: string,
  wanted: { outcome: string; counts: Partial<MeasuredCycle['result']['counts']> },
): void {
  const { outcome, counts, failures, note } = result;
  const differs = Object.entries(wanted.counts).some(
    ([name, count]) => counts[name as keyof typeof counts] !== count,
  );
  if (outcome === wanted.outcome && !differs) return;
  const did = JSON.stringify({ outcome, counts, failures: failures.slice(0, 3), note });
  throw new Error(
    `${what} was to end ${JSON.stringify(wanted)}, and ended ${did}: its time would mean nothing`,
  );
}
