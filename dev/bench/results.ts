import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Machine } from './machine';
import type { OtherRow } from './parts/others';
import { plot } from './plot';
import { isMet, type Row } from './rows';
import type { ConsulSize } from './sizes';
import { cellsOf, HEADINGS, markdownTable, OTHER_HEADINGS, otherCellsOf } from './table';

/** All that one run found. */
export interface Results {
  /** ISO 8601 */
  date: string;
  machine: Machine;
  seed: number;
  secrets: number;
  rounds: number;
  inFlight: number;
  note?: string;
  rows: Row[];
  sizes: ConsulSize[];
  others: OtherRow[];
}

const DOCS = path.join(__dirname, '..', '..', 'docs');
export const PAGE = path.join(DOCS, 'benchmarks.md');
export const PLOT = path.join(DOCS, 'benchmarks.svg');

const BEGIN = '<!-- results: begin; written by "npm run bench -- --write-docs", not by hand -->';
const END = '<!-- results: end -->';

/** The results as JSON, each row with whether its bar is met. */
export function jsonText({ rows, ...rest }: Results): string {
  return `${JSON.stringify({ ...rest, rows: rows.map((row) => ({ ...row, met: isMet(row) })) }, null, 2)}\n`;
}

/** Writes the page and its plot. */
export async function writeDocs(results: Results): Promise<void> {
  const page = withResults(readFileSync(PAGE, 'utf8'), results);
  // Only here: it loads itself in a way that the tests' loader does not know.
  const { format, resolveConfig } = await import('prettier');
  writeFileSync(PAGE, await format(page, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
  writeFileSync(PLOT, plot(results.rows));
}

/**
 * The page with the results of another run; all else stays as it is.
 *
 * @throws Error if one of the two markers is missing
 */
export function withResults(page: string, results: Results): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page must have "${BEGIN}" and behind it "${END}"`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${report(results)}\n\n${page.slice(end)}`;
}

function report({
  date,
  machine,
  seed,
  secrets,
  rounds,
  inFlight,
  note,
  rows,
  sizes,
  others,
}: Results): string {
  const { cpu, cores, memoryGiB, node, servers, loadBefore } = machine;
  return [
    [
      `- Taken on ${date.slice(0, 10)}: ${cpu}, ${cores} cores, ${memoryGiB} GiB of memory; load before: ${loadBefore}`,
      `- Node.js ${node}; ${named(servers)}`,
      `- ${secrets.toLocaleString('en-US')} secrets, seed ${seed}, ${rounds} rounds, ${inFlight} requests in flight`,
      ...(note === undefined ? [] : [`- ${note}`]),
    ].join('\n'),
    '![each measurement as a share of its bar](benchmarks.svg)',
    markdownTable(HEADINGS, rows.map(cellsOf)),
    ...(others.length === 0 ? [] : [markdownTable(OTHER_HEADINGS, others.map(otherCellsOf))]),
    ...requestTables(rows),
    ...sizeTable(sizes),
  ].join('\n\n');
}

function named(versions: Record<string, string>): string {
  return Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');
}

/** Requests by kind, of the rows that have them. */
function requestTables(rows: readonly Row[]): string[] {
  const unchanged = rows.find(({ id }) => id === 'unchanged-requests');
  const idle = rows.find(({ id }) => id === 'idle-writes');
  const cycles = Object.entries({ ...idle?.details, ...prefixed(unchanged?.details ?? {}) });
  if (cycles.length === 0) return [];
  const lines = cycles.flatMap(([cycle, servers]) =>
    Object.entries(servers as Record<string, Record<string, number>>).map(([server, kinds]) => [
      cycle,
      server,
      Object.entries(kinds)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', ') || 'none',
    ]),
  );
  return ['Requests by kind, one mount:', markdownTable(['cycle', 'server', 'requests'], lines)];
}

function sizeTable(sizes: readonly ConsulSize[]): string[] {
  if (sizes.length === 0) return [];
  const lines = sizes.map(({ what, keys, bytes }) => [
    what,
    keys.toLocaleString('en-US'),
    `${Math.round(bytes / 1000).toLocaleString('en-US')} kB`,
  ]);
  return ['Sizes in Consul after the cycles above:', markdownTable(['of', 'keys', 'values'], lines)];
}

function prefixed(details: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [`destination, unchanged, ${name}`, value]),
  );
}
