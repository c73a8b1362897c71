import { parseDocument } from 'yaml';
import { SyntaxProblem } from './syntax-problem';

/**
 * Reads one YAML document (YAML 1.2; anchors and "<<" work). The library's messages quote the text around the
 * error, so only its error code is passed on.
 *
 * @throws SyntaxProblem
 */
export function parseYaml(text: string): unknown {
  const document = parseDocument(text, {
    prettyErrors: false,
    merge: true,
    // Else a section as a key, which a forgotten quote can make, is printed in a warning of the process.
    stringKeys: true,
    logLevel: 'error',
  });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new SyntaxProblem(text, problem.pos[0], `is not YAML (${wordsOf(problem.code)})`);
  try {
    return document.toJS();
  } catch {
    // Anchors are looked up only here.
    throw new SyntaxProblem(text, 0, 'is not YAML (an alias without its anchor, or too many of them)');
  }
}

/** "BAD_INDENT" becomes "bad indent". */
function wordsOf(code: string): string {
  return code.toLowerCase().replaceAll('_', ' ');
}
