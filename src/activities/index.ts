import { cancellationSignal, Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { forManyRequests } from '../concurrency/abort';
import { sharedQueue, type ActivityInput, type WithDispatchWidth } from '../contract/cycle';
import type { DestinationActivities, WatchActivities } from '../contract/destination';
import { ActivityError } from '../contract/failures';
import { taskQueue, type Role } from '../contract/ids';
import type { OriginActivities } from '../contract/origin';
import type { PushActivities } from '../contract/push';
import type { VerifyActivities } from '../contract/verify';
import type { DestinationDeps } from './destination/base/deps';
import { moveClaims } from './destination/claims/move-claims';
import { copySecrets } from './destination/copy/copy-secrets';
import { diffIndices } from './destination/cycle/diff-indices';
import { preflight as destinationPreflight } from './destination/cycle/preflight';
import { saveSyncInfo as saveDestinationInfo } from './destination/cycle/save-sync-info';
import { deleteOrphans } from './destination/deletes/delete-orphans';
import { guardDeletes } from './destination/deletes/guard-deletes';
import { PushMemory } from './destination/push/push-memory';
import { pushSecrets } from './destination/push/push-secrets';
import { listExtras, listFolders } from './destination/verify/list-extras';
import { listUnpublished } from './destination/verify/list-unpublished';
import { beginVerify, verifySecrets } from './destination/verify/verify-secrets';
import { wakeDestination, watchIndex } from './destination/watch/watch';
import type { OriginDeps } from './origin/deps';
import { fetchMetadata } from './origin/fetch-metadata';
import { listPaths } from './origin/list-paths';
import { preflight as originPreflight } from './origin/preflight';
import { saveSyncInfo as saveOriginInfo } from './origin/save-sync-info';
import { reportOutages } from './shared/cycle-report';
import { DispatchWidth } from './shared/dispatch-width';
import { beforeWork, progressReporter } from './shared/interceptor';

/** The activities of one origin, bound to its clients. */
export function createOriginActivities(deps: OriginDeps): OriginActivities {
  const check = (input: ActivityInput): AbortSignal => begin(input, deps);
  const withWidth = dispatchWidthOf('origin', deps.config.name);
  return {
    preflight: async (input) => beforeWork(check(input), (signal) => originPreflight(deps, signal)),
    listPaths: async (input) => withWidth(await listPaths(deps, check(input), progressReporter())),
    fetchMetadata: async (input) =>
      withWidth(await fetchMetadata(deps, input, check(input), progressReporter())),
    saveSyncInfo: async (input) => saveOriginInfo(deps, input, check(input)),
    reportOutages: (input) => {
      check(input);
      return Promise.resolve(reportOutages([deps.vault], input));
    },
  };
}

/** The activities of one destination, its watch and its push, bound to its clients. */
export function createDestinationActivities(
  deps: DestinationDeps,
): DestinationActivities & VerifyActivities & WatchActivities & PushActivities {
  const check = (input: ActivityInput): AbortSignal => begin(input, deps);
  const withWidth = dispatchWidthOf('destination', deps.config.name);
  const pushDeps = { ...deps, pushMemory: new PushMemory() };
  return {
    preflight: async (input) => beforeWork(check(input), (signal) => destinationPreflight(deps, signal)),
    diffIndices: async (input) => beforeWork(check(input), (signal) => diffIndices(deps, input, signal)),
    moveClaims: async (input) => moveClaims(deps, input, check(input)),
    guardDeletes: async (input) => {
      const result = await guardDeletes(deps, input, check(input));
      return result.work === undefined ? result : { ...result, work: await withWidth(result.work) };
    },
    copySecrets: async (input) => {
      const signal = check(input);
      const isRepeated = Context.current().info.attempt > 1;
      return withWidth(await copySecrets(deps, input, signal, progressReporter(), isRepeated));
    },
    deleteOrphans: async (input) => deleteOrphans(deps, input, check(input)),
    saveSyncInfo: async (input) => {
      const signal = check(input);
      const run = Context.current().info.workflowExecution?.runId ?? '';
      return saveDestinationInfo(deps, input, signal, run);
    },
    reportOutages: (input) => {
      check(input);
      return Promise.resolve(reportOutages([deps.originVault, deps.vault], input));
    },
    beginVerify: async (input) => beforeWork(check(input), (signal) => beginVerify(deps, input, signal)),
    verifySecrets: async (input) => verifySecrets(deps, input, check(input), progressReporter()),
    listFolders: async (input) => listFolders(deps, check(input)),
    listExtras: async (input) => listExtras(deps, input, check(input), progressReporter()),
    listUnpublished: async (input) => listUnpublished(deps, check(input), progressReporter()),
    watchIndex: async () => watchIndex(deps, temporalClient(), cancellationSignal()),
    wakeDestination: async (input) => wakeDestination(deps, temporalClient(), input, cancellationSignal()),
    pushSecrets: async (input) => pushSecrets(pushDeps, temporalClient(), input, cancellationSignal()),
  };
}

/** Adds to a result how many chunks or groups the cycle should have at work, if Temporal can tell. */
function dispatchWidthOf(role: Role, name: string): <T extends WithDispatchWidth>(result: T) => Promise<T> {
  const width = new DispatchWidth(sharedQueue(taskQueue(role, name)));
  return async (result) => {
    const dispatchWidth = await width.atOnce(temporalClient());
    return dispatchWidth === undefined ? result : { ...result, dispatchWidth };
  };
}

/** The worker's own connection, so that activities need no other address or credentials. */
const temporalClient = (): Client => Context.current().client;

/** Refuses work that was made for another configuration than this worker's. @returns the signal that stops the work */
function begin(input: ActivityInput, { fingerprint, config }: OriginDeps | DestinationDeps): AbortSignal {
  if (input.fingerprint === fingerprint) return forManyRequests(cancellationSignal());
  throw new ActivityError(
    'ConfigChanged',
    `this cycle of ${config.name} was started for another configuration than the one of the worker that got it: run ` +
      '"vsync start -c FILE" with the new configuration, and restart the workers that still have the old one',
  );
}
