import { ScheduleNotFoundError, type Client } from '@temporalio/client';
import { OriginSchedule } from '../../src/feed/origin-schedule';
import { FEED_STATE_MS, PUSH_DEADLINE_MS, PUSH_SCHEDULE_MS } from '../../src/limits';

const never = (): Promise<never> => new Promise(() => undefined);
const running = (): Promise<unknown> => Promise.resolve({ state: { paused: false } });
const paused = (): Promise<unknown> => Promise.resolve({ state: { paused: true } });
const gone = (): Promise<never> =>
  Promise.reject(new ScheduleNotFoundError('there is none', 'vsync-origin-o'));

/** A Temporal that gives these answers to one question after the other; the last one to all further ones. */
function world(...answers: [() => Promise<unknown>, ...(() => Promise<unknown>)[]]) {
  const asked: string[] = [];
  const describe = (): Promise<unknown> => {
    asked.push('describe');
    return (answers.length > 1 ? answers.shift() : answers[0])?.() ?? never();
  };
  const trigger = (overlap: string): Promise<void> => {
    asked.push(`trigger ${overlap}`);
    return Promise.resolve();
  };
  const client = {
    withDeadline: (_at: number, work: () => Promise<unknown>) => work(),
    schedule: { getHandle: () => ({ describe, trigger }) },
  } as unknown as Client;
  return { schedule: new OriginSchedule(client, 'o'), asked };
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);
const [FIRST_MS = 0] = PUSH_SCHEDULE_MS;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('OriginSchedule', () => {
  it.each([
    ['running', running],
    ['paused', paused],
    ['missing', gone],
  ])('is %s', async (state, answer) => {
    const { schedule, asked } = world(answer);
    expect(await schedule.state()).toBe(state);
    expect(asked).toEqual(['describe']);
  });

  it('asks again if there is no answer in time, because a push waits for it', async () => {
    const { schedule, asked } = world(never, running);
    const state = schedule.state();
    await pass(FIRST_MS - 1);
    expect(asked).toHaveLength(1);
    await pass(1);
    expect(asked).toHaveLength(2);
    expect(await state).toBe('running');
  });

  it('waits for a slow Temporal in its last question, and is unknown without an answer', async () => {
    const { schedule, asked } = world(never);
    const state = schedule.state();
    await pass(PUSH_SCHEDULE_MS.reduce((sum, ms) => sum + ms, PUSH_DEADLINE_MS));
    expect(await state).toBe('unknown');
    expect(asked).toHaveLength(PUSH_SCHEDULE_MS.length + 1);
  });

  it('asks for a push at most once in FEED_STATE_MS', async () => {
    const { schedule, asked } = world(running);
    for (let ms = 0; ms < FEED_STATE_MS; ms += FEED_STATE_MS / 4) {
      expect(await schedule.isRunning()).toBe(true);
      await pass(FEED_STATE_MS / 4);
    }
    expect(asked).toHaveLength(1);
    await schedule.isRunning();
    expect(asked).toHaveLength(2);
  });

  it('triggers a cycle after a running one, and asks again before', async () => {
    const { schedule, asked } = world(running);
    await schedule.state();
    expect(await schedule.trigger()).toBe(true);
    expect(asked).toEqual(['describe', 'describe', 'trigger BUFFER_ONE']);
  });

  it.each([
    ['paused', paused],
    ['missing', gone],
  ])('triggers nothing while the schedule is %s', async (_state, answer) => {
    const { schedule, asked } = world(answer);
    expect(await schedule.trigger()).toBe(false);
    expect(asked).toEqual(['describe']);
  });
});
