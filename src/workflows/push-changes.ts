import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineUpdate,
  proxyLocalActivities,
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
import { PUSHES_PER_RUN } from '../limits';
import { PUSH_OPTIONS } from './activity-options';

export const push = defineUpdate<PushResult, [PushBatch]>(PUSH_UPDATE);

/**
 * Takes changed paths for one destination, and lets its worker copy them at once. It lives until `vsync stop`, and
 * continues as new to keep its history short.
 */
export async function pushChanges(input: PushInput): Promise<void> {
  const { pushSecrets } = proxyLocalActivities<PushActivities>(PUSH_OPTIONS);
  let pushes = 0;
  setHandler(push, (batch) => {
    pushes++;
    return pushSecrets(batch);
  });
  await condition(() => pushes >= PUSHES_PER_RUN || workflowInfo().continueAsNewSuggested);
  await condition(allHandlersFinished);
  await continueAsNew<typeof pushChanges>(input);
}
