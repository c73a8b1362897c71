import { ExplainedError } from '../errors';

/** Types of the failures that activities end with: a closed set, explained in docs/operating.md. */
export type FailureType =
  | 'ConfigChanged'
  | 'Conflict'
  | 'BucketTooLarge'
  | 'MountMissing'
  | 'MountChanged'
  | 'NotKv2'
  | 'OriginInfoGone'
  | 'StoredInfoDamaged'
  | 'VaultForbidden'
  | 'VaultUnavailable'
  | 'VaultRejected'
  | 'ConsulForbidden'
  | 'ConsulUnavailable'
  | 'ConsulRejected'
  | 'WorkerShutdown'
  | 'Internal';

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
