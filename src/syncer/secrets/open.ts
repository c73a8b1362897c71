import type { Logger } from '../../log';
import { loadDestinations } from './load';
import { SecretsQuestion } from './secrets-question';

/**
 * What Syncer answers questions about secrets with. Begins to keep the tokens for the origin alive.
 *
 * @param files configuration files of destinations
 * @throws ConfigError with the problems of all files; UsageError if two are of one destination
 */
export function openSecrets(files: readonly string[], env: NodeJS.ProcessEnv, log: Logger): SecretsQuestion {
  const { configs, warnings } = loadDestinations(files, env);
  for (const warning of warnings) log.warn(warning);
  const question = new SecretsQuestion(configs, log);
  log.info({ destinations: configs.map(({ name }) => name) }, 'answers questions about secrets');
  return question;
}
