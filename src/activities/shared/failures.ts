import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { ActivityError, type FailureType, type ValueClass } from '../../contract/failures';
import { ConsulError, StoredInfoError, type ConsulErrorKind } from '../../consul/errors';
import { MetadataError } from '../../rules/insight';
import { TimeError } from '../../rules/time';
import { VaultError, type VaultErrorKind } from '../../vault/errors';

const VAULT_TYPES: Readonly<Record<VaultErrorKind, [FailureType, retryable: boolean]>> = {
  absent: ['VaultRejected', false],
  'no-mount': ['MountMissing', false],
  // The policy may come soon; an expired token needs an operator. The cycle ends, and the next one tries again.
  forbidden: ['VaultForbidden', false],
  conflict: ['Conflict', false],
  throttled: ['VaultUnavailable', true],
  sealed: ['VaultUnavailable', true],
  unavailable: ['VaultUnavailable', true],
  'too-large': ['VaultRejected', false],
  malformed: ['VaultUnavailable', true],
  rejected: ['VaultRejected', false],
  cancelled: ['WorkerShutdown', true],
};

const CONSUL_TYPES: Readonly<Record<ConsulErrorKind, [FailureType, retryable: boolean]>> = {
  forbidden: ['ConsulForbidden', false],
  unavailable: ['ConsulUnavailable', true],
  'too-large': ['BucketTooLarge', false],
  malformed: ['ConsulUnavailable', true],
  rejected: ['ConsulRejected', false],
  cancelled: ['WorkerShutdown', true],
};

/**
 * Maps what an activity threw to a failure of the closed set. Failures are plain text in Temporal even where a codec
 * encrypts payloads, and a client library's error may hold a token: only our own messages pass, without cause and stack.
 */
export function toFailure(error: unknown): ApplicationFailure | CancelledFailure {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  const [type, retryable, message] = describe(error);
  const failure = ApplicationFailure.create({ type, message, nonRetryable: !retryable });
  failure.stack = '';
  return failure;
}

function describe(error: unknown): [FailureType, retryable: boolean, message: string] {
  if (error instanceof ActivityError) return [error.type, error.retryable, error.message];
  if (error instanceof VaultError) return [...VAULT_TYPES[error.kind], error.message];
  if (error instanceof ConsulError) return [...CONSUL_TYPES[error.kind], error.message];
  if (error instanceof StoredInfoError) return ['StoredInfoDamaged', false, error.message];
  // Without the message: a foreign error may contain anything. The worker's log has the frames at debug level.
  const name = error instanceof Error ? error.name : typeof error;
  return [
    'Internal',
    true,
    `unexpected ${name} in an activity; the worker's log says more with log.level debug`,
  ];
}

/**
 * Why a single path was left alone, where no request failed.
 *
 * - `outside-mounts`: it is below none of the configured mounts of the origin
 * - `no-data-path`: the transforms gave a path that is not a data path: it has no "/data/" behind a mount
 * - `mount-changed`: its mount at the origin was re-created, so that its absence proves nothing
 * - `stale`: the origin answered with an older version than the one that its sync info names
 * - `waits-for-settings`: its value expires, and would live for ever before its settings are written
 */
export class PathError extends Error {
  override readonly name = 'PathError';

  constructor(
    readonly reason: 'outside-mounts' | 'no-data-path' | 'mount-changed' | 'stale' | 'waits-for-settings',
    path: string,
  ) {
    super(`${path}: ${reason}`);
  }
}

/**
 * Class of a failure that is about one path, for an activity that goes on with the others.
 *
 * @throws the error itself after an abort, and if the whole Vault is down or lets nothing pass. Temporal retries the
 *   activity then; otherwise each of its secrets would be reported as failed
 */
export function failureOfPath(error: unknown, signal: AbortSignal): ValueClass {
  if (signal.aborted || (error instanceof VaultError && error.isOutage)) throw error;
  return pathFailureClass(error);
}

/** As {@link failureOfPath}, also during an outage. Throws on what is not about a path. */
export function pathFailureClass(error: unknown): ValueClass {
  if (error instanceof VaultError) return error.kind;
  if (error instanceof PathError) return error.reason;
  if (error instanceof TimeError || error instanceof MetadataError) return 'malformed';
  throw error;
}
