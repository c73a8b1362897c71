import type { describeMachine } from './machine';

/** What can be measured separately, in the order in which it is measured. */
export const PARTS = [
  'origin',
  'copy',
  'change',
  'requests',
  'workers',
  'latency',
  'connections',
  'feed',
  'bulk',
  'syncer',
] as const;

/** Other tools that can run on the same data. */
export const OTHERS = ['vsync', 'vault-sync'] as const;
export type Other = (typeof OTHERS)[number];

/** The flags of `npm run bench`; its help describes each. */
export interface BenchOptions {
  secrets: number;
  rounds: number;
  seed: number;
  /** Requests in flight, those of vsync (`numWorkers`) and those of the floor. */
  inFlight: number;
  numBuckets: number;
  parts: readonly (typeof PARTS)[number][];
  out?: string;
  writeDocs: boolean;
  note?: string;
  profile?: string;
  check: boolean;
  /** Executables of other tools. */
  versus: Partial<Record<Other, string>>;
}

/** `times` is a ratio; what is not listed is a count. */
type Unit = 'times' | 'ms' | 'MiB' | 'bytes' | '%' | `${string}s`;

/** What a value has to be. */
export interface Bar {
  kind: 'at most' | 'below' | 'at least';
  limit: number;
}

/** Every row: its unit, its bar, and what is measured. A row without a bar only reports. */
const ROWS: Record<string, readonly [Unit, Bar['kind'] | undefined, number, string]> = {
  'origin-cycle': ['times', 'at most', 1.3, 'origin cycle with nothing changed, compared with its floor'],
  'origin-cpu': ['ms', 'at most', 0.15, 'CPU of the worker in it, per secret, above that of the floor'],
  'first-copy': ['times', 'at most', 1.3, 'first copy, compared with its floor'],
  change: ['ms', 'below', 1_000, 'one changed secret, from the index in Consul to the destination Vault'],
  'unchanged-requests': ['requests', 'at most', 8, 'destination cycle with nothing changed: requests'],
  'change-transactions': ['transactions', 'at most', 1, 'origin cycle, one change: Consul transactions'],
  'change-staged': ['values', 'at most', 1, 'origin cycle, one change: values staged in Consul'],
  'idle-writes': ['writes', 'at most', 0, 'a cycle of each role with nothing changed: writes to Consul'],
  'workers-fetch': ['times', 'at least', 1.8, 'two workers compared with one, 20 ms away: fetching metadata'],
  'workers-copy': ['times', 'at least', 1.8, 'two workers compared with one, 20 ms away: copying'],
  'distant-10-scan': ['times', undefined, 0, 'origin cycle, the Vault 10 ms away, compared with its floor'],
  'distant-10-copy': ['times', undefined, 0, 'first copy, both Vaults 10 ms away, compared with its floor'],
  'distant-50-scan': ['times', undefined, 0, 'origin cycle, the Vault 50 ms away, compared with its floor'],
  'distant-50-copy': ['times', undefined, 0, 'first copy, both Vaults 50 ms away, compared with its floor'],
  'limited-connections': ['times', 'at most', 1.1, 'seven first copies, default limits compared with raised'],
  'idle-connections': ['connections', 'at most', 8, 'connections of an idle worker to Consul, the most'],
  'feed-hop': ['ms', undefined, 0, 'feed: an empty push through Temporal, median'],
  'feed-change-median': ['ms', 'at most', 50, 'feed: one changed secret until it arrives, median'],
  'feed-change-p99': ['ms', 'at most', 250, 'feed: one changed secret until it arrives, 99th percentile'],
  'feed-change-vs': ['times', 'at most', 8, 'feed: one changed secret, compared with vault-sync'],
  'feed-burst': ['ms', undefined, 0, 'feed: 1,000 secrets changed at once until all arrive'],
  'feed-burst-versions': ['versions', 'at most', 0, 'feed: the same, versions too many or too few'],
  'feed-burst-vs': ['times', 'at most', 1.2, 'feed: 1,000 secrets changed at once, compared with vault-sync'],
  'feed-write-median': ['times', 'at most', 1.05, 'feed: origin writes, device on compared with off, median'],
  'feed-write-p99': ['times', 'at most', 1.05, 'feed: the same, 99th percentile'],
  'feed-write-stall': ['ms', 'at most', 100, 'feed: the worker is stopped: longest write, above the median'],
  'feed-write-failed': ['writes', 'at most', 0, 'feed: writes at the origin that failed'],
  'feed-idle-reads': ['reads', 'at most', 0, 'feed: an idle origin, reads of metadata'],
  'feed-idle-cpu': ['%', 'at most', 1, 'feed: an idle origin, CPU of the worker as a share of one core'],
  'bulk-requests': ['times', 'at least', 45, 'OpenBao, reads one by one compared with by folder: requests'],
  'bulk-wall': ['times', 'at most', 0.2, 'OpenBao, reads by folder compared with one by one: origin cycle'],
  'bulk-cpu': ['times', 'at most', 0.15, 'OpenBao, reads by folder compared with one by one: CPU of server'],
  'syncer-rate': ['times', 'at least', 0.75, 'Syncer compared with a bare fan-out: verdicts per second'],
  'syncer-latency': ['times', 'at most', 1.3, 'Syncer compared with a bare fan-out: median latency'],
  'syncer-memory': ['times', 'at most', 1.05, 'Syncer: memory, second half of verdicts compared with first'],
  'syncer-deadline': ['ms', 'at most', 20, 'Syncer, an instance hangs: after the deadline, 99th percentile'],
  memory: ['MiB', 'below', 400, 'resident memory of a worker at its peak, the larger role'],
  'history-events': ['events', 'below', 2_000, 'Temporal history of one cycle, the longest: events'],
  'history-bytes': ['bytes', 'below', 1_000_000, 'Temporal history of one cycle, the largest: size'],
};

/** A measured row. */
export interface Row {
  id: string;
  work: string;
  secrets: number;
  buckets: number;
  unit: Unit;
  value: number;
  bar?: Bar;
  /** Times of the rounds in milliseconds, if the value is a ratio or a time. */
  ours?: Summary;
  /** The same of what it is compared with. */
  floor?: Summary;
  /** What else was measured, by name: requests by kind, steps, … */
  details: Record<string, unknown>;
}

export function makeRow(
  id: string,
  measured: Pick<Row, 'value' | 'secrets' | 'buckets'> & Partial<Row>,
): Row {
  const [unit, kind, limit, work] = ROWS[id] ?? [];
  if (unit === undefined || limit === undefined || work === undefined) throw new RangeError(`no row ${id}`);
  return { id, work, unit, ...(kind && { bar: { kind, limit } }), details: {}, ...measured };
}

/** A row without a bar cannot miss it. */
export function isMet({ value, bar }: Row): boolean {
  if (bar === undefined) return true;
  if (bar.kind === 'at least') return value >= bar.limit;
  return bar.kind === 'below' ? value < bar.limit : value <= bar.limit;
}

/** All results of one run. */
export interface Results extends Pick<BenchOptions, 'seed' | 'secrets' | 'rounds' | 'inFlight' | 'note'> {
  /** ISO 8601 */
  date: string;
  machine: Awaited<ReturnType<typeof describeMachine>>;
  rows: Row[];
  /** What each role keeps in Consul. */
  sizes: { what: string; keys: number; bytes: number }[];
  /** How long other tools took for the same work. */
  others: { tool: Other; work: string; secrets: number; times: Summary }[];
}

/** The results as JSON, each row with whether its bar is met. */
export function jsonText({ rows, ...rest }: Results): string {
  return `${JSON.stringify({ ...rest, rows: rows.map((row) => ({ ...row, met: isMet(row) })) }, null, 2)}\n`;
}

/** Several values of one measurement. */
export interface Summary {
  median: number;
  min: number;
  max: number;
  /** In the order of the rounds. */
  values: readonly number[];
}

/** @throws RangeError without any value: a median of nothing would meet every bar */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('there is no round to summarise');
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted.at(index) ?? NaN;
  const middle = (values.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(-1), values };
}

/** The least value that this share of all values does not exceed. @throws RangeError without any value */
export function percentile(values: readonly number[], share: number): number {
  const found = values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)];
  if (found === undefined) throw new RangeError('there is no value');
  return found;
}

/** The parts of a row that compares two times. @throws RangeError if the floor took no time */
export function ratio(ours: Summary, floor: Summary): Pick<Row, 'value' | 'ours' | 'floor'> {
  if (!(floor.median > 0)) throw new RangeError('a floor without time has no ratio');
  return { value: ours.median / floor.median, ours, floor };
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
