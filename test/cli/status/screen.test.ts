import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { judge } from '../../../src/cli/status/judge';
import { PLAIN, screenOf, table, wrapped } from '../../../src/cli/status/layout';
import { formatStatus } from '../../../src/cli/status/screen';
import type { Facts, Status } from '../../../src/cli/status/status';
import { AT, counted, cycle, wellDestination, wellOrigin } from './facts';

/**
 * The screens as an operator sees them are in golden/, at 80 and 120 columns. After an intended change:
 * VSYNC_TEST_WRITE_GOLDEN=1 npx jest --selectProjects unit -- test/cli/status/screen
 */

const GOLDEN = path.join(__dirname, 'golden');

const shown = (facts: Facts): Status => ({ ...facts, ...judge(facts, 'site1.yaml') });

const failingDestination = wellDestination({
  worker: { queue: 'vsync-destination-site1', polling: [] },
  vaults: {
    origin: { address: 'https://vault-main:8200', product: 'OpenBao', version: '2.6.2', sealed: true },
    destination: { address: 'https://vault-site1:8200', problem: 'connection refused' },
  },
  paused: true,
  pause: { reason: 'Vault upgrade', by: 'ann@ops-1', at: '2026-01-01T11:12:00.000Z' },
  watch: 'terminated',
  lag: { ms: 754_000, secrets: 3, since: '2026-01-01T11:47:26.031184263Z' },
  totals: { inStep: 9_990, toAdd: 1, toUpdate: 2, toDelete: 4, retained: 0 },
  held: {
    count: 4,
    hash: 'abcdef0123456789',
    reason: '4 of 9,997 secrets would go, more than maxDeletes allows',
  },
  orphans: 7,
  expiries: { copies: 5, early: 2, nextAt: '2026-01-02T00:00:00.000Z' },
  push: { state: 'running', last: { at: '2026-01-01T11:59:58.000Z', there: 0, left: 2, why: 'paused' } },
  cycles: [
    cycle(5, 'partial', {
      counts: counted({ failed: 2, held: 4 }),
      failures: [
        {
          path: 'secret/data/team-with-a-long-name/application-with-a-long-name/database',
          class: 'forbidden',
        },
        { path: 'secret/data/b', class: 'collision', with: 'secret/data/B' },
      ],
    }),
    cycle(10, 'failed', {
      note: 'VaultForbidden: preflight: Vault https://vault-site1:8200: permission denied',
    }),
  ],
});

const feedOrigin = wellOrigin({
  feed: {
    receivers: [
      {
        receiver: 'a',
        worker: '4711@vsync-1',
        polls: true,
        listeners: [
          { kind: 'socket', connected: true, connections: 1, lastLineAt: '2026-01-01T11:59:59.000Z' },
          { kind: 'http', connected: false, connections: 0 },
        ],
        gap: { count: 2, why: 'connection', at: '2026-01-01T10:00:00.000Z' },
        hints: 3,
        asOf: '2026-01-01T11:59:58.000Z',
      },
      {
        receiver: 'b',
        worker: '12@vsync-2',
        polls: false,
        listeners: [],
        gap: { count: 1, why: 'start' },
        hints: 0,
        asOf: '2026-01-01T06:00:00.000Z',
      },
    ],
    scan: { nextAt: '2026-01-01T12:10:00.000Z' },
  },
});

const {
  lag: _lag,
  totals: _totals,
  last: _last,
  ...withoutConsul
} = wellDestination({
  unknown: [{ what: 'what sync info holds', why: 'Consul http://consul:8500: vsync/: connection refused' }],
});

const SCREENS: Record<string, Status> = {
  'in-step': shown(wellDestination()),
  failing: shown(failingDestination),
  'feed-origin': shown(feedOrigin),
  'without-consul': shown(withoutConsul),
};

test.each(Object.keys(SCREENS).flatMap((name) => [80, 120].map((width): [string, number] => [name, width])))(
  'formatStatus shows the screen %s at %s columns as it is in golden/',
  (name, width) => {
    const text = `${formatStatus(SCREENS[name] as Status, { width, colours: false })}\n`;
    const file = path.join(GOLDEN, `${name}-${width}.txt`);
    if (process.env['VSYNC_TEST_WRITE_GOLDEN'] === '1') writeFileSync(file, text);
    expect(text).toBe(readFileSync(file, 'utf8'));
    // A word that is longer than a line, and commands that are to be copied, are left whole.
    const long = text.split('\n').filter((line) => line.length > width && / \S+ \S/.test(line.trim()));
    expect(long).toEqual([]);
  },
);

test('formatStatus has colours only where the screen has them, and the same text', () => {
  const status = SCREENS['failing'] as Status;
  const coloured = formatStatus(status, { width: 80, colours: true });
  // eslint-disable-next-line no-control-regex
  const stripped = coloured.replace(/\u001b\[\d+m/g, '');
  expect(stripped).toBe(formatStatus(status, { width: 80, colours: false }));
  expect(coloured).toContain('\u001b[31mfailing\u001b[39m');
  expect(formatStatus(status)).not.toContain('\u001b');
});

test('formatStatus without a terminal keeps each fact on one line', () => {
  const lines = formatStatus(SCREENS['failing'] as Status).split('\n');
  expect(lines.find((line) => line.startsWith('  held'))).toMatch(
    /approve --set abcdef012345.*maxDeletes allows$/,
  );
});

test.each<[what: string, stream: object, env: NodeJS.ProcessEnv, expected: object]>([
  ['a file or a pipe', {}, {}, PLAIN],
  ['a terminal', { isTTY: true, columns: 100 }, {}, { width: 100, colours: true }],
  [
    'a terminal with NO_COLOR',
    { isTTY: true, columns: 100 },
    { NO_COLOR: '1' },
    { width: 100, colours: false },
  ],
  [
    'a terminal with an empty NO_COLOR',
    { isTTY: true, columns: 90 },
    { NO_COLOR: '' },
    { width: 90, colours: true },
  ],
  ['a dumb terminal', { isTTY: true, columns: 100 }, { TERM: 'dumb' }, { width: 100, colours: false }],
  ['a terminal of unknown width', { isTTY: true, columns: 0 }, {}, { width: 80, colours: true }],
  ['a narrow terminal', { isTTY: true, columns: 10 }, {}, { width: 40, colours: true }],
])('screenOf describes %s', (_what, stream, env, expected) => {
  expect(screenOf(stream, env)).toEqual(expected);
});

test('wrapped begins each further line with the indent, and leaves a long word whole', () => {
  const screen = { width: 12, colours: false };
  expect(wrapped(screen, 'one two three fourteen-letters', 2, '- ')).toEqual([
    '- one two',
    '  three',
    '  fourteen-letters',
  ]);
});

test('table aligns columns and cuts off what does not fit', () => {
  const rows = [
    ['SYNC', 'WORD'],
    ['a-long-name', 'behind'],
  ];
  expect(table({ width: 16, colours: false }, rows)).toEqual(
    ['SYNC         WO…', 'a-long-name  be…'].map((line) => line),
  );
  expect(table(PLAIN, rows)).toEqual(['SYNC         WORD', 'a-long-name  behind']);
});

test('formatStatus shows the time of the status in no line of its own', () => {
  expect(formatStatus(SCREENS['in-step'] as Status)).not.toContain(AT);
});
