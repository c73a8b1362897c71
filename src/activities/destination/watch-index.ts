import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulError } from '../../consul/errors';
import { ORIGIN_CHANGED, type OriginChangedSignal } from '../../workflows/messages';
import { WATCH_PAUSE_MS, WATCH_POLL_MS } from '../limits';
import type { DestinationDeps } from './deps';

/**
 * Long-polls the origin's index in Consul, and signals the watch workflow whenever its content changed, and once
 * at the start: what happened before is not known then. Never ends by itself.
 *
 * The content is compared, because Consul's index also rises for other keys, and may fall after a restore.
 */
export async function watchIndex(
  { originInfo }: Pick<DestinationDeps, 'originInfo'>,
  client: Client,
  signal: AbortSignal,
): Promise<never> {
  const { workflowExecution } = activityInfo();
  const watch = client.workflow.getHandle(workflowExecution?.workflowId ?? '');
  let seen: string | undefined;
  let index = 0;
  for (;;) {
    const answer = await originInfo.store.waitForChange(originInfo.indexKey, index, WATCH_POLL_MS, signal);
    const content = answer.stored?.value.toString('utf8') ?? '';
    if (content !== seen) {
      await watch.signal<[OriginChangedSignal]>(ORIGIN_CHANGED, { v: 1 });
      seen = content;
    }
    index = answer.index < index ? 0 : Math.max(1, answer.index);
    await sleep(WATCH_PAUSE_MS, undefined, { signal }).catch(() => {
      throw new ConsulError(
        'cancelled',
        originInfo.store.address,
        originInfo.indexKey,
        'the watch was stopped',
      );
    });
  }
}
