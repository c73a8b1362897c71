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

/** How a value is written in the file. */
export interface Written {
  readonly text: string;
  /** Counted only when it is asked for. */
  readonly line: () => number;
}

/** What a parser reports while it reads. */
export interface Remarks {
  /** A key is written that was there before. */
  readonly repeated?: (line: number) => void;
  /** A "<<" replaces keys that its section has before it. */
  readonly replaced?: (line: number, names: readonly string[]) => void;
  /** A number or a word without quotes became `holder[name]`, which is not text. The holder is a section or a list. */
  readonly plain?: (holder: object, name: string, written: Written) => void;
}

/** @param offset as for {@link SyntaxProblem} */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
