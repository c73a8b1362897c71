import { styleText } from 'node:util';

/* Lines of a screen: wrapped to its width, with a colour where the terminal has any. */

export interface Screen {
  /** Characters of a line; Infinity: lines are not wrapped, so that programs find them. */
  readonly width: number;
  readonly colours: boolean;
}

export const PLAIN: Screen = { width: Infinity, colours: false };

/** Narrower terminals get lines of this width. */
const LEAST_WIDTH = 40;

/** No colour without a terminal, with NO_COLOR (https://no-color.org), and on a terminal that has none. */
export function screenOf(
  { isTTY, columns }: { isTTY?: boolean; columns?: number },
  { NO_COLOR = '', TERM }: NodeJS.ProcessEnv,
): Screen {
  if (isTTY !== true) return PLAIN;
  const width = columns === undefined || columns === 0 ? 80 : Math.max(LEAST_WIDTH, columns);
  return { width, colours: NO_COLOR === '' && TERM !== 'dumb' };
}

export type Colour = 'green' | 'yellow' | 'red' | 'bold';

export function paint({ colours }: Screen, colour: Colour, text: string): string {
  // Whether there are colours was decided before.
  return colours ? styleText(colour, text, { validateStream: false }) : text;
}

/** One text in lines; those after the first begin with spaces. A word that is longer than a line is left whole. */
export function wrapped(
  { width }: Screen,
  text: string,
  indent: number,
  first = ' '.repeat(indent),
): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(indent);
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Columns as wide as their longest cell; what does not fit into the width is cut off. */
export function table({ width }: Screen, rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) => {
    const line = row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
    return line.length > width ? `${line.slice(0, width - 1)}…` : line;
  });
}
