import { Settling } from '../../src/feed/settling';
import {
  FEED_RECORD_GAP_MS,
  FEED_RECORD_REFRESH_MS,
  FEED_RECORD_WAIT_MS,
  FEED_SETTLE_MOST_MS,
  FEED_SETTLE_MS,
  FEED_TRIGGER_GAP_MS,
} from '../../src/limits';

/** Settling whose servers answer as the test says. */
function world() {
  const calls: string[] = [];
  const failures: unknown[] = [];
  const answers = { isNeeded: true, recordFails: false, pauseMs: undefined as number | undefined };
  const settling = new Settling({
    record: () => {
      calls.push('record');
      return answers.recordFails
        ? Promise.reject(new Error('no Consul'))
        : Promise.resolve(FEED_RECORD_REFRESH_MS);
    },
    isNeeded: () => answers.isNeeded,
    trigger: () => {
      calls.push('trigger');
      return Promise.resolve(answers.pauseMs);
    },
    onUnrecorded: (error) => {
      failures.push(error);
    },
  });
  return { settling, calls, failures, answers };
}

const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('Settling', () => {
  it('writes the record before it triggers', async () => {
    const { settling, calls } = world();
    settling.atOnce();
    await pass(1);
    expect(calls).toEqual(['record', 'trigger']);
  });

  it('triggers at the end of a burst', async () => {
    const { settling, calls } = world();
    for (let number = 0; number < 3; number++) {
      settling.soon();
      await pass(FEED_SETTLE_MS - 10);
    }
    expect(calls).not.toContain('trigger');
    await pass(10);
    expect(calls.slice(-2)).toEqual(['record', 'trigger']);
  });

  it('triggers after the last push of a burst, and for pushes alone not at all', async () => {
    const { settling, calls } = world();
    settling.pushBegan();
    settling.pushEnded();
    await pass(2 * FEED_SETTLE_MOST_MS);
    expect(calls).toEqual([]);
    settling.soon();
    settling.pushBegan();
    settling.pushBegan();
    await pass(2 * FEED_SETTLE_MS);
    settling.pushEnded();
    await pass(2 * FEED_SETTLE_MS);
    expect(calls).not.toContain('trigger');
    settling.pushEnded();
    await pass(FEED_SETTLE_MS);
    expect(calls).toContain('trigger');
  });

  it('lets pushes not hold back what is urgent, nor a cycle for ever', async () => {
    const urgent = world();
    urgent.settling.soon();
    urgent.settling.pushBegan();
    urgent.settling.atOnce();
    await pass(1);
    expect(urgent.calls).toEqual(['record', 'trigger']);
    const endless = world();
    endless.settling.soon();
    endless.settling.pushBegan();
    await pass(FEED_SETTLE_MOST_MS);
    expect(endless.calls).toContain('trigger');
  });

  it('writes the record of a hint long before it triggers, for the case that its process is killed', async () => {
    const { settling, calls } = world();
    settling.soon();
    await pass(FEED_RECORD_WAIT_MS);
    expect(calls).toEqual(['record']);
    await pass(FEED_SETTLE_MS);
    expect(calls).toEqual(['record', 'record', 'trigger']);
  });

  it('writes the record once a second, however much arrives', async () => {
    const { settling, calls } = world();
    for (let ms = 0; ms < 10_000; ms += 20) {
      settling.recordSoon();
      await pass(20);
    }
    expect(calls).toEqual(Array(10_000 / FEED_RECORD_GAP_MS).fill('record'));
  });

  it('triggers during an endless stream too', async () => {
    const { settling, calls } = world();
    for (let ms = 0; ms <= 2 * FEED_SETTLE_MOST_MS; ms += 100) {
      settling.soon();
      await pass(100);
    }
    expect(calls.filter((call) => call === 'trigger')).toHaveLength(2);
  });

  it('does not let a later hint delay what has to be at once', async () => {
    const { settling, calls } = world();
    settling.atOnce();
    settling.soon();
    await pass(1);
    expect(calls).toEqual(['record', 'trigger']);
  });

  it('leaves a time between two triggers', async () => {
    const { settling, calls } = world();
    settling.atOnce();
    await pass(1);
    settling.atOnce();
    await pass(FEED_TRIGGER_GAP_MS - 10);
    expect(calls).toEqual(['record', 'trigger']);
    await pass(10);
    expect(calls).toEqual(['record', 'trigger', 'record', 'trigger']);
  });

  it('triggers nothing if a cycle has handled everything', async () => {
    const { settling, calls, answers } = world();
    answers.isNeeded = false;
    settling.soon();
    await pass(FEED_SETTLE_MS);
    expect(calls).toEqual(['record']);
  });

  it('writes only the record for what is not about a path', async () => {
    const { settling, calls } = world();
    settling.recordSoon();
    settling.recordSoon();
    await pass(FEED_RECORD_WAIT_MS);
    expect(calls).toEqual(['record']);
  });

  it.each([0, FEED_RECORD_WAIT_MS])(
    'writes a record that is due %i ms after its request, although no trigger is needed',
    async (ms) => {
      const { settling, calls, answers } = world();
      answers.isNeeded = false;
      settling.recordSoon();
      setTimeout(() => {
        settling.atOnce();
      }, ms);
      await pass(FEED_RECORD_WAIT_MS);
      expect(calls).toEqual(['record']);
    },
  );

  it('writes the record again from time to time', async () => {
    const { settling, calls } = world();
    settling.recordSoon();
    await pass(FEED_RECORD_WAIT_MS + 2 * FEED_RECORD_REFRESH_MS);
    expect(calls).toEqual(['record', 'record', 'record']);
  });

  it('repeats a record that Consul does not take, and triggers after it', async () => {
    const { settling, calls, failures, answers } = world();
    answers.recordFails = true;
    settling.atOnce();
    await pass(2 * FEED_TRIGGER_GAP_MS + 1);
    expect(calls).toEqual(['record', 'record', 'record']);
    expect(failures).toHaveLength(3);
    answers.recordFails = false;
    await pass(FEED_TRIGGER_GAP_MS);
    expect(calls.slice(3)).toEqual(['record', 'trigger']);
  });

  it('tries a trigger again after the pause that it answered', async () => {
    const { settling, calls, answers } = world();
    answers.pauseMs = 3_000;
    settling.atOnce();
    await pass(2_999);
    expect(calls).toEqual(['record', 'trigger']);
    answers.pauseMs = undefined;
    await pass(10_000);
    expect(calls).toEqual(['record', 'trigger', 'record', 'trigger']);
  });

  it('waits no longer when the clock is set back', async () => {
    const { settling, calls } = world();
    settling.atOnce();
    await pass(1);
    jest.setSystemTime(Date.now() - 3_600_000);
    settling.atOnce();
    await pass(FEED_TRIGGER_GAP_MS);
    expect(calls).toEqual(['record', 'trigger', 'record', 'trigger']);
  });

  it('does nothing after its close', async () => {
    const { settling, calls } = world();
    settling.atOnce();
    await settling.close();
    settling.atOnce();
    await pass(10_000);
    expect(calls).toEqual([]);
  });
});
