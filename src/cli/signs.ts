import { printableName } from '../contract/ids';
import { paint, PLAIN, wrapped, type Colour, type Screen } from './status/layout';
import { firstLines } from './text';

/*
 * What a plan or a verify found, in the signs of a diff. Both print their paths this way, for a terminal and for a comment
 * on a pull request.
 */

/** What is to become of a secret, or why nothing can. In the order in which they are shown. */
export const FATES = ['add', 'update', 'delete', 'refused', 'unknown', 'held'] as const;
export type Fate = (typeof FATES)[number];

export const SIGNS: Readonly<Record<Fate, string>> = {
  add: '+',
  update: '~',
  delete: '-',
  refused: '!',
  unknown: '?',
  held: '#',
};

const COLOURS: Readonly<Record<Fate, Colour | undefined>> = {
  add: 'green',
  update: 'yellow',
  delete: 'red',
  refused: 'red',
  unknown: 'yellow',
  held: undefined,
};

/** One secret. Never holds a value. */
export interface Difference {
  readonly fate: Fate;
  /** As a person pastes it. */
  readonly path: string;
  /** At the destination, where it is another one. */
  readonly to?: string | undefined;
  readonly why: string;
}

/** A path can have any character. */
function textOf({ path, to, why }: Difference): string {
  const arrow = to === undefined ? '' : ` -> ${printableName(to)}`;
  return `${printableName(path)}${arrow}  (${why})`;
}

/** A line for each, by fate; at most 20 of a fate. */
export function differenceLines(differences: readonly Difference[], screen: Screen = PLAIN): string[] {
  return FATES.flatMap((fate) => {
    const sign = SIGNS[fate];
    const colour = COLOURS[fate];
    const painted = colour === undefined ? sign : paint(screen, colour, sign);
    const blocks = differences
      .filter((one) => one.fate === fate)
      .map((one) => {
        const [first = '', ...others] = wrapped(screen, textOf(one), 6, `  ${sign} `);
        return [`  ${painted}${first.slice(2 + sign.length)}`, ...others].join('\n');
      });
    return firstLines(blocks);
  });
}

/** "1 to add, 0 to update, 2 to delete, 0 held", and what else there is. */
export function sumsOf(differences: readonly Difference[]): string {
  const count = (fate: Fate): number => differences.filter((one) => one.fate === fate).length;
  const always = [
    `${count('add')} to add`,
    `${count('update')} to update`,
    `${count('delete')} to delete`,
    `${count('held')} held`,
  ];
  const others = (['refused', 'unknown'] as const)
    .filter((fate) => count(fate) > 0)
    .map((fate) => `${count(fate)} ${fate}`);
  return [...always, ...others].join(', ');
}

/** Paths in a comment: GitHub takes 65,536 characters. */
const IN_COMMENT = 200;

export interface Comment {
  readonly title: string;
  readonly sums: string;
  /** Sentences below the title. */
  readonly about: readonly string[];
  readonly differences: readonly Difference[];
}

/** Markdown for a comment on a pull request. Its code block has the colours of a diff. */
export function githubComment({ title, sums, about, differences }: Comment): string {
  const sorted = FATES.flatMap((fate) => differences.filter((one) => one.fate === fate));
  const lines = sorted.slice(0, IN_COMMENT).map((one) => `${SIGNS[one.fate]} ${textOf(one)}`);
  const more = sorted.length - lines.length;
  if (more > 0) lines.push(`… and ${more} more`);
  // A path may have backticks.
  const longest = Math.max(2, ...lines.flatMap((line) => (line.match(/`+/g) ?? []).map((run) => run.length)));
  const fence = '`'.repeat(longest + 1);
  return [
    `### ${title}`,
    '',
    `**${sums}**`,
    ...(about.length === 0 ? [] : ['', ...about.map((text) => `- ${text}`)]),
    ...(lines.length === 0 ? [] : ['', `${fence}diff`, ...lines, fence]),
  ].join('\n');
}
