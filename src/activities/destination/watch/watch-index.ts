import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConsulError } from '../../../consul/errors';
import { ORIGIN_CHANGED, type OriginChangedSignal } from '../../../contract/messages';
import { inParallel } from '../../../concurrency/in-parallel';
import { WATCH_PAUSE_MS, WATCH_POLL_MS } from '../../../limits';
import type { DestinationDeps } from '../base/deps';

/**
 * Long-polls the origin's index in Consul (and that of its settings, where they are carried over), and signals the
 * watch workflow whenever the content changed, and once at the start: what happened before is not known then. Never
 * ends by itself.
 *
 * The content is compared, because Consul's index also rises for other keys, and may fall after a restore. What an
 * origin publishes in one save changes both indices, and is signalled once.
 */
export async function watchIndex(
  { config, originInfo }: Pick<DestinationDeps, 'config' | 'originInfo'>,
  client: Client,
  signal: AbortSignal,
): Promise<never> {
  const { workflowExecution } = activityInfo();
  const watch = client.workflow.getHandle(workflowExecution?.workflowId ?? '');
  const { store, indexKey, settings } = originInfo;
  const keys = config.syncMetadata ? [indexKey, settings.indexKey] : [indexKey];
  let signalled: string | undefined;

  const tell = async (stop: AbortSignal): Promise<void> => {
    const values = await Promise.all(keys.map((key) => store.get(key, stop)));
    const contents = JSON.stringify(values.map((stored) => stored?.value.toString('utf8') ?? ''));
    // Compared and noted in one go, because the other key's poll may be here too.
    if (contents === signalled) return;
    signalled = contents;
    await watch.signal<[OriginChangedSignal]>(ORIGIN_CHANGED, { v: 1 });
  };
  const pause = (stop: AbortSignal): Promise<void> =>
    sleep(WATCH_PAUSE_MS, undefined, { signal: stop }).catch(() => {
      throw new ConsulError('cancelled', store.address, indexKey, 'the watch was stopped');
    });
  const poll = async (key: string, stop: AbortSignal): Promise<never> => {
    let seen: string | undefined;
    let index = 0;
    for (;;) {
      const answer = await store.waitForChange(key, index, WATCH_POLL_MS, stop);
      const content = answer.stored?.value.toString('utf8') ?? '';
      if (content !== seen) {
        // The index of the settings is written before the other one: one signal is enough for both.
        if (key !== indexKey) await pause(stop);
        await tell(stop);
        seen = content;
      }
      index = answer.index < index ? 0 : Math.max(1, answer.index);
      await pause(stop);
    }
  };
  // All of them: a poll never ends.
  await inParallel(keys, signal, poll, keys.length);
  throw new ConsulError('cancelled', store.address, indexKey, 'the watch was stopped');
}
