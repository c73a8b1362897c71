/** What pushChanges passes through Temporal: changed paths of the origin on their way to a destination's worker. */

/** Name of the update "these secrets have changed". */
export const PUSH_UPDATE = 'push';

/** Input of pushChanges. It does not depend on the configuration, so a change of that needs no restart. */
export interface PushInput {
  v: 1;
  name: string;
}

/** Data path at the origin, and its insight as the origin's worker read it. */
export type PushedSecret = [path: string, version: number, updateTime: string];

/** At most 256 secrets, and 64 KiB. A path is not secret; through Consul it would be on its way much longer. */
export interface PushBatch {
  v: 1;
  secrets: PushedSecret[];
}

/** Why a whole batch is left to the next cycle; `unavailable` also if the time was over for a part of it. */
export const PUSH_REFUSALS = [
  'paused',
  'no-schedule',
  'other-configuration',
  'claims-move',
  'mount-changed',
  'clone',
  'torn',
  'unavailable',
] as const;
export type PushRefusal = (typeof PUSH_REFUSALS)[number];

export interface PushResult {
  v: 1;
  /** Secrets that the destination has now as the batch names them. */
  there: number;
  /** Secrets for the next cycle. */
  left: number;
  why?: PushRefusal;
}

export interface PushActivities {
  readonly pushSecrets: (input: PushBatch) => Promise<PushResult>;
}
