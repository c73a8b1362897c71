import { ExplainedError } from '../errors';

/** One problem of the configuration. No part of it contains a configured value. */
export interface ConfigProblem {
  /** Dotted path of the key; absent if it is about the file as a whole. */
  readonly key?: string;
  /** Where the value came from: "file x.json", "environment VSYNC_NAME", "flag --name"; absent if missing. */
  readonly source?: string;
  /** What is wrong and what to do about it. */
  readonly message: string;
}

/** Lists every problem, one per line. The command ends with exit code 2, so that a supervisor does not restart it. */
export class ConfigError extends ExplainedError {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    const heading = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super([`the configuration has ${heading}:`, ...problems.map(line)].join('\n'));
  }
}

function line({ key, source, message }: ConfigProblem): string {
  const where = [key, source && (key ? `(${source})` : source)].filter(Boolean).join(' ');
  return `  - ${where ? `${where}: ` : ''}${message}`;
}
