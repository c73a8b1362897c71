import { readFileSync } from 'node:fs';
import { plot } from '../../../dev/bench/plot';
import { jsonText, PAGE, withResults, type Results } from '../../../dev/bench/results';
import { summarise } from '../../../dev/bench/statistics';
import { cellsOf, HEADINGS, markdownTable, spread, textTable } from '../../../dev/bench/table';
import { row } from './fixtures';

const times = { ours: summarise([1_300, 1_200, 1_500]), floor: summarise([1_000]) };

const results: Results = {
  date: '2026-02-03T04:05:06.000Z',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    memoryGiB: 8,
    node: 'v20.19.0',
    servers: { Consul: '1.22.7', Vault: '1.21.2' },
    loadBefore: 0.1,
  },
  seed: 7,
  secrets: 10_000,
  rounds: 3,
  inFlight: 16,
  rows: [
    row(times),
    row({
      id: 'unchanged-requests',
      unit: 'requests',
      value: 9,
      bar: { kind: 'at most', limit: 8 },
      details: { '8000 secrets': { 'origin Vault': { mount: 1, capabilities: 1 }, Consul: {} } },
    }),
  ],
  sizes: [{ what: 'origin: sync info', keys: 66, bytes: 1_234_567 }],
  others: [{ tool: 'vsync', work: 'a copy', secrets: 10_000, times: summarise([900, 950]) }],
};

describe('cells', () => {
  it('say the value, the bar, whether it is met, and the times', () => {
    expect(cellsOf(row(times))).toEqual([
      'some work',
      '10,000',
      '64',
      '1.2 times',
      'at most 1.3 times',
      'yes',
      '1.30 s (1.20 to 1.50)',
      '1.00 s (1.00 to 1.00)',
    ]);
  });

  it.each([
    [{ unit: 'ms', value: 0.1234 }, '0.123 ms'],
    [{ unit: 'ms', value: 1234.5 }, '1,235 ms'],
    [{ unit: 'MiB', value: 231.4 }, '231 MiB'],
    [{ unit: 'bytes', value: 43_188 }, '43.2 kB'],
    [{ unit: 'bytes', value: 1_000_000 }, '1,000 kB'],
    [{ unit: 'requests', value: 7 }, '7 requests'],
    [{ unit: 'values', value: 1 }, '1 value'],
  ] as const)('of %j say %s', (changed, text) => {
    expect(cellsOf(row(changed))[HEADINGS.indexOf('measured')]).toBe(text);
  });

  it('say NO where a bar is missed', () => {
    expect(cellsOf(row({ value: 2 }))[HEADINGS.indexOf('met')]).toBe('NO');
  });

  it('show short times in milliseconds', () => {
    expect(spread(summarise([300.4, 20, 999]))).toBe('300 ms (20 to 999)');
  });
});

describe('tables', () => {
  it('for the terminal have columns of equal width', () => {
    const table = textTable(
      ['a', 'bbb'],
      [
        ['1234', 'x'],
        ['1', ''],
      ],
    );
    expect(table).toBe('a     bbb\n1234  x\n1');
  });

  it('in Markdown keep a bar in a text apart from their own', () => {
    expect(markdownTable(['a'], [['x | y']])).toBe('| a |\n| --- |\n| x \\| y |');
  });
});

describe('the page', () => {
  const page = readFileSync(PAGE, 'utf8');

  it('takes the results of a run between its two marks, and keeps all else', () => {
    const written = withResults(page, results);
    expect(written).toContain('Taken on 2026-02-03: Some CPU, 2 cores, 8 GiB of memory; load before: 0.1');
    expect(written).toContain('- Node.js v20.19.0; Consul 1.22.7, Vault 1.21.2');
    expect(written).toContain('10,000 secrets, seed 7, 3 rounds, 16 requests in flight');
    expect(written).toContain('| vsync | a copy | 10,000 | 925 ms (900 to 950) |');
    expect(written).toContain(
      '| destination, unchanged, 8000 secrets | origin Vault | mount 1, capabilities 1 |',
    );
    expect(written).toContain('| destination, unchanged, 8000 secrets | Consul | none |');
    expect(written).toContain('| origin: sync info | 66 | 1,235 kB |');
    expect(withResults(written, results)).toBe(written);
    const [begin = ''] = page.split('<!-- results: begin');
    expect(begin).not.toBe('');
    expect(written.startsWith(begin)).toBe(true);
  });

  it('must have its marks', () => {
    expect(() => withResults('# Benchmarks', results)).toThrow('the page must have');
  });
});

test('the JSON says of each row whether its bar is met', () => {
  const parsed = JSON.parse(jsonText(results)) as { rows: { id: string; met: boolean }[] };
  expect(parsed).toMatchObject({ seed: 7, machine: { cores: 2 } });
  expect(parsed.rows.map(({ id, met }) => [id, met])).toEqual([
    ['a-row', true],
    ['unchanged-requests', false],
  ]);
});

describe('the plot', () => {
  it('has a bar for each row, in the colour of what was met or missed', () => {
    const { bar: _bar, ...told } = row({ id: 'told-only' });
    const svg = plot([...results.rows, told]);
    expect(svg).not.toContain('told-only');
    expect(cellsOf(told).slice(4, 6)).toEqual(['', '']);
    expect(svg.match(/<rect x=/g)).toHaveLength(2);
    expect(svg).toContain('>92 %</text>');
    expect(svg).toContain('>113 %</text>');
    expect(svg.match(/#b5452c/g)).toHaveLength(1);
  });

  it('cuts off what is far over, and says so where nothing was allowed', () => {
    const svg = plot([row({ value: 1, bar: { kind: 'at most', limit: 0 } }), row({ value: 50 })]);
    const widths = [...svg.matchAll(/<rect x="330" y="\d+" width="(\d+)"/g)].map(([, width]) => width);
    expect(widths).toEqual(['440', '440']);
    expect(svg).toContain('>over</text>');
  });

  it('escapes what XML would misread', () => {
    expect(plot([row({ id: 'a<b&c' })])).toContain('>a&lt;b&amp;c</text>');
  });
});
