import v8 from 'node:v8';
import { HEAP_GROWING_PERCENT } from '../limits';

/**
 * How much the heap may grow from one full collection to the next, in percent of what lives. V8's own rule lets it grow
 * up to four times: a worker that scans then holds more garbage than anything else. See
 * docs/decisions/0007-cpu-and-memory-of-a-worker.md.
 */
export const HEAP_GROWING_FLAG = '--heap-growing-percent';
/** For the whole process, all its threads, from the next full collection on. V8 reads this flag anew each time. */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`${HEAP_GROWING_FLAG}=${HEAP_GROWING_PERCENT}`);
}
