import { ExplainedError } from '../errors';

/** Types of the failures that activities end with: a closed set (docs/operating.md). */
export const FAILURE_TYPES = [
  'ConfigChanged',
  'Conflict',
  'BucketTooLarge',
  'MountMissing',
  'MountChanged',
  'NotKv2',
  'OriginInfoGone',
  'StoredInfoDamaged',
  'VaultForbidden',
  'VaultUnavailable',
  'VaultRejected',
  'ConsulForbidden',
  'ConsulUnavailable',
  'ConsulRejected',
  'WorkerShutdown',
  'Internal',
] as const;
export type FailureType = (typeof FAILURE_TYPES)[number];

/** Classes of what happened to a path: a closed set (docs/operating.md). `overwritten` and `kept` are not failures. */
export const PATH_CLASSES = [
  'absent',
  'cancelled',
  'collision',
  'conflict',
  'forbidden',
  'kept',
  'loop',
  'malformed',
  'mount-changed',
  'no-data-path',
  'no-mount',
  'only-copy',
  'outside-mounts',
  'overwritten',
  'rejected',
  'sealed',
  'stale',
  'throttled',
  'too-large',
  'torn-bucket',
  'unavailable',
  'waits-for-settings',
  'written-since',
] as const;

/** Class of a secret's value. */
export type ValueClass = (typeof PATH_CLASSES)[number];
/** `settings-…`: the settings of the path could not be copied, for the reason after it. */
export type PathClass = ValueClass | `settings-${ValueClass}`;

/** A failure with its type. Temporal tries a retryable one again. */
export class ActivityError extends ExplainedError {
  override readonly name = 'ActivityError';

  constructor(
    readonly type: FailureType,
    message: string,
    readonly retryable = false,
  ) {
    super(message);
  }
}
