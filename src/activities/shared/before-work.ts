import { activityInfo } from '@temporalio/activity';
import { ConsulError } from '../../consul/errors';
import { VaultError } from '../../vault/errors';
import { forManyRequests } from '../../concurrency/abort';
import { ActivityError } from '../../contract/failures';
import { STEP_MARGIN_MS } from '../../limits';

/**
 * Runs a step before the work of a cycle. When its time is over, the failure names the server and the path that it
 * still waited for.
 *
 * @throws what the work threw, or ActivityError
 */
export async function beforeWork<T>(
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const info = activityInfo();
  // Both times are Temporal's: this machine's clock may differ.
  const spentMs = Math.max(0, info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs);
  const tooLate = new AbortController();
  const timer = setTimeout(
    () => {
      tooLate.abort();
    },
    Math.max(info.scheduleToCloseTimeoutMs - spentMs - STEP_MARGIN_MS, 0),
  );
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
