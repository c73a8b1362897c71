import { SLOTS, slotsOf } from '../../../src/cli/ui/day';
import { shared } from '../../../src/cli/ui/shared-status';

describe('shared', () => {
  test('asks once for all who ask within 2 s after the answer, and then again', async () => {
    let nowMs = 0;
    let asked = 0;
    const read = shared(
      () => Promise.resolve(++asked),
      2_000,
      () => nowMs,
    );
    expect(await Promise.all(Array.from({ length: 50 }, read))).toEqual(Array.from({ length: 50 }, () => 1));
    nowMs = 1_999;
    expect(await read()).toBe(1);
    nowMs = 2_000;
    expect(await Promise.all([read(), read()])).toEqual([2, 2]);
  });

  test('asks no second time while an answer takes long, and again after a failure', async () => {
    let nowMs = 0;
    const answers: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
    const read = shared(
      () => new Promise<string>((resolve, reject) => answers.push({ resolve, reject })),
      2_000,
      () => nowMs,
    );
    const first = read();
    nowMs = 10_000;
    const second = read();
    expect(answers).toHaveLength(1);
    answers[0]?.reject(new Error('down'));
    await expect(first).rejects.toThrow('down');
    await expect(second).rejects.toThrow('down');
    nowMs = 12_000;
    const third = read();
    answers[1]?.resolve('up');
    expect(await third).toBe('up');
  });
});

test('slotsOf counts the cycles of 24 hours in half hours, each with its worst outcome', () => {
  const nowMs = Date.parse('2026-01-02T00:00:00Z');
  const at = (text: string, outcome: string) => ({ startMs: Date.parse(text), outcome });
  const slots = slotsOf(
    [
      at('2025-12-31T23:59:59Z', 'failed'),
      at('2026-01-01T00:00:00Z', 'unchanged'),
      at('2026-01-01T00:29:59Z', 'held'),
      at('2026-01-01T12:00:00Z', 'terminated'),
      at('2026-01-01T12:01:00Z', 'synced'),
      at('2026-01-01T12:02:00Z', 'synced'),
      at('2026-01-01T23:59:59Z', 'unchanged'),
    ],
    nowMs,
  );
  expect(slots).toHaveLength(SLOTS);
  const [first] = slots;
  expect(first).toEqual({ beginMs: nowMs - 86_400_000, word: 'warn', outcomes: { unchanged: 1, held: 1 } });
  expect(slots[24]).toMatchObject({ word: 'bad', outcomes: { terminated: 1, synced: 2 } });
  expect(slots[47]).toMatchObject({ word: 'good', outcomes: { unchanged: 1 } });
  expect(slots.filter(({ word }) => word === 'none')).toHaveLength(SLOTS - 3);
});
