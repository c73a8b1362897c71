import { formatChecks, runChecks } from '../check';
import { foreignVariables } from '../config/foreign-environment';
import { fromVaultSync } from '../config/from-vault-sync';
import type { Role } from '../names';
import { formatConfig, jsonOfConfig, readEffectiveConfig } from '../show-config';
import { UserError } from '../user-error';
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
  const checks = await runChecks(config, { warnings, foreign: foreignVariables(process.env) });
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  const { name, role } = config;
  console.log(
    options['json'] === true
      ? JSON.stringify({ name, role, ok: failed === 0, checks }, null, 2)
      : `${name} (${role})\n${formatChecks(checks)}`,
  );
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`);
}
