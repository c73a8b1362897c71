import { readFileSync } from 'node:fs';
import { PAGE, tables, withResults } from '../../../dev/bench/report';
import {
  isMet,
  jsonText,
  makeRow,
  percentile,
  ratio,
  summarise,
  type Bar,
  type Results,
  type Row,
} from '../../../dev/bench/results';

function row(changed: Partial<Row> = {}): Row {
  return makeRow('origin-cycle', { secrets: 10_000, buckets: 64, value: 1.2, ...changed });
}

const times = { ours: summarise([1_300, 1_200, 1_500]), floor: summarise([1_000]) };

const results: Results = {
  date: '2026-02-03T04:05:06.000Z',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    memoryGiB: 8,
    node: 'v20.19.0',
    servers: { Temporal: '1.5.1', Consul: '1.22.7', Vault: '1.21.2' },
    loadBefore: 0.1,
  },
  seed: 7,
  secrets: 10_000,
  rounds: 3,
  inFlight: 16,
  rows: [
    row(times),
    makeRow('unchanged-requests', {
      secrets: 8_000,
      buckets: 64,
      value: 9,
      details: { 'destination, unchanged': { 'origin Vault': { mount: 1, capabilities: 1 }, Consul: {} } },
    }),
  ],
  sizes: [{ what: 'origin: sync info', keys: 66, bytes: 1_234_567 }],
  others: [{ tool: 'vsync', work: 'a copy', secrets: 10_000, times: summarise([900, 950]) }],
};

/** The cells of a row, without its text. */
function cells(shown: Row): string[] {
  const [, , line = ''] = tables({ rows: [shown], others: [] }).split('\n');
  return line.split(' | ').slice(1);
}

describe('isMet', () => {
  const bars: [kind: Bar['kind'], limit: number, value: number, met: boolean][] = [
    ['at most', 1.3, 1.3, true],
    ['at most', 1.3, 1.31, false],
    ['below', 400, 400, false],
    ['below', 400, 100, true],
    ['at least', 1.8, 1.8, true],
    ['at least', 1.8, 0.9, false],
    ['at most', 0, 0, true],
    ['at most', 0, NaN, false],
  ];
  it.each(bars)('compares with the bar: %s %d, value %d, %s', (kind, limit, value, met) => {
    expect(isMet(row({ bar: { kind, limit }, value }))).toBe(met);
  });

  it('accepts every value of a row without a bar', () => {
    expect(isMet(makeRow('distant-10-scan', { secrets: 1, buckets: 1, value: 99 }))).toBe(true);
  });
});

test('makeRow refuses a row that is not listed', () => {
  expect(() => makeRow('origin-cycel', { secrets: 1, buckets: 1, value: 1 })).toThrow('no row origin-cycel');
});

describe('percentile', () => {
  it.each([
    { values: [4], share: 0.99, found: 4 },
    { values: [3, 1, 2], share: 0.5, found: 2 },
    { values: Array.from({ length: 200 }, (_, at) => 200 - at), share: 0.99, found: 198 },
    { values: [1, 2], share: 0, found: 1 },
  ])('of $share is $found', ({ values, share, found }) => {
    expect(percentile(values, share)).toBe(found);
  });

  it('refuses no values at all', () => {
    expect(() => percentile([], 0.99)).toThrow('there is no value');
  });
});

describe('summarise', () => {
  it.each([
    { values: [3], median: 3, min: 3, max: 3 },
    { values: [5, 1, 3], median: 3, min: 1, max: 5 },
    { values: [10, 2, 4, 8], median: 6, min: 2, max: 10 },
    { values: [9, 10, 100], median: 10, min: 9, max: 100 },
  ])('finds median, minimum and maximum of $values', ({ values, ...wanted }) => {
    expect(summarise(values)).toEqual({ ...wanted, values });
  });

  it('refuses an empty list, whose median would meet every bar', () => {
    expect(() => summarise([])).toThrow(new RangeError('there is no round to summarise'));
  });
});

describe('ratio', () => {
  it('compares the medians, not the best rounds', () => {
    const [ours, floor] = [summarise([12, 30, 13]), summarise([10, 10, 1])];
    expect(ratio(ours, floor)).toEqual({ value: 1.3, ours, floor });
  });

  it('refuses a floor that took no time', () => {
    expect(() => ratio(summarise([1]), summarise([0]))).toThrow(RangeError);
  });
});

describe('tables', () => {
  it('show the value, the bar, whether it is met, and the times', () => {
    expect(cells(row(times)).join(' | ')).toBe(
      '10,000 | 64 | 1.2 times | at most 1.3 times | yes | 1.30 s (1.20 to 1.50) | 1.00 s (1.00 to 1.00) |',
    );
  });

  it.each([
    [{ unit: 'ms', value: 0.1234 }, '0.123 ms'],
    [{ unit: 'ms', value: 1234.5 }, '1,235 ms'],
    [{ unit: 'MiB', value: 231.4 }, '231 MiB'],
    [{ unit: '%', value: 0.7349 }, '0.73 %'],
    [{ unit: 'bytes', value: 43_188 }, '43.2 kB'],
    [{ unit: 'bytes', value: 1_000_000 }, '1,000 kB'],
    [{ unit: 'requests', value: 7 }, '7 requests'],
    [{ unit: 'values', value: 1 }, '1 value'],
  ] as const)('show %j as %s', (changed, text) => {
    expect(cells(row(changed))[2]).toBe(text);
  });

  it('show NO if a bar is missed, and nothing without a bar', () => {
    expect(cells(row({ value: 2 }))[4]).toBe('NO');
    expect(cells(makeRow('distant-10-scan', { secrets: 1, buckets: 1, value: 2 })).slice(3, 5)).toEqual([
      '',
      '',
    ]);
  });

  it('show short times in milliseconds', () => {
    expect(cells(row({ ours: summarise([300.4, 20, 999]) }))[5]).toBe('300 ms (20 to 999)');
  });
});

describe('withResults', () => {
  const page = readFileSync(PAGE, 'utf8');

  it('writes the results between the two markers, and changes nothing else', () => {
    const written = withResults(page, results);
    expect(written).toContain('Taken on 2026-02-03: Some CPU, 2 cores, 8 GiB of memory; load before: 0.1');
    expect(written).toContain('- Node.js v20.19.0; Temporal 1.5.1, Consul 1.22.7, Vault 1.21.2');
    expect(written).toContain('10,000 secrets, seed 7, 3 rounds, 16 requests in flight');
    expect(written).toContain('| vsync | a copy | 10,000 | 925 ms (900 to 950) |');
    expect(written).toContain('| destination, unchanged | origin Vault | mount 1, capabilities 1 |');
    expect(written).toContain('| destination, unchanged | Consul | none |');
    expect(written).toContain('| origin: sync info | 66 | 1,235 kB |');
    expect(withResults(written, results)).toBe(written);
    const [begin = ''] = page.split('<!-- results: begin');
    expect(begin).not.toBe('');
    expect(written.startsWith(begin)).toBe(true);
  });

  it('refuses a page without the markers', () => {
    expect(() => withResults('# Benchmarks', results)).toThrow('the page must have');
  });
});

test('jsonText contains for each row whether its bar is met', () => {
  const parsed = JSON.parse(jsonText(results)) as { rows: { id: string; met: boolean }[] };
  expect(parsed).toMatchObject({ seed: 7, machine: { cores: 2 } });
  expect(parsed.rows.map(({ id, met }) => [id, met])).toEqual([
    ['origin-cycle', true],
    ['unchanged-requests', false],
  ]);
});
