import type { Fault } from './fault-proxy';

/**
 * A write that fails, and one that is executed although it seems to fail. A closed connection is not among them: after
 * that the client checks what became of the write.
 */
export const INTERRUPTIONS: [what: string, fault: Fault][] = [
  ['failed', { status: 500 }],
  ['lost', { status: 500, isCarriedOut: true }],
];

/** Whether a request writes to Consul. The check whether Consul would take a value of a size does not. */
export function isWrite(method: string, url: string): boolean {
  return method === 'PUT' && !url.includes(`cas=${Number.MAX_SAFE_INTEGER}`);
}
