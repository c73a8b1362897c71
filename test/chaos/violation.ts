/** The rules of judge.ts, by name. */
export type Rule =
  | 'kept'
  | 'evidence'
  | 'guard'
  | 'claims'
  | 'foreign'
  | 'published'
  | 'equal'
  | 'collision'
  | 'info'
  | 'settings'
  | 'orphans'
  | 'quiet'
  | 'reasons'
  | 'pause'
  | 'words'
  | 'feed';

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';

  constructor(
    readonly rule: Rule,
    detail: string,
  ) {
    super(`${rule}: ${detail}`);
  }
}
