import {
  ApplicationFailure,
  ActivityFailure,
  CancellationScope,
  isCancellation,
  log,
  setCurrentDetails,
  sleep,
  TimeoutFailure,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import {
  NO_COUNTS,
  type Counts,
  type CycleResult,
  type Outcome,
  type PathFailure,
  type Tally,
  type TellOutagesResult,
} from '../contract/messages';
import { MAX_FAILURES } from '../limits';

/**
 * What both kinds of cycle have in common: the timer, the counts, the durations of the steps, and the words for
 * the end.
 */
export class Cycle {
  readonly counts: Counts = { ...NO_COUNTS };
  private readonly failures: PathFailure[] = [];
  private readonly durationsMs: Record<string, number> = {};
  private timedOut = false;

  /**
   * Runs the work of the cycle, and cancels it when the time is over.
   *
   * A timer of our own, and not the workflow's run timeout: that would skip the cleanup. The flag is needed,
   * because from a cancelled activity a timeout and an operator's cancel look alike.
   *
   * @returns how the work ended; the workflow throws an operator's cancel only after its cleanup
   * @throws what the work threw, if it was no cancellation
   */
  async run(timeoutMs: number, work: () => Promise<void>): Promise<'finished' | 'timed-out' | 'cancelled'> {
    const timer = new CancellationScope();
    const scope = new CancellationScope();
    const timeUp = timer
      .run(() => sleep(timeoutMs))
      .then(() => {
        this.timedOut = true;
        scope.cancel();
      })
      .catch(() => undefined); // the work was done in time, or the whole workflow was cancelled
    try {
      await scope.run(work);
      // Activities that save what they did end well even though they were cancelled.
      if (scope.consideredCancelled) return this.timedOut ? 'timed-out' : 'cancelled';
      return 'finished';
    } catch (error) {
      // An activity whose worker died while it was being cancelled ends as a timeout of its heartbeat.
      if (this.timedOut) return 'timed-out';
      if (isCancellation(error) || scope.consideredCancelled) return 'cancelled';
      throw error;
    } finally {
      timer.cancel();
      await timeUp;
    }
  }

  /** Runs one step, and notes how long it took and (for the web UI) that it is being done. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    setCurrentDetails(name);
    const startedMs = Date.now();
    try {
      return await work();
    } finally {
      this.durationsMs[name] = Date.now() - startedMs;
    }
  }

  add({ counts, failures }: Tally): void {
    for (const [what, by] of Object.entries(counts) as [keyof Counts, number][]) this.counts[what] += by;
    this.failures.push(...failures.slice(0, MAX_FAILURES - this.failures.length));
  }

  /** The outcome of work that ended by itself. */
  outcome(changed: boolean): Outcome {
    if (this.counts.failed > 0 || this.counts.unknown > 0) return 'partial';
    return changed ? 'synced' : 'unchanged';
  }

  /**
   * The words for a cycle that ran out of time: with the outages of Vault that it has waited for, if its worker can
   * tell them.
   *
   * @param words what has become of the work
   */
  async endTimedOut(
    words: string,
    tellOutages: (sinceMs: number) => Promise<TellOutagesResult>,
  ): Promise<CycleResult> {
    const told = await CancellationScope.nonCancellable(() =>
      tellOutages(workflowInfo().startTime.getTime()),
    ).catch(() => undefined);
    const waited = (told?.outages ?? []).map((outage) => `waited for ${outage}`);
    return this.end('timed-out', [words, ...waited].join('; '));
  }

  /** The result of the workflow, and the same in short for whoever looks at it in a list. */
  end(outcome: Outcome, note?: string): CycleResult {
    const { counts, failures, durationsMs } = this;
    upsertMemo({ outcome, ...counts });
    const done = Object.entries(counts).filter(([, count]) => count > 0);
    log.info(
      `${workflowInfo().workflowId}: ${[outcome, ...done.map(([what, count]) => `${what} ${count}`)].join(', ')}`,
    );
    setCurrentDetails(note === undefined ? outcome : `${outcome}: ${note}`);
    return { v: 1, outcome, counts, failures, durationsMs, ...(note === undefined ? {} : { note }) };
  }
}

/**
 * Turns whatever ended a cycle into a failure of the workflow. A plain error in a workflow would be retried for
 * ever as a bug of the worker, and the next tick starts a new cycle anyway.
 */
export function cycleFailure(error: unknown): ApplicationFailure {
  const words = error instanceof ActivityFailure ? [error.activityType] : [];
  let cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    words.push('not done in time');
    // The failure of the last attempt says why it took so long.
    cause = cause.cause;
  }
  if (cause instanceof Error) words.push(cause.message);
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Internal') : 'Internal';
  return ApplicationFailure.nonRetryable(words.join(': '), type);
}
