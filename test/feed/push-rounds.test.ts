import type { PushedSecret } from '../../src/contract/push';
import type { Changed } from '../../src/feed/hints';
import { PushRounds } from '../../src/feed/push-rounds';
import { PUSH_GAP_MS, PUSH_READ_AHEAD } from '../../src/limits';

const changed = (rel: string, kind: Changed['kind'] = 'value'): Changed => ({ kind, mount: 'kv/', rel });
const secret = (rel: string): PushedSecret => [`kv/data/${rel}`, 1, '2026-11-30T12:00:00Z'];

/** Rounds with a pusher that is free again when the test says so. */
function world({ absent = [] as string[], running = true, canPush = true } = {}) {
  const reads: string[] = [];
  const pushes: string[][] = [];
  const freed: (() => void)[] = [];
  const seen = { left: 0, begun: 0, pushed: 0, running, result: 'all-there' as 'all-there' | 'left' };
  const rounds = new PushRounds({
    pusher: {
      canPush,
      push: (secrets) => {
        pushes.push(secrets.map(([path]) => path));
        return Promise.resolve(seen.result);
      },
      free: () =>
        new Promise((resolve) => {
          freed.push(resolve);
        }),
      close: () => Promise.resolve(),
    },
    read: ({ rel }) => {
      reads.push(rel);
      return Promise.resolve(absent.includes(rel) ? undefined : secret(rel));
    },
    isRunning: () => Promise.resolve(seen.running),
    onLeft: () => {
      seen.left++;
    },
    onPush: () => {
      seen.begun++;
    },
    onPushed: () => {
      seen.pushed++;
    },
  });
  return { rounds, reads, pushes, freed, seen };
}

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('PushRounds', () => {
  it('pushes the first hint at once, with those that arrived together with it', async () => {
    const { rounds, pushes, seen } = world();
    for (const rel of ['a', 'b', 'a']) rounds.add(changed(rel));
    await pass();
    expect(pushes).toEqual([['kv/data/a', 'kv/data/b']]);
    expect(seen.left).toBe(0);
  });

  it('reads a path once that is hinted a hundred times during a push', async () => {
    const { rounds, reads, pushes, freed } = world();
    rounds.add(changed('a'));
    await pass();
    for (let number = 0; number < 100; number++) {
      rounds.add(changed('a'));
      await pass(1);
    }
    expect(reads).toEqual(['a']);
    freed[0]?.();
    await pass();
    expect(reads).toEqual(['a', 'a']);
    expect(pushes).toHaveLength(2);
  });

  it('lets hints that arrive shortly after a push travel together', async () => {
    const { rounds, pushes, freed } = world();
    rounds.add(changed('a'));
    await pass();
    freed[0]?.();
    for (const rel of ['b', 'c']) {
      rounds.add(changed(rel));
      await pass(1);
    }
    expect(pushes).toHaveLength(1);
    await pass(PUSH_GAP_MS);
    expect(pushes).toEqual([['kv/data/a'], ['kv/data/b', 'kv/data/c']]);
  });

  it('reads on during a push when many paths wait', async () => {
    const { rounds, pushes } = world();
    rounds.add(changed('first'));
    await pass();
    for (let number = 0; number < PUSH_READ_AHEAD; number++) rounds.add(changed(`x${number}`));
    await pass(PUSH_GAP_MS);
    expect(pushes.map((paths) => paths.length)).toEqual([1, PUSH_READ_AHEAD]);
  });

  it('pushes a burst in parts, each before the next one is read', async () => {
    const { rounds, reads, pushes, freed, seen } = world();
    const readBefore: number[] = [];
    pushes.push = (...paths) => {
      readBefore.push(reads.length);
      return Array.prototype.push.apply(pushes, paths);
    };
    for (let number = 0; number < 2 * PUSH_READ_AHEAD + 5; number++) rounds.add(changed(`x${number}`));
    await pass(2 * PUSH_GAP_MS);
    expect(pushes.map((paths) => paths.length)).toEqual([PUSH_READ_AHEAD, PUSH_READ_AHEAD]);
    expect(readBefore).toEqual([PUSH_READ_AHEAD, 2 * PUSH_READ_AHEAD]);
    freed.at(-1)?.();
    await pass(PUSH_GAP_MS);
    expect(pushes.map((paths) => paths.length)).toEqual([PUSH_READ_AHEAD, PUSH_READ_AHEAD, 5]);
    expect([seen.begun, seen.pushed]).toEqual([3, 3]);
  });

  it('leaves a removed secret and settings to a cycle, without a read', async () => {
    const { rounds, reads, seen } = world();
    rounds.add(changed('a', 'removed'));
    rounds.add(changed('b', 'settings'));
    await pass();
    expect([reads, seen.left]).toEqual([[], 2]);
  });

  it('does not push a secret that was removed meanwhile, and pushes one whose settings changed', async () => {
    const { rounds, pushes } = world();
    rounds.add(changed('a'));
    rounds.add(changed('a', 'removed'));
    rounds.add(changed('b'));
    rounds.add(changed('b', 'settings'));
    await pass();
    expect(pushes).toEqual([['kv/data/b']]);
  });

  it('leaves what has no current version, and pushes the rest', async () => {
    const { rounds, pushes, seen } = world({ absent: ['a'] });
    rounds.add(changed('a'));
    rounds.add(changed('b'));
    await pass();
    expect([pushes, seen.left]).toEqual([[['kv/data/b']], 1]);
  });

  it('reports what a destination has left', async () => {
    const { rounds, seen } = world();
    seen.result = 'left';
    rounds.add(changed('a'));
    await pass();
    expect(seen.left).toBe(1);
  });

  it('pushes nothing while the schedule is paused', async () => {
    const { rounds, pushes, seen } = world({ running: false });
    rounds.add(changed('a'));
    await pass();
    expect([pushes, seen.left]).toEqual([[], 1]);
    seen.running = true;
    await pass(PUSH_GAP_MS);
    rounds.add(changed('b'));
    await pass();
    expect(pushes).toEqual([['kv/data/b']]);
  });

  it('reads nothing without a destination', async () => {
    const { rounds, reads, seen } = world({ canPush: false });
    rounds.add(changed('a'));
    await pass();
    expect([reads, seen.left]).toEqual([[], 1]);
  });

  it('forgets what waits after an overflow and when it closes', async () => {
    const { rounds, pushes, freed } = world();
    rounds.add(changed('first'));
    await pass();
    rounds.add(changed('a'));
    rounds.clear();
    rounds.add(changed('b'));
    const closed = rounds.close();
    freed[0]?.();
    await closed;
    rounds.add(changed('c'));
    await pass(PUSH_GAP_MS);
    expect(pushes).toEqual([['kv/data/first']]);
  });
});
