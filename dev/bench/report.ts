import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMet, type Results, type Row, type Summary } from './results';

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
  const sizeRows = sizes.map(({ what, keys, bytes }) => [what, count(keys), `${count(bytes / 1000)} kB`]);
  const circumstances = [
    `- Taken on ${date.slice(0, 10)}: ${cpu}, ${cores} cores, ${memoryGiB} GiB of memory; load before: ${loadBefore}`,
    `- Node.js ${node}; ${versions.join(', ')}`,
    `- ${count(secrets)} secrets, seed ${seed}, ${rounds} rounds, ${inFlight} requests in flight`,
    ...(note === undefined ? [] : [`- ${note}`]),
  ];
  return joined([
    circumstances.join('\n'),
    tables(results),
    table(['cycle', 'server', 'requests'], requestRows(results.rows), 'Requests by kind, one mount:'),
    table(['of', 'keys', 'values'], sizeRows, 'Sizes in Consul after the cycles above:'),
  ]);
}

/** The rows, and those of other tools. */
export function tables({ rows, others }: Pick<Results, 'rows' | 'others'>): string {
  const headings = ['work', 'secrets', 'buckets', 'measured', 'bar', 'met', 'ours', 'compared with'];
  const ofOthers = others.map(({ tool, work, secrets, times }) => [
    tool,
    work,
    count(secrets),
    spread(times),
  ]);
  return joined([table(headings, rows.map(cellsOf)), table(['tool', 'work', 'secrets', 'time'], ofOthers)]);
}

function cellsOf(row: Row): string[] {
  const { work, secrets, buckets, value, unit, bar, ours, floor } = row;
  const limit =
    bar === undefined ? ['', ''] : [`${bar.kind} ${withUnit(bar.limit, unit)}`, isMet(row) ? 'yes' : 'NO'];
  const times = [ours, floor].map((summary) => (summary === undefined ? '' : spread(summary)));
  return [work, count(secrets), count(buckets), withUnit(value, unit), ...limit, ...times];
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
function table(headings: string[], rows: readonly string[][], title?: string): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return joined([title ?? '', [headings, headings.map(() => '---'), ...rows].map(line).join('\n')]);
}

/** With an empty line between those that are there. */
function joined(blocks: readonly string[]): string {
  return blocks.filter(Boolean).join('\n\n');
}

/** Times in milliseconds: "1.52 s (1.48 to 1.70)", the median and its spread. */
function spread({ median, min, max }: Summary): string {
  const shown = (ms: number): string => (max >= 1_000 ? (ms / 1_000).toFixed(2) : String(Math.round(ms)));
  return `${shown(median)} ${max >= 1_000 ? 's' : 'ms'} (${shown(min)} to ${shown(max)})`;
}

function withUnit(value: number, unit: Row['unit']): string {
  if (unit === 'ms') return `${count(value, value >= 10 ? 0 : 3)} ms`;
  if (unit === 'bytes') return `${count(value / 1000, 1)} kB`;
  if (unit === 'times' || unit === '%') return `${count(value, 2)} ${unit}`;
  return `${count(value)} ${value === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** With a comma between thousands. @param digits behind the point, at most */
function count(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
