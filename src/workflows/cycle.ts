import {
  ApplicationFailure,
  ActivityFailure,
  CancellationScope,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  sleep,
  TimeoutFailure,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import {
  describeFailure,
  NO_COUNTS,
  type Counts,
  type CycleInput,
  type CycleResult,
  type Outcome,
  type PathFailure,
  type CycleReport,
  type CycleActivities,
  type WithDispatchWidth,
} from '../contract/cycle';
import { MAX_FAILURES } from '../limits';
import { formatDuration } from '../rules/time';
import { NOTE_OPTIONS } from './activity-options';

/** Outcomes that an operator should see in a log that has only warnings. */
const LOG_LEVELS: Readonly<Record<Outcome, 'info' | 'warn' | 'error'>> = {
  synced: 'info',
  unchanged: 'info',
  cancelled: 'info',
  partial: 'warn',
  held: 'warn',
  'timed-out': 'warn',
  failed: 'error',
};

/** Failed paths in a line of the log. The field `failures` has more. */
const LOGGED_FAILURES = 3;

/** What both kinds of cycle have in common: the timer, the counts, the durations of the steps, and the result. */
export class Cycle {
  readonly counts: Counts = { ...NO_COUNTS };
  private readonly failures: PathFailure[] = [];
  private readonly durationsMs: Record<string, number> = {};
  private timedOut = false;
  /** Of the changes that were not copied; Infinity if there is none. */
  private oldestMs = Infinity;

  constructor(private readonly input: Pick<CycleInput, 'name'>) {}

  /**
   * Runs the work of the cycle, and cancels it when the time is over. The workflow's run timeout would skip the cleanup,
   * so this is a timer. It sets a flag, because a timeout and an operator's cancel look alike to the caller of a
   * cancelled activity. After an operator's cancel the workflow throws only when its cleanup is done.
   *
   * @throws what the work threw, unless it was a cancellation
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
      // A cancelled activity that saves what it did returns a result.
      if (scope.consideredCancelled) return this.timedOut ? 'timed-out' : 'cancelled';
      return 'finished';
    } catch (error) {
      // A cancelled activity whose worker died ends with a timeout of its heartbeat.
      if (this.timedOut) return 'timed-out';
      if (isCancellation(error) || scope.consideredCancelled) return 'cancelled';
      throw error;
    } finally {
      timer.cancel();
      await timeUp;
    }
  }

  /** Runs one step, notes its duration, and shows its name in the web UI. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    setCurrentDetails(name);
    const startedMs = Date.now();
    try {
      return await work();
    } finally {
      this.durationsMs[name] = Date.now() - startedMs;
    }
  }

  /** @throws ApplicationFailure `ConfigChanged` on counts of another version */
  add({ counts, failures }: CycleReport): void {
    for (const [what, by] of Object.entries(counts) as [keyof Counts, number][]) {
      const sum = this.counts[what] + by;
      // NaN would be saved as null, and no version could read that state.
      if (!Number.isFinite(sum)) throw otherVersion();
      this.counts[what] = sum;
    }
    this.failures.push(...failures.slice(0, MAX_FAILURES - this.failures.length));
  }

  /** The outcome of work that ended by itself. */
  outcome(changed: boolean): Outcome {
    if (this.counts.failed > 0 || this.counts.unknown > 0) return 'partial';
    return changed ? 'synced' : 'unchanged';
  }

  /** Its note names the outages that the cycle waited for, if its worker reports them. @param words of the work */
  async endTimedOut({ fingerprint }: CycleInput, words: string): Promise<CycleResult> {
    const { reportOutages } = proxyActivities<CycleActivities>(NOTE_OPTIONS);
    const sinceMs = workflowInfo().startTime.getTime();
    const reported = await CancellationScope.nonCancellable(() =>
      reportOutages({ v: 1, fingerprint, sinceMs }),
    ).catch(() => undefined);
    const waited = (reported?.outages ?? []).map((outage) => `waited for ${outage}`);
    return this.end('timed-out', [words, ...waited].join('; '));
  }

  /** Notes the time of a change that was not copied, in milliseconds since the epoch. */
  noteBehind(changedMs: number): void {
    this.oldestMs = Math.min(this.oldestMs, changedMs);
  }

  /** Makes the result of the workflow, and shows it in short in the memo, the log and the web UI. */
  end(outcome: Outcome, note?: string): CycleResult {
    const { counts, failures, durationsMs } = this;
    upsertMemo({ outcome, ...counts });
    this.logEnd(outcome, note);
    const shown = [...(note === undefined ? [] : [note]), ...this.lagText()].join('; ');
    setCurrentDetails(shown === '' ? outcome : `${outcome}: ${shown}`);
    return { v: 1, outcome, counts, failures, durationsMs, ...(note === undefined ? {} : { note }) };
  }

  /**
   * One line in the worker's log, with fields for machines. A cycle that failed or was cancelled has no result, so the
   * workflow calls it itself.
   */
  logEnd(outcome: Outcome, note?: string): void {
    const { counts, failures } = this;
    const { workflowId, runId, startTime } = workflowInfo();
    const done = Object.entries(counts).filter(([, count]) => count > 0);
    const named = failures.slice(0, LOGGED_FAILURES).map(describeFailure);
    const more = failures.length > named.length ? [`and ${failures.length - named.length} more paths`] : [];
    const reasons = [...(note === undefined ? [] : [note]), ...named, ...more].join('; ');
    const text = [outcome, ...done.map(([what, count]) => `${what} ${count}`)].join(', ');
    const vsync = {
      name: this.input.name,
      cycle: workflowId,
      runId,
      outcome,
      durationMs: Date.now() - startTime.getTime(),
      counts,
      failures,
      ...(note !== undefined && { note }),
    };
    log[LOG_LEVELS[outcome]](`${workflowId}: ${text}${reasons === '' ? '' : `: ${reasons}`}`, { vsync });
  }

  private lagText(): string[] {
    if (this.oldestMs === Infinity) return [];
    const seconds = Math.max(0, Math.floor((Date.now() - this.oldestMs) / 1000));
    return [`lag ${formatDuration(seconds * 1000)}`];
  }
}

/** The failure of a cycle in which workers of different versions took part: one cannot read what the other answers. */
function otherVersion(): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    'workers of two versions of vsync took part in this cycle, so it saves nothing: stop the workers of the older ' +
      'version; the next cycle starts over',
    'ConfigChanged',
  );
}

/** Temporal would retry a plain error in a workflow for ever, and the next tick starts a new cycle anyway. */
export function cycleFailure(error: unknown): ApplicationFailure {
  const words = error instanceof ActivityFailure ? [error.activityType] : [];
  let cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    words.push('not done in time');
    // The failure of the last attempt is the reason.
    cause = cause.cause;
  }
  if (cause instanceof Error) words.push(cause.message);
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Internal') : 'Internal';
  return ApplicationFailure.nonRetryable(words.join(': '), type);
}

/** A failed cycle in a line, as `vsync status` notes it. */
export function noteOf({ type, message }: ApplicationFailure): string {
  return `${type ?? 'Internal'}: ${message}`;
}

/**
 * Runs work for every item, in the order of the items, with at most `width` of them in flight. A result that names a
 * larger width raises it, because more workers have joined. The width never falls: a busy worker may not be seen.
 * Deterministic, unlike the pools for ordinary code. After a failure no further item begins, and running ones end.
 *
 * @throws the first failure; ApplicationFailure `ConfigChanged` if a worker of another version gave no width
 */
export async function dispatch<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<WithDispatchWidth>,
): Promise<void> {
  // With NaN nothing would begin, and the work would count as done.
  if (!Number.isFinite(width)) throw otherVersion();
  const failures: unknown[] = [];
  let next = 0;
  let most = width;
  let lanes = 0;
  const lane = async (): Promise<void> => {
    const others: Promise<void>[] = [];
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      try {
        const { dispatchWidth = 0 } = await work(item);
        most = Math.max(most, dispatchWidth);
      } catch (error) {
        failures.push(error);
      }
      others.push(...newLanes());
    }
    await Promise.all(others);
  };
  const newLanes = (): Promise<void>[] => {
    const begun: Promise<void>[] = [];
    while (lanes < Math.min(most, items.length)) {
      lanes += 1;
      begun.push(lane());
    }
    return begun;
  };
  await Promise.all(newLanes());
  if (failures.length > 0) throw failures[0];
}
