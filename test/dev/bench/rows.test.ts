import { historyRows, isMet, memoryRows, shareOfBar, type Bar } from '../../../dev/bench/rows';
import { row } from './fixtures';

const bars: [kind: Bar['kind'], limit: number, value: number, met: boolean, share: number][] = [
  ['at most', 1.3, 1.3, true, 1],
  ['at most', 1.3, 1.31, false, 1.31 / 1.3],
  ['below', 400, 400, false, 1],
  ['below', 400, 100, true, 0.25],
  ['at least', 1.8, 1.8, true, 1],
  ['at least', 1.8, 0.9, false, 2],
  ['at least', 1.8, 0, false, Infinity],
  ['at most', 0, 0, true, 0],
  ['at most', 0, 1, false, Infinity],
];

test.each(bars)('%s %d: %d', (kind, limit, value, met, share) => {
  const bar = { kind, limit };
  expect(isMet(row({ bar, value }))).toBe(met);
  expect(shareOfBar(value, bar)).toBe(share);
});

test('what has no bar misses none', () => {
  const { bar: _bar, ...rest } = row({ value: 1_000 });
  expect(isMet(rest)).toBe(true);
});

test('a value that is no number meets no bar', () => {
  expect(isMet(row({ value: NaN }))).toBe(false);
});

test('the memory is that of the larger worker', () => {
  const mib = 1024 * 1024;
  const memories = [
    { worker: 'origin', resident: 100 * mib, peak: 410 * mib },
    { worker: 'destination', resident: 150 * mib, peak: 200 * mib },
  ];
  const [only] = memoryRows(memories, 100_000, 64);
  expect(only).toMatchObject({ value: 410, unit: 'MiB', secrets: 100_000 });
  expect(only?.details).toEqual({
    origin: { residentMiB: 100, peakMiB: 410 },
    destination: { residentMiB: 150, peakMiB: 200 },
  });
  expect(memoryRows([], 1, 1)).toEqual([]);
});

test('the longest and the largest history count, though they need not be of one cycle', () => {
  const histories = [
    { cycle: 'origin', events: 30, bytes: 1_000_000 },
    { cycle: 'destination', events: 185, bytes: 40_000 },
  ];
  const [events, bytes] = historyRows(histories, 10, 64);
  expect([events?.value, bytes?.value]).toEqual([185, 1_000_000]);
  expect(events?.details).toEqual({ origin: 30, destination: 185 });
  expect(bytes === undefined ? undefined : isMet(bytes)).toBe(false);
  expect(historyRows([], 1, 1)).toEqual([]);
});
