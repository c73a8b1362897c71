/** What can be measured separately, in the order in which it is measured. */
export const PARTS = [
  'origin',
  'copy',
  'change',
  'requests',
  'workers',
  'latency',
  'connections',
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
  json: boolean;
  out?: string;
  writeDocs: boolean;
  note?: string;
  profile?: string;
  check: boolean;
  /** Executables of other tools. */
  versus: Partial<Record<Other, string>>;
}
