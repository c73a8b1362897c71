import { ExplainedError } from '../errors';

/** Types of the failures that activities end with: a closed set, explained in docs/operating.md. */
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

/**
 * Classes of what happened to a single path: a closed set, explained in docs/operating.md. `overwritten` and `kept` are
 * no failures. A failure to copy the settings of a path has the class after `settings-`.
 */
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
/** Without the ones for settings. */
export type ValueClass = (typeof PATH_CLASSES)[number];
export type PathClass = ValueClass | `settings-${ValueClass}`;

/** A failure of our own that names its type and whether another attempt can help. */
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
