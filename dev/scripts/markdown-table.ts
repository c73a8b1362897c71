/** A table as prettier would lay it out, so that formatting and this script never disagree. */
export function aligned(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`;
  const [heading = [], ...body] = rows;
  return [line(heading), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** As code in a cell. */
export function code(text: string): string {
  return `\`${cell(text)}\``;
}

/** A text that is no end of its cell. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
