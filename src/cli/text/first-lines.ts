/** Lines of one list that are shown to people; `--json` has all. */
const SHOWN = 20;

/** The first lines of a list within a report for people, and how many more there are. */
export function firstLines(lines: readonly string[]): string[] {
  const more = lines.length - SHOWN;
  return more <= 0 ? [...lines] : [...lines.slice(0, SHOWN), `    … and ${more} more; --json shows all`];
}
