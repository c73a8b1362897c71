import { ConfigError, type ConfigProblem } from '../../config/errors';
import { loadConfig } from '../../config/load';
import type { DestinationConfig } from '../../config/schema';

export interface LoadedDestinations {
  readonly configs: DestinationConfig[];
  /** Each begins with the name of its file. */
  readonly warnings: string[];
}

/**
 * Loads the configuration files of the destinations that Syncer is asked about (its key `sync`).
 *
 * @param env VSYNC_… variables override keys of every file
 * @throws ConfigError with the problems of all files
 */
export function loadDestinations(files: readonly string[], env: NodeJS.ProcessEnv): LoadedDestinations {
  const problems: ConfigProblem[] = [];
  const loaded: LoadedDestinations = { configs: [], warnings: [] };
  for (const file of files) {
    try {
      const { config, warnings } = loadConfig('destination', { file, env });
      loaded.configs.push(config);
      loaded.warnings.push(...warnings.map((warning) => `${file}: ${warning}`));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems.map((problem) => inFile(file, problem)));
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return loaded;
}

/** A problem without a source is about a key that is missing: of several files, its message must name the one. */
function inFile(file: string, problem: ConfigProblem): ConfigProblem {
  return problem.source === undefined
    ? { ...problem, message: `${problem.message} (file ${file})` }
    : problem;
}
