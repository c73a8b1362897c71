import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMet, type OtherRow, type Results, type Row, type Summary } from './results';

/** The results for people, as Markdown: in the terminal and in docs/benchmarks.md. */

export const PAGE = path.join(__dirname, '..', '..', 'docs', 'benchmarks.md');
const BEGIN = '<!-- results: begin; written by "npm run bench -- --write-docs", not by hand -->';
const END = '<!-- results: end -->';

/** Writes the results into the page. */
export async function writePage(results: Results): Promise<void> {
  writeFileSync(PAGE, await formatted(withResults(readFileSync(PAGE, 'utf8'), results)));
}

/** Markdown with columns of equal width. */
export async function formatted(markdown: string): Promise<string> {
  // Loaded only here: the loader of the tests cannot load it.
  const { format, resolveConfig } = await import('prettier');
  return format(markdown, { ...(await resolveConfig(PAGE)), filepath: PAGE });
}

/** The page with these results between its markers. @throws Error if one of them is missing */
export function withResults(page: string, results: Results): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page must have "${BEGIN}" and behind it "${END}"`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${report(results)}\n\n${page.slice(end)}`;
}

function report(results: Results): string {
  const { date, machine, seed, secrets, rounds, inFlight, note, sizes } = results;
  const { cpu, cores, memoryGiB, node, servers, loadBefore } = machine;
  const versions = Object.entries(servers).map((server) => server.join(' '));
  const requests = requestRows(results.rows);
  const sizeRows = sizes.map(({ what, keys, bytes }) => [
    what,
    count(keys),
    `${count(Math.round(bytes / 1000))} kB`,
  ]);
  return [
    [
      `- Taken on ${date.slice(0, 10)}: ${cpu}, ${cores} cores, ${memoryGiB} GiB of memory; load before: ${loadBefore}`,
      `- Node.js ${node}; ${versions.join(', ')}`,
      `- ${count(secrets)} secrets, seed ${seed}, ${rounds} rounds, ${inFlight} requests in flight`,
      ...(note === undefined ? [] : [`- ${note}`]),
    ].join('\n'),
    tables(results),
    requests.length > 0 && 'Requests by kind, one mount:',
    table(['cycle', 'server', 'requests'], requests),
    sizes.length > 0 && 'Sizes in Consul after the cycles above:',
    table(['of', 'keys', 'values'], sizeRows),
  ]
    .filter(Boolean)
    .join('\n\n');
}

/** The rows, and those of other tools. */
export function tables({ rows, others }: Pick<Results, 'rows' | 'others'>): string {
  const headings = ['work', 'secrets', 'buckets', 'measured', 'bar', 'met', 'ours', 'compared with'];
  return [
    table(headings, rows.map(cellsOf)),
    table(['tool', 'work', 'secrets', 'time'], others.map(otherCellsOf)),
  ]
    .filter(Boolean)
    .join('\n\n');
}

function cellsOf(row: Row): string[] {
  const { work, secrets, buckets, value, unit, bar, ours, floor } = row;
  const limit =
    bar === undefined ? ['', ''] : [`${bar.kind} ${withUnit(bar.limit, unit)}`, isMet(row) ? 'yes' : 'NO'];
  const times = [ours, floor].map((summary) => (summary === undefined ? '' : spread(summary)));
  return [work, count(secrets), count(buckets), withUnit(value, unit), ...limit, ...times];
}

function otherCellsOf({ tool, work, secrets, times }: OtherRow): string[] {
  return [tool, work, count(secrets), spread(times)];
}

/** Requests by kind, of the rows that count them. */
function requestRows(rows: readonly Row[]): string[][] {
  const counted = rows.filter(({ id }) => id === 'unchanged-requests' || id === 'idle-writes');
  return counted.flatMap(({ details }) =>
    Object.entries(details as Record<string, Record<string, Record<string, number>>>).flatMap(
      ([cycle, servers]) =>
        Object.entries(servers).map(([server, kinds]) => {
          const requests = Object.entries(kinds).map((kind) => kind.join(' '));
          return [cycle, server, requests.join(', ') || 'none'];
        }),
    ),
  );
}

/** Nothing without rows. */
function table(headings: string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return rows.length === 0 ? '' : [headings, headings.map(() => '---'), ...rows].map(line).join('\n');
}

/** Times in milliseconds: "1.52 s (1.48 to 1.70)", the median and its spread. */
function spread({ median, min, max }: Summary): string {
  const shown = (ms: number): string => (max >= 1_000 ? (ms / 1_000).toFixed(2) : String(Math.round(ms)));
  return `${shown(median)} ${max >= 1_000 ? 's' : 'ms'} (${shown(min)} to ${shown(max)})`;
}

function withUnit(value: number, unit: Row['unit']): string {
  if (unit === 'times') return `${Number(value.toFixed(2))} times`;
  if (unit === 'ms') return `${value >= 10 ? count(Math.round(value)) : Number(value.toFixed(3))} ms`;
  if (unit === '%') return `${Number(value.toFixed(2))} %`;
  if (unit === 'MiB') return `${Math.round(value)} MiB`;
  if (unit === 'bytes') return `${count(Number((value / 1000).toFixed(1)))} kB`;
  return `${count(value)} ${value === 1 ? unit.slice(0, -1) : unit}`;
}

/** With a comma between thousands. */
function count(value: number): string {
  return value.toLocaleString('en-US');
}
