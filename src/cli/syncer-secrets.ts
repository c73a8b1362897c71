import { check, type Check } from '../access/check-line';
import { loadDestinations } from '../syncer/secrets/load';
import { SecretsQuestion } from '../syncer/secrets/secrets-question';

/** A file of its own, loaded only where the key `sync` is given: the clients of Vault and Consul take half a second. */

/** Whether the files of `sync` can be used. `vsync check` asks the servers that they name. */
export async function checkSecrets(files: readonly string[]): Promise<Check[]> {
  const warnings: string[] = [];
  const checked = await check('secrets', async () => {
    const { configs, warnings: found } = loadDestinations(files, process.env);
    warnings.push(...found);
    // Also compares their names.
    await new SecretsQuestion(configs).close();
    const names = configs.map(({ name }) => name).join(', ');
    return { detail: `the files of ${names} are complete; "vsync check -c FILE" checks the servers of each` };
  });
  return [checked, ...warnings.map((detail): Check => ({ what: 'secrets', outcome: 'warning', detail }))];
}
