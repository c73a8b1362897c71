/** Where a text cannot be read, and why. It quotes nothing of the text, which may hold secrets. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem';

  /**
   * @param text the whole text
   * @param offset where in it, in UTF-16 units
   * @param what what is wrong there
   */
  constructor(text: string, offset: number, what: string) {
    const before = text.slice(0, offset).split('\n');
    super(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}`);
  }
}

/** Told where a key is written that was there before. */
export type OnRepeat = (line: number) => void;

/** @param offset as for {@link SyntaxProblem} */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
