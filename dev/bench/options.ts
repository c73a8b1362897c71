/** What can be measured on its own, in the order in which it is. */
export const PARTS = ['origin', 'copy', 'change', 'requests', 'workers', 'latency', 'connections'] as const;

export type Part = (typeof PARTS)[number];

/** Other tools that can be run on the same data. */
export const OTHERS = ['vsync', 'vault-sync'] as const;

export type Other = (typeof OTHERS)[number];

/** What the command line asks for. */
export interface BenchOptions {
  /** Number of secrets at the origin. */
  secrets: number;
  /** Rounds of each measurement; where there is a warm-up, it is one more. */
  rounds: number;
  seed: number;
  /** Requests in flight, ours (`numWorkers`) and the floor's. */
  inFlight: number;
  numBuckets: number;
  parts: readonly Part[];
  /** Print the results as JSON on stdout, and all else on stderr. */
  json: boolean;
  /** File for the results as JSON. */
  out?: string;
  /** Write docs/benchmarks.md and docs/benchmarks.svg. */
  writeDocs: boolean;
  /** A sentence about the circumstances, for the page. */
  note?: string;
  /** Folder for CPU profiles of the workers; they cost time, so that the times then mean little. */
  profile?: string;
  /** Exit code 1 if a bar is missed. */
  check: boolean;
  /** Executables of other tools. */
  versus: Partial<Record<Other, string>>;
}
