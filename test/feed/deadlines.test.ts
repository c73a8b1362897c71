import type { Client } from '@temporalio/client';
import { orAborted } from '../../src/concurrency/abort';
import { sendUpdate } from '../../src/feed/pusher';
import { DiscoveredTargets } from '../../src/feed/targets';
import { PUSH_DEADLINE_MS, PUSH_TARGETS_EVERY_MS } from '../../src/limits';

/**
 * A Temporal that never answers. The timers of these tests stand for one that is kept until it fires; Node may collect a
 * signal of AbortSignal.timeout before.
 */
const never = (): Promise<never> => new Promise(() => undefined);
const client = {
  withAbortSignal: (signal: AbortSignal, work: () => Promise<unknown>) => orAborted(work(), signal),
  workflow: {
    getHandle: () => ({ executeUpdate: never }),
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
  },
} as unknown as Client;

/** @returns whether the work has ended */
function ended(work: Promise<unknown>): { has: boolean } {
  const state = { has: false };
  const end = (): void => {
    state.has = true;
  };
  work.then(end, end);
  return state;
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a push ends with its deadline if Temporal never answers', async () => {
  const { signal } = new AbortController();
  const push = ended(sendUpdate(client)('vsync-push-a', { v: 1, secrets: [] }, signal));
  await jest.advanceTimersByTimeAsync(PUSH_DEADLINE_MS - 1);
  expect(push.has).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(push.has).toBe(true);
});

test('a search for destinations ends if Temporal never answers', async () => {
  const targets = new DiscoveredTargets(client, { v: 1, cluster: 'c', syncPath: 'vsync/' });
  const search = ended(targets.refresh());
  await jest.advanceTimersByTimeAsync(PUSH_TARGETS_EVERY_MS - 1);
  expect(search.has).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(search.has).toBe(true);
});
