import { forManyRequests } from '../concurrency/many-listeners';
import { formatChecks, runChecks } from './check';
import { foreignVariables } from '../migrate/foreign-environment';
import { fromVaultSync } from '../migrate/from-vault-sync';
import type { Role } from '../contract/ids';
import { formatConfig, jsonOfConfig, readEffectiveConfig } from './show-config';
import { UserError } from '../errors';
import { load, sourcesOf, warn, type Options } from './options';

export function showConfig(options: Options): void {
  const vaultSync = options['fromVaultSync'];
  if (typeof vaultSync === 'string') {
    process.stdout.write(fromVaultSync(vaultSync));
    return;
  }
  const effective = readEffectiveConfig(options['role'] as Role | undefined, sourcesOf(options));
  warn(effective.warnings);
  console.log(options['json'] === true ? jsonOfConfig(effective) : formatConfig(effective));
}

export async function checkAll(options: Options): Promise<void> {
  const warnings: string[] = [];
  const config = load(options, undefined, undefined, (found) => warnings.push(...found));
  const interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort();
  };
  const signal = forManyRequests(interruption.signal);
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, interrupt);
  const foreign = foreignVariables(process.env);
  const left: string[] = [];
  const onLeft = (place: string): void => void left.push(place);
  const checks = await runChecks(config, { warnings, foreign, signal, onLeft }).finally(() => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, interrupt);
  });
  const remedy = 'remove it with "consul kv delete", or run the check again ten minutes later or more';
  const leftKeys = left.map((place) => `${place}: this key of the check could not be removed: ${remedy}`);
  if (signal.aborted) {
    const words = left.length > 0 ? leftKeys : ['nothing that the check wrote is left behind'];
    throw new UserError(['interrupted', ...words].join(': '));
  }
  warn(leftKeys);
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  const { name, role } = config;
  console.log(
    options['json'] === true
      ? JSON.stringify({ name, role, ok: failed === 0, checks }, null, 2)
      : `${name} (${role})\n${formatChecks(checks)}`,
  );
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`);
}
