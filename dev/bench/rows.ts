import { ratioOfMedians, summarise, type Summary } from './statistics';

/** What a value has to be. */
export interface Bar {
  kind: 'at most' | 'below' | 'at least';
  limit: number;
}

/** Units of values; `times` is a ratio. */
export type Unit =
  | 'times'
  | 'requests'
  | 'ms'
  | 'MiB'
  | 'events'
  | 'bytes'
  | 'transactions'
  | 'values'
  | 'writes'
  | 'connections';

/** One line of the table: one value and its bar. */
export interface Row {
  id: string;
  /** What was measured, for people. */
  work: string;
  secrets: number;
  buckets: number;
  unit: Unit;
  value: number;
  /** None where the value is told for what it is. */
  bar?: Bar;
  /** Where the value comes from times: those of the rounds, in milliseconds. */
  ours?: Summary;
  /** The same of what it is compared with. */
  floor?: Summary;
  /** What else was seen, by name: requests by kind, sizes, … */
  details: Record<string, unknown>;
}

/** What has no bar cannot miss it. */
export function isMet({ value, bar }: Row): boolean {
  if (bar === undefined) return true;
  const { kind, limit } = bar;
  switch (kind) {
    case 'at most':
      return value <= limit;
    case 'below':
      return value < limit;
    case 'at least':
      return value >= limit;
  }
}

/** How much of its bar a value uses up: at most 1 where it is met, whatever the kind of bar. */
export function shareOfBar(value: number, { kind, limit }: Bar): number {
  if (kind === 'at least') return value > 0 ? limit / value : Infinity;
  if (limit === 0) return value === 0 ? 0 : Infinity;
  return value / limit;
}

/** What a work beside its floor has to be, on servers nearby. */
export const FLOOR_BAR: Bar = { kind: 'at most', limit: 1.3 };

/** The row of a work beside its floor, from the milliseconds of both, round by round. */
export function besideFloor(
  row: Pick<Row, 'id' | 'work' | 'secrets' | 'buckets' | 'details'>,
  oursMs: readonly number[],
  floorMs: readonly number[],
  bar?: Bar,
): Row {
  const [ours, floor] = [summarise(oursMs), summarise(floorMs)];
  return { ...row, unit: 'times', value: ratioOfMedians(ours, floor), ...(bar && { bar }), ours, floor };
}

const MIB = 1024 * 1024;

/** One of the workers' memory, in bytes. */
export interface WorkerMemory {
  worker: string;
  resident: number;
  peak: number;
}

/** One cycle's history. */
export interface CycleHistory {
  cycle: string;
  events: number;
  bytes: number;
}

/** @returns no row if no memory was looked at */
export function memoryRows(memories: readonly WorkerMemory[], secrets: number, buckets: number): Row[] {
  if (memories.length === 0) return [];
  return [
    {
      id: 'memory',
      work: 'resident memory of a worker at its peak, the larger role',
      secrets,
      buckets,
      unit: 'MiB',
      value: Math.max(...memories.map(({ peak }) => peak)) / MIB,
      bar: { kind: 'below', limit: 400 },
      details: Object.fromEntries(
        memories.map(({ worker, resident, peak }) => [
          worker,
          { residentMiB: Math.round(resident / MIB), peakMiB: Math.round(peak / MIB) },
        ]),
      ),
    },
  ];
}

/** @returns no rows if no history was looked at */
export function historyRows(histories: readonly CycleHistory[], secrets: number, buckets: number): Row[] {
  if (histories.length === 0) return [];
  const common = { secrets, buckets };
  const of = (what: 'events' | 'bytes'): Record<string, unknown> =>
    Object.fromEntries(histories.map((history) => [history.cycle, history[what]]));
  return [
    {
      ...common,
      id: 'history-events',
      work: 'Temporal history of one cycle, the longest: events',
      unit: 'events',
      value: Math.max(...histories.map(({ events }) => events)),
      bar: { kind: 'below', limit: 2_000 },
      details: of('events'),
    },
    {
      ...common,
      id: 'history-bytes',
      work: 'Temporal history of one cycle, the largest: size',
      unit: 'bytes',
      value: Math.max(...histories.map(({ bytes }) => bytes)),
      bar: { kind: 'below', limit: 1_000_000 },
      details: of('bytes'),
    },
  ];
}
