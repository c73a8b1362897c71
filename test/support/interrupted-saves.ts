import type { Fault } from './fault-proxy';

/**
 * A write that fails and is not carried out, and one that is carried out although it seems to fail. Not a connection that
 * is closed: after it the client looks what became of the write.
 */
export const INTERRUPTIONS: [what: string, fault: Fault][] = [
  ['failed', { status: 500 }],
  ['lost', { status: 500, isCarriedOut: true }],
];

/** Whether a request to Consul writes, and is not the question whether a value of its size would be taken. */
export function isWrite(method: string, url: string): boolean {
  return method === 'PUT' && !url.includes(`cas=${Number.MAX_SAFE_INTEGER}`);
}
