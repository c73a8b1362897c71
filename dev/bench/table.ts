import type { OtherRow } from './parts/others';
import { isMet, type Row } from './rows';
import type { Summary } from './statistics';

/** Columns of the table of results. */
export const HEADINGS = ['work', 'secrets', 'buckets', 'measured', 'bar', 'met', 'ours', 'compared with'];

/** One row as texts, in the order of the headings. */
export function cellsOf(row: Row): string[] {
  const { work, secrets, buckets, value, unit, bar, ours, floor } = row;
  return [
    work,
    count(secrets),
    count(buckets),
    withUnit(value, unit),
    bar === undefined ? '' : `${bar.kind} ${withUnit(bar.limit, unit)}`,
    bar === undefined ? '' : isMet(row) ? 'yes' : 'NO',
    ours === undefined ? '' : spread(ours),
    floor === undefined ? '' : spread(floor),
  ];
}

export const OTHER_HEADINGS = ['tool', 'work', 'secrets', 'time'];

export function otherCellsOf({ tool, work, secrets, times }: OtherRow): string[] {
  return [tool, work, count(secrets), spread(times)];
}

/** A table for the terminal: columns of equal width, two blanks between them. */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)));
  const lines = all.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

/** The same as Markdown; whoever writes it to a file formats it. */
export function markdownTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Times in milliseconds: "1.52 s (1.48 to 1.70)", the median and its spread. */
export function spread({ median, min, max }: Summary): string {
  const [unit, by] = max >= 1_000 ? ['s', 1_000] : ['ms', 1];
  const shown = (ms: number): string => (by === 1 ? String(Math.round(ms)) : (ms / by).toFixed(2));
  return `${shown(median)} ${unit} (${shown(min)} to ${shown(max)})`;
}

function withUnit(value: number, unit: Row['unit']): string {
  switch (unit) {
    case 'times':
      return `${round(value, 2)} times`;
    case 'ms':
      return `${value >= 10 ? count(Math.round(value)) : round(value, 3)} ms`;
    case 'MiB':
      return `${Math.round(value)} MiB`;
    case 'bytes':
      return `${count(Number((value / 1000).toFixed(1)))} kB`;
    case 'connections':
    case 'events':
    case 'requests':
    case 'transactions':
    case 'values':
    case 'writes':
      return `${count(value)} ${value === 1 ? unit.slice(0, -1) : unit}`;
  }
}

/** Rounded, without zeros at the end. */
function round(value: number, digits: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(digits))) : String(value);
}

/** With a comma between thousands. */
function count(value: number): string {
  return value.toLocaleString('en-US');
}
