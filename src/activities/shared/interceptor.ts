import { activityInfo, cancellationDetails, cancellationSignal, heartbeat } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, Next } from '@temporalio/worker';
import type { Logger } from '../../log';
import { ReasonLog } from '../../reason-log';
import { forManyRequests } from '../../concurrency/abort';
import { ConsulError } from '../../consul/errors';
import { ActivityError } from '../../contract/failures';
import { FIRST_HEARTBEAT_MS, HEARTBEAT_MS, STEP_LOG_EVERY_MS, STEP_MARGIN_MS } from '../../limits';
import { VaultError } from '../../vault/errors';
import { toFailure } from './failures';

/** Latest progress of each running activity, by its workflow run and activity id. */
const progressOf = new Map<string, number>();

/** For the activity that calls it, to report its progress for each secret: shown with the next heartbeat. */
export function progressReporter(): (done: number) => void {
  const ofActivity = key();
  return (done) => {
    progressOf.set(ofActivity, done);
  };
}

function key(): string {
  const { activityId, workflowExecution } = activityInfo();
  return `${workflowExecution?.runId ?? ''}/${activityId}`;
}

/**
 * The log of failed attempts, one for all activities of a sync: Temporal retries a step many times a minute, and equal
 * lines would bury the others.
 */
export class StepLog {
  private readonly reasons: ReasonLog;

  constructor(
    private readonly log: Logger,
    now?: () => number,
  ) {
    this.reasons = new ReasonLog(log, now, STEP_LOG_EVERY_MS);
  }

  failed(error: unknown, message: string): void {
    const { activityType, attempt, workflowExecution } = activityInfo();
    const fields = { activityType, attempt, cycle: workflowExecution?.workflowId };
    const isReported = error instanceof VaultError && error.isOutage;
    // To be stopped is part of normal life, and the worker has one line of its own when a Vault goes down.
    if (cancellationSignal().aborted || isReported) this.log.debug(fields, message);
    else this.reasons.warn(message, message, fields);
    this.log.debug({ activityType, thrown: whereFrom(error) }, 'where it came from');
  }
}

/** Around every activity: heartbeats, which also bring its cancellation, and the mapping of errors to failures to show. */
export class ActivityInterceptor implements ActivityInboundCallsInterceptor {
  constructor(private readonly log: StepLog) {}

  async execute(
    input: ActivityExecuteInput,
    next: Next<ActivityInboundCallsInterceptor, 'execute'>,
  ): Promise<unknown> {
    const beat = (): void => {
      heartbeat({ done: progressOf.get(key()) ?? 0 });
    };
    // A local activity has none: it is part of a workflow task, and Temporal does not know it.
    const { isLocal } = activityInfo();
    const timer = isLocal ? undefined : setInterval(beat, HEARTBEAT_MS);
    // Soon, so that a cancel reaches it. Not at once: most activities are over by then, and each heartbeat is a write
    // in Temporal.
    const first = isLocal ? undefined : setTimeout(beat, FIRST_HEARTBEAT_MS);
    try {
      return await next(input);
    } catch (error) {
      const failure = this.failure(error);
      this.log.failed(error, failure.message);
      throw failure;
    } finally {
      clearInterval(timer);
      clearTimeout(first);
      progressOf.delete(key());
    }
  }

  private failure(error: unknown): ApplicationFailure | CancelledFailure {
    if (!cancellationSignal().aborted) return toFailure(error);
    if (cancellationDetails()?.workerShutdown === true) {
      // No decision is made by a worker that goes away: the workflow stays open, and the next worker goes on.
      return ApplicationFailure.create({
        type: 'WorkerShutdown',
        message: 'the worker shut down; another one goes on',
        nonRetryable: false,
      });
    }
    const reason: unknown = cancellationSignal().reason;
    return reason instanceof CancelledFailure ? reason : new CancelledFailure('cancelled');
  }
}

/** Name and stack frames of an error, without its message: that of a foreign error may contain anything. */
function whereFrom(error: unknown): { name: string; frames: string[] } {
  if (!(error instanceof Error)) return { name: typeof error, frames: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { name: error.name, frames };
}

/** Runs a step before the work of a cycle. When its time is over, the failure names the server and path it waited for. */
export async function beforeWork<T>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const info = activityInfo();
  // Both times are Temporal's: this machine's clock may differ.
  const spentMs = Math.max(0, info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs);
  const leftMs = Math.max(info.scheduleToCloseTimeoutMs - spentMs - STEP_MARGIN_MS, 0);
  const tooLate = new AbortController();
  const timer = setTimeout(tooLate.abort.bind(tooLate), leftMs);
  const either = forManyRequests(AbortSignal.any([signal, tooLate.signal]));
  try {
    return await work(either);
  } catch (error) {
    if (signal.aborted || !tooLate.signal.aborted) throw error;
    throw notInTime(error, info.scheduleToCloseTimeoutMs) ?? error;
  } finally {
    clearTimeout(timer);
  }
}

function notInTime(error: unknown, mostMs: number): ActivityError | undefined {
  const words =
    `no answer yet when the ${mostMs / 1000} s for this step were over, which requestTimeout does not extend. Look at ` +
    'this server and the way to it: each answer has to come within a few seconds';
  if (error instanceof VaultError && error.kind === 'cancelled')
    return new ActivityError('VaultUnavailable', `Vault ${error.address}: ${error.path}: ${words}`);
  if (error instanceof ConsulError && error.kind === 'cancelled')
    return new ActivityError('ConsulUnavailable', `Consul ${error.address}: ${error.key}: ${words}`);
  return undefined;
}
