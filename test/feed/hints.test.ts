import { Hints, type Changed, type HintEvents } from '../../src/feed/hints';
import {
  FEED_ANSWER_WAIT_MS,
  FEED_HINT_BYTES,
  FEED_HINTS,
  FEED_SEEN,
  FEED_UNANSWERED,
  FEED_UNANSWERED_BYTES,
} from '../../src/limits';
import type { LineResult } from '../../src/rules/audit-line';

const hint = (rel: string, id = rel): LineResult => ({ is: 'hint', kind: 'value', mount: 'kv/', rel, id });
const asked = (rel: string, id = rel): LineResult => ({ is: 'asked', kind: 'value', mount: 'kv/', rel, id });

/** Hints that note what they report. */
function recorded(): { hints: Hints; events: unknown[] } {
  const events: unknown[] = [];
  const on: HintEvents = {
    changed: ({ kind, rel }: Changed) => events.push([kind, rel]),
    overflowed: () => events.push('overflowed'),
    gap: (why) => events.push(['gap', why]),
    proven: (id) => events.push(['proven', id]),
  };
  return { hints: new Hints('r1', on), events };
}

describe('Hints', () => {
  it('begins with one gap: what happened before is unknown', () => {
    const { hints } = recorded();
    const rest = { hints: [], seen: [], writtenMs: 7 };
    expect(hints.record(7)).toEqual({ v: 1, receiver: 'r1', gaps: 1, why: 'start', ...rest });
  });

  it('keeps a path once, with the number of its last hint', () => {
    const { hints, events } = recorded();
    for (const rel of ['a', 'b', 'a']) hints.take(hint(rel), 0);
    expect(hints.record(0).hints).toEqual([
      [2, 'kv/', 'b'],
      [3, 'kv/', 'a'],
    ]);
    expect(events).toHaveLength(3);
  });

  it('forgets what a cycle has handled, and keeps what changed during the cycle', () => {
    const { hints } = recorded();
    for (const rel of ['a', 'b']) hints.take(hint(rel), 0);
    const upTo = hints.record(0).hints.at(-1)?.[0] ?? 0;
    hints.take(hint('a'), 0);
    hints.forgetHandled(upTo);
    expect(hints.record(0).hints).toEqual([[3, 'kv/', 'a']]);
  });

  it('distinguishes one path in two mounts', () => {
    const { hints } = recorded();
    hints.change({ kind: 'value', mount: 'a/', rel: 'b/c' });
    hints.change({ kind: 'value', mount: 'a/b/', rel: 'c' });
    expect(hints.size).toBe(2);
  });

  it('makes a hint of a request line whose response line is missing, after a while', () => {
    const { hints, events } = recorded();
    hints.take(asked('a'), 1_000);
    hints.take(asked('b'), 1_001);
    expect(hints.nextMissingMs).toBe(1_000 + FEED_ANSWER_WAIT_MS);
    hints.answerMissing(999 + FEED_ANSWER_WAIT_MS);
    expect(events).toEqual([]);
    hints.answerMissing(1_000 + FEED_ANSWER_WAIT_MS);
    expect(events).toEqual([['value', 'a']]);
    expect(hints.nextMissingMs).toBe(1_001 + FEED_ANSWER_WAIT_MS);
  });

  it('makes one hint of a request line and its response line, and none of a failed request', () => {
    const { hints, events } = recorded();
    hints.take(asked('a', 'id-1'), 0);
    hints.take(hint('a', 'id-1'), 0);
    hints.take(asked('b', 'id-2'), 0);
    hints.take({ is: 'failed', id: 'id-2' }, 0);
    hints.answerMissing(Infinity);
    expect(events).toEqual([['value', 'a']]);
    expect(hints.nextMissingMs).toBeUndefined();
  });

  it.each(['mounts', 'restored', 'unparsable'] as const)('counts a gap for %s', (is) => {
    const { hints, events } = recorded();
    hints.take({ is }, 0);
    expect(hints.record(0)).toMatchObject({ gaps: 2, why: is });
    expect(events).toEqual([['gap', is]]);
  });

  it('drops a flood of paths for a gap, and goes on', () => {
    const { hints, events } = recorded();
    for (let number = 0; number <= FEED_HINTS; number++) hints.take(hint(String(number)), 0);
    expect(hints.record(0)).toMatchObject({ gaps: 2, why: 'overflow', hints: [] });
    expect(events.slice(-2)).toEqual(['overflowed', ['gap', 'overflow']]);
    hints.take(hint('a'), 0);
    expect(hints.record(0).hints).toEqual([[FEED_HINTS + 2, 'kv/', 'a']]);
  });

  it('takes the same path any number of times', () => {
    const { hints } = recorded();
    for (let number = 0; number <= 2 * FEED_HINTS; number++) hints.take(hint('a'), 0);
    expect(hints.record(0)).toMatchObject({ gaps: 1, hints: [[2 * FEED_HINTS + 1, 'kv/', 'a']] });
  });

  it('drops long paths that fit no record, and counts their bytes only while they wait', () => {
    const { hints } = recorded();
    const long = 'x'.repeat(FEED_HINT_BYTES / 4);
    for (const end of ['a', 'b', 'c']) hints.take(hint(long + end), 0);
    hints.forgetHandled(3);
    for (const end of ['d', 'e', 'f']) hints.take(hint(long + end), 0);
    expect(hints.gapCount).toBe(1);
    hints.take(hint(`${long}g`), 0);
    expect(hints.record(0)).toMatchObject({ gaps: 2, why: 'overflow', hints: [] });
  });

  it('drops a flood of request lines for a gap', () => {
    const { hints } = recorded();
    for (let number = 0; number <= FEED_UNANSWERED; number++) hints.take(asked(String(number)), 0);
    expect(hints.record(0)).toMatchObject({ gaps: 2, why: 'overflow' });
    expect(hints.nextMissingMs).toBeUndefined();
  });

  it('drops request lines with long paths for a gap, and counts their bytes only while they wait', () => {
    const { hints } = recorded();
    const long = 'x'.repeat(FEED_UNANSWERED_BYTES / 4);
    for (const end of ['a', 'b', 'c']) hints.take(asked(long + end, end), 0);
    for (const end of ['a', 'b', 'c']) hints.take({ is: 'failed', id: end }, 0);
    for (const end of ['d', 'e', 'f']) hints.take(asked(long + end, end), 0);
    expect(hints.gapCount).toBe(1);
    hints.take(asked(`${long}g`, 'g'), 0);
    expect(hints.record(0)).toMatchObject({ gaps: 2, why: 'overflow', hints: [] });
    expect(hints.nextMissingMs).toBeUndefined();
  });

  it('lets a repeated request line hold up no other one', () => {
    const { hints, events } = recorded();
    hints.take(asked('a'), 0);
    hints.take(asked('b'), 1);
    for (let nowMs = 500; nowMs <= FEED_ANSWER_WAIT_MS; nowMs += 500) hints.take(asked('a'), nowMs);
    hints.answerMissing(1 + FEED_ANSWER_WAIT_MS);
    expect(events).toEqual([
      ['value', 'a'],
      ['value', 'b'],
    ]);
  });

  it('remembers the requests whose lines it saw, and names the last ones in its record', () => {
    const { hints } = recorded();
    for (let number = 0; number < 300; number++) hints.take({ is: 'own-proof', id: `p${number}` }, 0);
    expect(hints.saw(['other', 'p299'])).toBe(true);
    expect(hints.saw(['p0'])).toBe(false);
    expect(hints.saw([])).toBe(false);
    expect(hints.record(0).seen).toHaveLength(FEED_SEEN);
    expect(hints.record(0).seen.at(-1)).toBe('p299');
  });

  it('has another version after each hint and each gap', () => {
    const { hints } = recorded();
    const versions = [hints.version];
    for (const line of [hint('a'), hint('a'), { is: 'unparsable' } as const]) {
      hints.take(line, 0);
      versions.push(hints.version);
    }
    expect(new Set(versions).size).toBe(4);
  });
});
