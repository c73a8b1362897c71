import { isMet, shareOfBar, type Row } from './rows';

const WIDTH = 860;
const LABELS = 330;
const LINE = 34;
const TOP = 54;
/** Where the bar of the issue, a share of 1, stands; what is longer than the picture is cut off. */
const UNIT = 240;
const MOST = (WIDTH - LABELS - 90) / UNIT;

interface Shown {
  id: string;
  share: number;
  met: boolean;
}

/** One bar for each row that has one: how much of it is used up. Left of the line is met. */
export function plot(all: readonly Row[]): string {
  const rows = all.flatMap((row): Shown[] => {
    const { id, value, bar } = row;
    return bar === undefined ? [] : [{ id, share: shareOfBar(value, bar), met: isMet(row) }];
  });
  const height = TOP + rows.length * LINE + 16;
  const line = LABELS + UNIT;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<title>Each measurement as a share of its bar</title>',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="${LABELS}" y="20" fill="#333333">Share of the bar that is used up; left of the line it is met</text>`,
    ...rows.map((row, position) => barOf(row, TOP + position * LINE)),
    `<line x1="${line}" y1="${TOP - 16}" x2="${line}" y2="${height - 8}" stroke="#333333" stroke-dasharray="4 3"/>`,
    `<text x="${line}" y="${TOP - 20}" text-anchor="middle" fill="#333333">bar</text>`,
    '</svg>',
  ].join('\n')}\n`;
}

function barOf({ id, share, met }: Shown, y: number): string {
  const width = Math.max(1, Math.round(Math.min(share, MOST) * UNIT));
  const colour = met ? '#2f7d4f' : '#b5452c';
  const told = Number.isFinite(share) ? `${Math.round(share * 100)} %` : 'over';
  return [
    `<text x="${LABELS - 10}" y="${y + 13}" text-anchor="end" fill="#333333">${escape(id)}</text>`,
    `<rect x="${LABELS}" y="${y}" width="${width}" height="18" fill="${colour}"/>`,
    `<text x="${LABELS + width + 6}" y="${y + 13}" fill="#333333">${told}</text>`,
  ].join('\n');
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
