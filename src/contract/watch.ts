/** What watchOrigin passes through Temporal. */

/** Input of watchOrigin. It does not depend on the configuration, so a change of that needs no restart of the watch. */
export interface WatchInput {
  v: 1;
  name: string;
}

/** Name of the signal "the origin's index may have changed". */
export const ORIGIN_CHANGED = 'originChanged';

export interface OriginChangedSignal {
  v: 1;
}

export interface WakeDestinationInput {
  v: 1;
  /** Ask for one more cycle even if one is running: it may have compared before the change. */
  whileRunning: boolean;
}

export interface WakeDestinationResult {
  v: 1;
  /**
   * - `considered`: the destination has handled the origin's current index. The watch waits for the next signal.
   * - `triggered`: a cycle was asked for.
   * - `running`: a cycle is running.
   * - `paused`: the schedule is paused.
   * - `waiting`: the origin has no sync info, or there is no schedule.
   *
   * After all but the first the watch asks again.
   */
  action: 'considered' | 'triggered' | 'running' | 'paused' | 'waiting';
  /** Longest time until the watch asks again, in milliseconds: the destination's tick. */
  maxWaitMs: number;
}

/** What watchOrigin asks of a worker. */
export interface WatchActivities {
  /** Polls Consul, and signals `originChanged`. Ends only when it is cancelled. */
  readonly watchIndex: (input: WatchInput) => Promise<void>;
  readonly wakeDestination: (input: WakeDestinationInput) => Promise<WakeDestinationResult>;
}
