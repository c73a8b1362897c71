import { FRESH_MS } from '../limits';

/**
 * When somebody began to look at the two ends, to act upon what was seen.
 *
 * Check-and-set does not tell everything: a value that was changed and changed back, or a delete that was undone,
 * leaves the version at the destination as it was. A worker that was stopped between its look and its write, and was
 * thought dead meanwhile, would undo what the next one made of it. So what was seen is only good for so long.
 */
export class Look {
  private readonly wallMs = Date.now();
  private readonly steadyMs = performance.now();

  /** By both clocks, because one may be set back, and the other may stand still while a machine sleeps. */
  isFresh(): boolean {
    return Math.max(Date.now() - this.wallMs, performance.now() - this.steadyMs) < FRESH_MS;
  }
}
