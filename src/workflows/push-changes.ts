import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  PUSH_UPDATE,
  type PushActivities,
  type PushBatch,
  type PushInput,
  type PushResult,
} from '../contract/push';
import { PUSH_BYTES, PUSH_SECRETS, PUSHES_PER_RUN } from '../limits';
import { PUSH_OPTIONS } from './activity-options';

export const push = defineUpdate<PushResult, [PushBatch]>(PUSH_UPDATE);

/**
 * Takes changed paths for one destination, and lets its worker copy them at once. The handler of the update does the work
 * in a local activity: that is one way through Temporal (docs/decisions/0017-push-by-update-and-local-activity.md). It
 * lives until `vsync stop`, and continues as new to keep its history short.
 */
export async function pushChanges(input: PushInput): Promise<void> {
  const { pushSecrets } = proxyLocalActivities<PushActivities>(PUSH_OPTIONS);
  let pushes = 0;
  const handle = async (batch: PushBatch): Promise<PushResult> => {
    pushes += 1;
    const result = await pushSecrets(batch);
    setCurrentDetails(describe(result));
    return result;
  };
  setHandler(push, handle, { validator: assertSize });
  await condition(() => pushes >= PUSHES_PER_RUN || workflowInfo().continueAsNewSuggested);
  await condition(allHandlersFinished);
  await continueAsNew<typeof pushChanges>(input);
}

/** A batch that is refused here leaves nothing in the history. */
function assertSize({ secrets }: PushBatch): void {
  if (secrets.length <= PUSH_SECRETS && JSON.stringify(secrets).length <= PUSH_BYTES) return;
  throw new Error(`a push takes at most ${PUSH_SECRETS} secrets and ${PUSH_BYTES} characters: send several`);
}

function describe({ there, left, why }: PushResult): string {
  return `last push: ${there} there, ${left} left to the next cycle${why === undefined ? '' : ` (${why})`}`;
}
