import type { Location } from '../../../rules/paths';
import type { RequestOptions } from '../../../vault/client';
import { VaultError, type VaultErrorKind } from '../../../vault/errors';
import type { Kv2 } from '../../../vault/kv2';
import { FRESH_MS, WRITE_ATTEMPTS } from '../../../limits';

/**
 * When the origin was last asked, for a write that depends on its answer. The time counts from the sending of the question
 * to the sending of the write, after all queues.
 *
 * Check-and-set does not detect everything: a value that was changed and changed back, or a delete that was undone,
 * leaves the version at the destination as it was. A worker that was stopped between its question and its write, and was
 * given up meanwhile, would undo the work of the next one. So an answer may be acted upon for a few seconds only.
 */
export class Freshness {
  private wallMs = Date.now();
  private steadyMs = performance.now();

  /** To be called when the question is sent: {@link RequestOptions}. */
  readonly begin = (): void => {
    this.wallMs = Date.now();
    this.steadyMs = performance.now();
  };

  /** By both clocks: one can be set back, and the other can stop while a machine sleeps. */
  isFresh(): boolean {
    return Math.max(Date.now() - this.wallMs, performance.now() - this.steadyMs) < FRESH_MS;
  }

  /** Options of the write. If the answer is too old when the write leaves the queues, it fails as `cancelled`. */
  writing({ client }: Kv2, path: string, signal: AbortSignal): RequestOptions {
    const onSend = (): void => {
      // Like a request that is not wanted any more: it says nothing about the health of the Vault.
      if (!this.isFresh())
        throw new VaultError('cancelled', client.address, path, 'the answer of the origin is too old');
    };
    return { signal, onSend };
  }
}

/** What follows from the answer of the origin: nothing has to be written, or one write. */
export type Decision<There, Done> =
  | { readonly done: Done }
  | {
      readonly freshness: Freshness;
      /** Writes with check-and-set against the version that was read. */
      readonly write: (writing: RequestOptions) => Promise<Done>;
      /** After a write without an answer: the result, if what is there now is what was sent. */
      readonly arrived?: (now: There) => Done | undefined;
    };

/** The steps of a write at the destination. */
export interface FreshWrite<There, Done> {
  /** Reads the destination's version. */
  readonly read: () => Promise<There>;
  /** The version, where it is known without reading: used in the first attempt. */
  readonly known?: { readonly there: There };
  /** Asks the origin, and decides. */
  readonly decide: (there: There) => Promise<Decision<There, Done>>;
  /** Failures of the write after which everything is read again. */
  readonly retried: readonly VaultErrorKind[];
}

/**
 * The loop of every write and delete at the destination: read its version, ask the origin, write with check-and-set. The
 * reader that comes last wins, so a worker that was given up and comes back undoes nothing. If the answer grew too old
 * before the write could be sent, or another client wrote first, everything is read again, a few times.
 *
 * @throws VaultError `unavailable` if every attempt was too slow
 */
export async function writeFresh<There, Done>(
  { vault, place, signal }: { vault: Kv2; place: Location; signal: AbortSignal },
  { read, known, decide, retried }: FreshWrite<There, Done>,
): Promise<Done> {
  const path = place.mount + place.rel;
  let there = known === undefined ? await read() : known.there;
  for (let attempt = 1; ; attempt++) {
    const decision = await decide(there);
    if ('done' in decision) return decision.done;
    try {
      return await decision.write(decision.freshness.writing(vault, path, signal));
    } catch (error) {
      if (!(error instanceof VaultError) || signal.aborted) throw error;
      const isTooOld = error.kind === 'cancelled';
      if (!isTooOld && !retried.includes(error.kind)) throw error;
      if (attempt === WRITE_ATTEMPTS) throw isTooOld ? tooSlow(vault, path) : error;
      there = await read();
      const done = error.kind === 'unavailable' ? decision.arrived?.(there) : undefined;
      if (done !== undefined) return done;
    }
  }
}

function tooSlow({ client }: Kv2, path: string): VaultError {
  const detail = `from the question to the origin until this request could be sent it took longer than ${FRESH_MS / 1000} s; it was not sent`;
  const error = new VaultError('unavailable', client.address, path, detail);
  error.side = 'destination';
  return error;
}
