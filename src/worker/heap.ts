import { PerformanceObserver } from 'node:perf_hooks';
import v8 from 'node:v8';
import {
  HEAP_GROWING_FLAG,
  HEAP_GROWING_PERCENT,
  MAX_YOUNG_GENERATION_BYTES,
  WASM_BASELINE_FLAGS,
  YOUNG_GENERATION_FACTOR_FLAG,
} from '../limits';

/*
 * V8's heap of a worker. V8 takes memory from the system rather than collect garbage, and does not give it back soon.
 * The flags are for the whole process with all its threads, and V8 reads them when it decides about a size, so they work
 * in a running process. See docs/decisions/0007-cpu-and-memory-of-a-worker.md.
 */

/** What has to be set before any package is loaded, and before anything in WebAssembly is compiled. */
export function prepareHeap(): void {
  holdYoungGeneration();
  for (const flag of WASM_BASELINE_FLAGS) v8.setFlagsFromString(flag);
  // The thread of the workflows loads the same packages. When it is online, its heap is there, and nothing is loaded yet.
  process.on('worker', (thread) => thread.once('online', holdYoungGeneration));
}

/** Bounds the garbage that may collect before a full collection. */
export function boundGarbage(): void {
  v8.setFlagsFromString(`${HEAP_GROWING_FLAG}=${HEAP_GROWING_PERCENT}`);
}

/** Keeps the young generation at its present size. A new thread lifts this for all threads. */
export function holdYoungGeneration(): void {
  v8.setFlagsFromString(`${YOUNG_GENERATION_FACTOR_FLAG}=1`);
}

/** Lets the young generation grow to {@link MAX_YOUNG_GENERATION_BYTES}, and then holds it. After all threads were made. */
export function boundYoungGeneration(): void {
  v8.setFlagsFromString(`${YOUNG_GENERATION_FACTOR_FLAG}=2`);
  if (holdIfGrown()) return;
  const collections = new PerformanceObserver(() => {
    if (holdIfGrown()) collections.disconnect();
  });
  collections.observe({ entryTypes: ['gc'] });
}

function holdIfGrown(): boolean {
  if (youngGenerationBytes() < MAX_YOUNG_GENERATION_BYTES) return false;
  holdYoungGeneration();
  return true;
}

export function youngGenerationBytes(): number {
  const spaces = v8.getHeapSpaceStatistics();
  return spaces.find(({ space_name: name }) => name === 'new_space')?.space_size ?? Infinity;
}
