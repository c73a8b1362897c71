import { WorkflowNotFoundError } from '@temporalio/client';
import type { PushBatch, PushedSecret, PushResult } from '../../src/contract/push';
import { createPusher } from '../../src/feed/pusher';
import type { PushTarget } from '../../src/feed/targets';
import { PUSH_BACKOFF_MS, PUSH_BYTES, PUSH_PENDING, PUSH_SECRETS } from '../../src/limits';
import { collectedLog } from '../support/collected-log';

interface Sent {
  to: string;
  paths: string[];
  batch: PushBatch;
  answer: (result?: Partial<PushResult>) => Promise<void>;
  fail: (error: Error) => Promise<void>;
}

const secret = (path: string, version = 1): PushedSecret => [path, version, '2026-11-30T12:00:00Z'];
const settled = (): Promise<void> => new Promise(setImmediate);

/** A pusher whose client answers when the test says so. */
function world(...names: string[]) {
  const targets: PushTarget[] = names.map((name) => ({ name, workflowId: `vsync-push-${name}` }));
  const sent: Sent[] = [];
  const clock = { nowMs: 1_000_000 };
  const refreshes: number[] = [];
  const { log, lines } = collectedLog();
  const refresh = (): Promise<void> => {
    refreshes.push(clock.nowMs);
    return Promise.resolve();
  };
  const pusher = createPusher({
    targets: { list: () => targets, refresh },
    log,
    now: () => clock.nowMs,
    send: (to, batch, signal) =>
      new Promise((resolve, reject) => {
        const paths = batch.secrets.map(([path]) => path);
        signal.addEventListener('abort', () => {
          reject(new Error('closed'));
        });
        const answer: Sent['answer'] = async (result = {}) => {
          resolve({ v: 1, there: paths.length, left: 0, ...result });
          await settled();
        };
        const fail: Sent['fail'] = async (error) => {
          reject(error);
          await settled();
        };
        sent.push({ to, batch, paths, answer, fail });
      }),
  });
  return { pusher, sent, clock, lines, targets, refreshes };
}

/** What a promise is now. */
async function stateOf<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await settled();
  return Promise.race([promise, settled().then(() => 'pending' as const)]);
}

describe('Pusher', () => {
  it('sends each secret to each destination, and ends when all have answered', async () => {
    const { pusher, sent } = world('a', 'b');
    const pushed = pusher.push([secret('kv/data/x'), secret('kv/data/y')]);
    expect(sent.map(({ to, paths }) => [to, paths])).toEqual([
      ['vsync-push-a', ['kv/data/x', 'kv/data/y']],
      ['vsync-push-b', ['kv/data/x', 'kv/data/y']],
    ]);
    await sent[0]?.answer();
    expect(await stateOf(pushed)).toBe('pending');
    await sent[1]?.answer();
    expect(await pushed).toBe('all-there');
  });

  it('reports what one destination has left', async () => {
    const { pusher, sent } = world('a', 'b');
    const pushed = pusher.push([secret('x')]);
    await sent[0]?.answer({ there: 0, left: 1, why: 'paused' });
    await sent[1]?.answer();
    expect(await pushed).toBe('left');
  });

  it('leaves everything without a destination', async () => {
    const { pusher } = world();
    expect(pusher.canPush).toBe(false);
    expect(await pusher.push([secret('x')])).toBe('left');
  });

  it('has one push in flight per destination; what arrives meanwhile travels together, with its newest version', async () => {
    const { pusher, sent } = world('a');
    const first = pusher.push([secret('x', 1)]);
    const second = pusher.push([secret('y', 1), secret('x', 2)]);
    const third = pusher.push([secret('y', 2)]);
    expect(sent).toHaveLength(1);
    await sent[0]?.answer();
    expect(await first).toBe('all-there');
    expect(sent).toHaveLength(2);
    expect(sent[1]?.batch.secrets).toEqual([secret('y', 2), secret('x', 2)]);
    await sent[1]?.answer();
    expect(await Promise.all([second, third])).toEqual(['all-there', 'all-there']);
  });

  it('does not wait with one destination for another', async () => {
    const { pusher, sent } = world('slow', 'quick');
    void pusher.push([secret('x')]);
    await sent[1]?.answer();
    await pusher.free();
    void pusher.push([secret('y')]);
    expect(sent.map(({ to, paths }) => [to, paths])).toEqual([
      ['vsync-push-slow', ['x']],
      ['vsync-push-quick', ['x']],
      ['vsync-push-quick', ['y']],
    ]);
  });

  it('cuts a large push by number and by bytes', async () => {
    const { pusher, sent } = world('a');
    const many = Array.from({ length: PUSH_SECRETS + 1 }, (_, number) => secret(`x${number}`));
    const long = ['1', '2', '3'].map((end) => secret('y'.repeat(PUSH_BYTES / 2) + end));
    const pushed = pusher.push([...many, ...long]);
    for (let number = 0; number < 10; number++) await sent[number]?.answer();
    expect(await pushed).toBe('all-there');
    expect(sent.map(({ paths }) => paths.length)).toEqual([PUSH_SECRETS, 2, 1, 1]);
    for (const { batch } of sent) expect(JSON.stringify(batch).length).toBeLessThan(PUSH_BYTES + 100);
  });

  it('sends no batch that the workflow refuses as too large', async () => {
    const { pusher, sent } = world('a');
    void pusher.push([secret('first')]);
    const left = PUSH_BYTES + 1 - JSON.stringify([secret(''), secret('x')]).length;
    void pusher.push([secret('y'.repeat(left)), secret('x')]);
    await sent[0]?.answer();
    expect(sent[1]?.paths).toHaveLength(1);
  });

  it('gives a destination that does not answer a pause, which doubles, and drops what waits for it', async () => {
    const { pusher, sent, clock, lines } = world('a');
    const [first] = PUSH_BACKOFF_MS;
    const pushed = [pusher.push([secret('x')]), pusher.push([secret('y')])];
    await sent[0]?.fail(new Error('deadline'));
    expect(await Promise.all(pushed)).toEqual(['left', 'left']);

    expect(pusher.canPush).toBe(false);
    expect(await pusher.push([secret('z')])).toBe('left');
    expect(sent).toHaveLength(1);

    clock.nowMs += first;
    expect(pusher.canPush).toBe(true);
    void pusher.push([secret('z')]);
    await sent[1]?.fail(new Error('deadline'));
    clock.nowMs += first;
    expect(pusher.canPush).toBe(false);
    clock.nowMs += first;
    const again = pusher.push([secret('z')]);
    await sent[2]?.answer();
    expect(await again).toBe('all-there');
    expect(lines).toEqual([expect.stringContaining('destination a takes no pushed changes (Error)')]);
  });

  it('never pauses longer than the limit', async () => {
    const { pusher, sent, clock } = world('a');
    const [, longest] = PUSH_BACKOFF_MS;
    for (let round = 0; round < 10; round++) {
      void pusher.push([secret('x')]);
      await sent[round]?.fail(new Error('deadline'));
      clock.nowMs += longest;
    }
    expect(sent).toHaveLength(10);
  });

  it('does not log what a foreign error says', async () => {
    const { pusher, sent, lines } = world('a');
    void pusher.push([secret('x')]);
    await sent[0]?.fail(new TypeError('hunter2'));
    expect(lines.join()).toContain('TypeError');
    expect(lines.join()).not.toContain('hunter2');
  });

  it('looks for destinations when a workflow is gone', async () => {
    const { pusher, sent, refreshes } = world('a');
    void pusher.push([secret('x')]);
    await sent[0]?.fail(new WorkflowNotFoundError('gone', 'vsync-push-a', undefined));
    expect(refreshes).toHaveLength(1);
  });

  it('holds a bounded number of paths for a destination', async () => {
    const { pusher, sent } = world('a');
    void pusher.push([secret('first')]);
    void pusher.push(Array.from({ length: PUSH_PENDING }, (_, number) => secret(`x${number}`)));
    const over = pusher.push([secret('one more'), secret('x0', 2)]);
    for (let number = 0; number < 20; number++) await sent[number]?.answer();
    expect(await over).toBe('left');
    const all = sent.flatMap(({ batch }) => batch.secrets);
    expect(all).toHaveLength(PUSH_PENDING + 1);
    expect(all).toContainEqual(secret('x0', 2));
  });

  it('forgets a destination that is gone, and finds a new one', async () => {
    const { pusher, sent, targets } = world('a');
    targets.splice(0, 1, { name: 'b', workflowId: 'vsync-push-b' });
    const pushed = pusher.push([secret('x')]);
    expect(sent.map(({ to }) => to)).toEqual(['vsync-push-b']);
    await sent[0]?.answer();
    expect(await pushed).toBe('all-there');
  });

  it('ends what is in flight when it closes, and sends nothing more', async () => {
    const { pusher, sent, lines } = world('a');
    const pushed = pusher.push([secret('x')]);
    await pusher.close();
    expect(await pushed).toBe('left');
    expect(await pusher.push([secret('y')])).toBe('left');
    expect(sent).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  it('is free where a destination has no push in flight', async () => {
    const { pusher, sent } = world('a');
    expect(await stateOf(pusher.free())).toBeUndefined();
    void pusher.push([secret('x')]);
    const free = pusher.free();
    expect(await stateOf(free)).toBe('pending');
    await sent[0]?.answer();
    expect(await stateOf(free)).toBeUndefined();
  });
});
