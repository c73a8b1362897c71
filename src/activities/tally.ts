import { MAX_FAILURES, type Counts, type PathFailure, type Tally } from '../workflows/messages';

/** Collects what an activity did. */
export class TallyBuilder {
  private readonly counts: Partial<Counts> = {};
  private readonly failures: Tally['failures'] = [];

  count(what: keyof Counts, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Records a path that went wrong, as `failed` or `unknown`. */
  fail(path: string, failureClass: string, as: 'failed' | 'unknown' = 'failed'): void {
    this.count(as);
    this.name({ path, class: failureClass });
  }

  /** Records a secret that is not copied because of another path. */
  refuse(path: string, why: string, other: string): void {
    this.count('failed');
    this.name({ path, class: why, with: other });
  }

  /** Names a path of which an operator should know, although nothing went wrong. */
  note(path: string, what: string): void {
    this.name({ path, class: what });
  }

  private name(failure: PathFailure): void {
    if (this.failures.length < MAX_FAILURES) this.failures.push(failure);
  }

  /** Number of secrets dealt with so far, for the heartbeat. */
  get progress(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  result(): Tally {
    return { counts: this.counts, failures: this.failures };
  }
}
