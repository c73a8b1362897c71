import { forManyRequests } from '../concurrency/abort';
import { cancellationSignal, Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { sharedQueue, type ActivityInput, type WithDispatchWidth } from '../contract/cycle';
import type { DestinationActivities, WatchActivities } from '../contract/destination';
import type { OriginActivities } from '../contract/origin';
import type { VerifyActivities } from '../contract/verify';
import { taskQueue, type Role } from '../contract/ids';
import { beforeWork } from './shared/before-work';
import { beginVerify } from './destination/verify/begin-verify';
import { copySecrets } from './destination/copy/copy-secrets';
import { deleteOrphans } from './destination/deletes/delete-orphans';
import type { DestinationDeps } from './destination/base/deps';
import { diffIndices } from './destination/cycle/diff-indices';
import { guardDeletes } from './destination/deletes/guard-deletes';
import { listExtras } from './destination/verify/list-extras';
import { listFolders } from './destination/verify/list-folders';
import { listUnpublished } from './destination/verify/list-unpublished';
import { moveClaims } from './destination/claims/move-claims';
import { preflight as destinationPreflight } from './destination/cycle/preflight';
import { saveSyncInfo as saveDestinationInfo } from './destination/cycle/save-sync-info';
import { verifySecrets } from './destination/verify/verify-secrets';
import { wakeDestination, watchIndex } from './destination/watch/watch';
import { ActivityError } from '../contract/failures';
import { progressReporter } from './shared/interceptor';
import type { OriginDeps } from './origin/deps';
import { fetchMetadata } from './origin/fetch-metadata';
import { listPaths } from './origin/list-paths';
import { preflight as originPreflight } from './origin/preflight';
import { saveSyncInfo as saveOriginInfo } from './origin/save-sync-info';
import { reportOutages } from './shared/outages';
import { DispatchWidth } from './shared/dispatch-width';

/** The activities of one origin, bound to its clients. */
export function createOriginActivities(deps: OriginDeps): OriginActivities {
  const check = (input: ActivityInput): AbortSignal => begin(input, deps, deps.config.name);
  const withWidth = dispatchWidthOf('origin', deps.config.name);
  return {
    async preflight(input) {
      return beforeWork(check(input), (signal) => originPreflight(deps, signal));
    },
    async listPaths(input) {
      return withWidth(await listPaths(deps, check(input), progressReporter()));
    },
    async fetchMetadata(input) {
      return withWidth(await fetchMetadata(deps, input, check(input), progressReporter()));
    },
    async saveSyncInfo(input) {
      return saveOriginInfo(deps, input, check(input));
    },
    reportOutages(input) {
      check(input);
      return Promise.resolve(reportOutages([deps.vault], input));
    },
  };
}

/** The activities of one destination and its watch, bound to its clients. */
export function createDestinationActivities(
  deps: DestinationDeps,
): DestinationActivities & VerifyActivities & WatchActivities {
  const check = (input: ActivityInput): AbortSignal => begin(input, deps, deps.config.name);
  const withWidth = dispatchWidthOf('destination', deps.config.name);
  return {
    async preflight(input) {
      return beforeWork(check(input), (signal) => destinationPreflight(deps, signal));
    },
    async diffIndices(input) {
      return beforeWork(check(input), (signal) => diffIndices(deps, input, signal));
    },
    async moveClaims(input) {
      return moveClaims(deps, input, check(input));
    },
    async guardDeletes(input) {
      const result = await guardDeletes(deps, input, check(input));
      return result.work === undefined ? result : { ...result, work: await withWidth(result.work) };
    },
    async copySecrets(input) {
      const signal = check(input);
      const isRepeated = Context.current().info.attempt > 1;
      return withWidth(await copySecrets(deps, input, signal, progressReporter(), isRepeated));
    },
    async deleteOrphans(input) {
      return deleteOrphans(deps, input, check(input));
    },
    async saveSyncInfo(input) {
      const signal = check(input);
      const run = Context.current().info.workflowExecution?.runId ?? '';
      return saveDestinationInfo(deps, input, signal, run);
    },
    reportOutages(input) {
      check(input);
      return Promise.resolve(reportOutages([deps.originVault, deps.vault], input));
    },
    async beginVerify(input) {
      return beforeWork(check(input), (signal) => beginVerify(deps, input, signal));
    },
    async verifySecrets(input) {
      return verifySecrets(deps, input, check(input), progressReporter());
    },
    async listFolders(input) {
      return listFolders(deps, check(input));
    },
    async listExtras(input) {
      return listExtras(deps, input, check(input), progressReporter());
    },
    async listUnpublished(input) {
      return listUnpublished(deps, check(input), progressReporter());
    },
    async watchIndex(_input) {
      await watchIndex(deps, temporalClient(), cancellationSignal());
    },
    async wakeDestination({ whileRunning }) {
      return wakeDestination(deps, temporalClient(), { whileRunning }, cancellationSignal());
    },
  };
}

/** Adds to a result how many chunks or groups the cycle should have at work, if Temporal can tell. */
function dispatchWidthOf(role: Role, name: string): <T extends WithDispatchWidth>(result: T) => Promise<T> {
  const shares = new DispatchWidth(sharedQueue(taskQueue(role, name)));
  return async (result) => {
    const dispatchWidth = await shares.atOnce(temporalClient());
    return dispatchWidth === undefined ? result : { ...result, dispatchWidth };
  };
}

/** The worker's own connection, so that activities need no other address or credentials. */
function temporalClient(): Client {
  return Context.current().client;
}

/**
 * Refuses work that was made for another configuration than this worker's: its Vaults, mounts, sync paths or
 * transforms would be others.
 *
 * @returns the signal that says when to stop
 */
function begin(input: ActivityInput, own: { fingerprint: string }, name: string): AbortSignal {
  if (input.fingerprint === own.fingerprint) return forManyRequests(cancellationSignal());
  throw new ActivityError(
    'ConfigChanged',
    `this cycle of ${name} was started for another configuration than the one of the worker that got it: run ` +
      '"vsync start -c FILE" with the new configuration, and restart the workers that still have the old one',
  );
}
