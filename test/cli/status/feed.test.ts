import { feedStatus } from '../../../src/cli/status/feed';
import { POLLER_GONE_MS } from '../../../src/limits';
import type { FeedDone, FeedRecord, NotedFeed } from '../../../src/sync-info/feed-record';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const FEED = { fullScanEveryMs: 15 * 60_000, tickMs: 60_000 };

const record = (receiver: string, more: Partial<FeedRecord> = {}): FeedRecord => ({
  v: 1,
  receiver,
  gaps: 2,
  why: 'connection',
  hints: [],
  seen: [],
  writtenMs: NOW - 60_000,
  ...more,
});

function noted(records: FeedRecord[], done: Partial<FeedDone> = {}): NotedFeed {
  const gaps = Object.fromEntries(records.map((one) => [one.receiver, one.gaps]));
  const scan = { beganMs: NOW - 5 * 60_000, gaps, mounts: {}, partial: 0 };
  return {
    done: { v: 1, fingerprint: 'f', scan, handled: {}, ...done },
    doneRevision: 1,
    records,
    damaged: false,
  };
}

const live = record('a', {
  worker: '1@a',
  gapMs: NOW - 120_000,
  hints: [
    [1, 's/', 'x'],
    [2, 's/', 'y'],
  ],
  listeners: [
    { kind: 'socket', connections: 1, lineMs: NOW - 1_000 },
    { kind: 'http', connections: 0 },
  ],
});

test('feedStatus shows the listeners of each receiver, its last gap, the hints that wait, and the next full scan', () => {
  const polls = [{ identity: '1@a', lastMs: NOW - 1_000 }];
  expect(feedStatus(noted([live], { handled: { a: 1 } }), FEED, polls, NOW)).toEqual({
    receivers: [
      {
        receiver: 'a',
        worker: '1@a',
        polls: true,
        listeners: [
          { kind: 'socket', connected: true, connections: 1, lastLineAt: '2026-01-01T11:59:59.000Z' },
          { kind: 'http', connected: false, connections: 0 },
        ],
        gap: { count: 2, why: 'connection', at: '2026-01-01T11:58:00.000Z' },
        hints: 1,
        asOf: '2026-01-01T11:59:00.000Z',
      },
    ],
    scan: { nextAt: '2026-01-01T12:10:00.000Z' },
  });
});

test('feedStatus shows no connection of a worker that does not poll any more', () => {
  const [receiver] = feedStatus(
    noted([live]),
    FEED,
    [{ identity: '1@a', lastMs: NOW - POLLER_GONE_MS - 1 }],
    NOW,
  ).receivers;
  expect(receiver).toMatchObject({ polls: false, listeners: [{ connected: false }, { connected: false }] });
});

test('feedStatus leaves out whether a worker polls where Temporal did not answer', () => {
  const [receiver] = feedStatus(noted([live]), FEED, undefined, NOW).receivers;
  expect(receiver).not.toHaveProperty('polls');
  expect(receiver?.listeners[0]).toMatchObject({ connected: true });
});

test('feedStatus shows a record of an earlier version without worker and listeners', () => {
  expect(feedStatus(noted([record('old')]), FEED, [], NOW).receivers).toEqual([
    {
      receiver: 'old',
      listeners: [],
      gap: { count: 2, why: 'connection' },
      hints: 0,
      asOf: '2026-01-01T11:59:00.000Z',
    },
  ]);
});

test.each<[what: string, feed: NotedFeed, why: string]>([
  [
    'after a gap',
    noted([live], { scan: scanOf({ a: 1 }) }),
    'the feed may have missed a change (connection)',
  ],
  ['without a receiver', noted([]), 'no receiver has listened yet'],
  ['without an earlier one', { ...noted([live]), done: undefined }, 'no earlier one is noted'],
  ['with a damaged record', { ...noted([live]), damaged: true }, 'a record of the feed in Consul is damaged'],
])('feedStatus shows that the next cycle is a full scan %s', (_, feed, why) => {
  expect(feedStatus(feed, FEED, [], NOW).scan).toEqual({ why });
});

function scanOf(gaps: Record<string, number>): FeedDone['scan'] {
  return { beganMs: NOW, gaps, mounts: {}, partial: 0 };
}

test('feedStatus lists the receiver that wrote last first', () => {
  const older = record('b', { writtenMs: NOW - 3_600_000 });
  const shown = feedStatus(noted([older, record('a')]), FEED, [], NOW).receivers;
  expect(shown.map(({ receiver }) => receiver)).toEqual(['a', 'b']);
});
