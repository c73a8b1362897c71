import {
  ActivityCancellationType,
  workflowInfo,
  type ActivityOptions,
  type LocalActivityOptions,
  type RetryPolicy,
} from '@temporalio/workflow';
import { sharedQueue } from '../contract/cycle';
import { VERIFY_TIMEOUT_MS } from '../limits';

/*
 * Every timeout, retry policy and heartbeat of the activities, with its reason. Activities are bounded by time
 * (schedule to close), not by attempts, because each restart of a worker uses up one.
 */

/** Longer than three heartbeats of an activity (2.5 s each). A dead worker is noticed after this time. */
const HEARTBEAT_TIMEOUT_MS = 10_000;

/** For the cleanup of a cycle. It starts when every other activity has ended. */
const CLEANUP_MS = 60_000;

/** Outages of Vault and Consul last seconds or minutes: soon again at first, then twice a minute. */
const RETRY: RetryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
};

/** Common to all activities. */
const COMMON = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: RETRY,
  // The default does not wait for the end of a cancelled activity: a copy would go on during the cycle's cleanup.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions;

/** The work of a cycle. A little more time than the cycle has, so that the cycle's own timer decides. */
export function workOptions(cycleTimeoutMs: number): ActivityOptions {
  return { ...COMMON, scheduleToCloseTimeout: cycleTimeoutMs + CLEANUP_MS };
}

/**
 * One part of the work that is split. Each worker takes few at a time from the shared queue, so that a waiting part
 * goes to the first free worker, and no preflight, cleanup or watch waits behind it.
 */
export function sharedOptions(cycleTimeoutMs: number): ActivityOptions {
  return { ...workOptions(cycleTimeoutMs), taskQueue: sharedQueue(workflowInfo().taskQueue) };
}

/** Steps before the work. If a server does not answer, the cycle soon fails and says so; the next tick tries again. */
export const PREFLIGHT_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '30s' };

/** The last step of a cycle, which also runs after a timeout or a cancel. */
export const CLEANUP_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: CLEANUP_MS };

/** Reads the worker's own memory, for the note of a cycle that timed out. Without an answer the note is shorter. */
export const NOTE_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '10s' };

/** The work of a verify. Its run has the same bound. */
export const VERIFY_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: VERIFY_TIMEOUT_MS };

/** Reads two keys in Consul and one schedule. After a minute the watch gives up, and asks again later. */
export const WAKE_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '1m' };

/**
 * A push ends itself after 4 s (PUSH_WORK_MS); this is only in case that it does not. A local activity has no heartbeat,
 * and this one is not repeated: the next cycle brings what is left.
 */
export const PUSH_OPTIONS: LocalActivityOptions = {
  startToCloseTimeout: '20s',
  retry: { maximumAttempts: 1 },
};

/** How long one run of the watch lasts before it continues as new. */
export const WATCH_RUN_MS = 12 * 3600 * 1000;

/** The long poll lasts as long as the run of its workflow. A failed one begins again, at most twice a minute. */
export const WATCH_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: 2 * WATCH_RUN_MS };
