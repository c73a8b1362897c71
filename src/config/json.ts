import { printParseErrorCode, visit } from 'jsonc-parser';
import { lineAt, SyntaxProblem, type Remarks } from './syntax';

/**
 * Reads JSON; of two equal keys the later one counts. Node's own message for malformed JSON quotes the text around the
 * error, and not every version contains the position. So a library finds the position, and the words are ours.
 *
 * @throws SyntaxProblem
 */
export function parseJson(text: string, remarks?: Remarks): unknown {
  const problem = firstProblem(text, remarks);
  try {
    return JSON.parse(text);
  } catch {
    throw problem ?? new SyntaxProblem(text, 0, 'is not JSON');
  }
}

const VALUE = 'a value is missing or malformed';
const STRING = 'text in double quotes is not ended, or contains a character that must be escaped';

/** By the library's name of the error; `close` is the end of the object or list around it. */
const MESSAGES: Readonly<Record<string, (close: string) => string>> = {
  PropertyNameExpected: () => 'a key in double quotes is missing',
  ColonExpected: () => '":" is missing',
  CommaExpected: (close) => `"," or "${close}" is missing`,
  CloseBraceExpected: () => '"," or "}" is missing',
  CloseBracketExpected: () => '"," or "]" is missing',
  EndOfFileExpected: () => 'there is more text after the end',
  InvalidCommentToken: () => 'comments are not allowed in JSON',
  UnexpectedEndOfString: () => STRING,
  InvalidEscapeCharacter: () => STRING,
  InvalidUnicode: () => STRING,
  InvalidCharacter: () => STRING,
};

function firstProblem(text: string, remarks?: Remarks): SyntaxProblem | undefined {
  const around: { readonly close: string; readonly keys: Set<string> }[] = [];
  const begin = (close: string) => () => void around.push({ close, keys: new Set() });
  const end = (): void => void around.pop();
  let problem: SyntaxProblem | undefined;
  visit(
    text,
    {
      onObjectBegin: begin('}'),
      onObjectEnd: end,
      onArrayBegin: begin(']'),
      onArrayEnd: end,
      onObjectProperty: (name, offset) => {
        const keys = around.at(-1)?.keys;
        if (keys?.has(name)) remarks?.repeated?.(lineAt(text, offset));
        keys?.add(name);
      },
      onLiteralValue: (_value, offset, length) => {
        // The library reads 01 as two numbers.
        if (/[\w.+-]/.test(text.charAt(offset + length))) problem ??= new SyntaxProblem(text, offset, VALUE);
      },
      onError: (code, offset) => {
        const message = MESSAGES[printParseErrorCode(code)]?.(around.at(-1)?.close ?? '');
        problem ??= new SyntaxProblem(text, offset, message ?? VALUE);
      },
    },
    { disallowComments: true },
  );
  return problem;
}
