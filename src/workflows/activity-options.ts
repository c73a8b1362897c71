import {
  ActivityCancellationType,
  workflowInfo,
  type ActivityOptions,
  type RetryPolicy,
} from '@temporalio/workflow';
import { sharedQueue } from '../contract/shared-queue';
import { VERIFY_TIMEOUT_MS } from '../limits';

/**
 * Every timeout, retry policy and heartbeat of the activities, with its reason. Activities are bounded by time
 * (schedule to close), not by attempts, because each restart of a worker uses up one.
 */

/** Longer than three heartbeats of an activity (2.5 s each); how long a dead worker goes unnoticed. */
const HEARTBEAT_TIMEOUT_MS = 10_000;

/** Given to the cleanup of a cycle. It starts when every other activity has ended. */
export const CLEANUP_MS = 60_000;

/** Outages of Vault and Consul pass in seconds or minutes: asked again soon at first, then twice a minute. */
const RETRY: RetryPolicy = {
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '30s',
};

/** What all activities have in common. */
const COMMON = {
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  retry: RETRY,
  // Wait until the activity has really stopped: the default gives up waiting at once, and a copy would go on
  // behind the back of the cycle's cleanup.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
} satisfies ActivityOptions;

/** The work of a cycle: may take as long as the cycle, and a little longer, so that the cycle's own timer decides. */
export function workOptions(cycleTimeoutMs: number): ActivityOptions {
  return { ...COMMON, scheduleToCloseTimeout: cycleTimeoutMs + CLEANUP_MS };
}

/**
 * One part of the work that is split. On a queue of its own, from which each worker takes few at a time: what waits
 * there is for whichever worker is free first, and no look, cleanup or watch waits behind it.
 */
export function sharedOptions(cycleTimeoutMs: number): ActivityOptions {
  return { ...workOptions(cycleTimeoutMs), taskQueue: sharedQueue(workflowInfo().taskQueue) };
}

/** Looks before the work: if a server cannot even be asked, the cycle fails soon, and says so; the next tick tries again. */
export const LOOK_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '30s' };

/** The last step of a cycle, which also runs after a timeout or a cancel. */
export const CLEANUP_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: CLEANUP_MS };

/** A question to the worker's own memory, for the note of a cycle that ran out of time. Without an answer it says less. */
export const NOTE_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '10s' };

/** The work of a verify: its run has the same bound. */
export const VERIFY_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: VERIFY_TIMEOUT_MS };

/** A look at two keys in Consul and one schedule. If it cannot be done within a minute, the watch looks again later. */
export const WAKE_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: '1m' };

/** How long one run of the watch lasts before it continues as new. */
export const WATCH_RUN_MS = 12 * 3600 * 1000;

/** The long poll lasts as long as the run of its workflow; a failed one begins again, at most every half minute. */
export const WATCH_OPTIONS: ActivityOptions = { ...COMMON, scheduleToCloseTimeout: 2 * WATCH_RUN_MS };
