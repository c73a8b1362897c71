import { UserError } from '../../errors';
import { foreignVariables } from '../../migrate/foreign-environment';
import { interruptible } from '../connections';
import { loadQuietly, warn, type Options } from '../options';
import { formatChecks } from './report';
import { runChecks } from './run';

/** `vsync check`: whether configuration, servers and tokens are what the role needs. */
export async function checkAll(options: Options): Promise<void> {
  const { config, warnings } = loadQuietly(options);
  const foreign = foreignVariables(process.env);
  const left: string[] = [];
  const onLeft = (place: string): void => void left.push(place);
  const { isInterrupted, result: checks } = await interruptible(async (signal) => {
    const result = await runChecks(config, { warnings, foreign, signal, onLeft });
    return { isInterrupted: signal.aborted, result };
  });
  const remedy = 'remove it with "consul kv delete", or run the check again after ten minutes';
  const leftKeys = left.map((place) => `${place}: the check could not remove its key: ${remedy}`);
  if (isInterrupted) {
    const words = left.length > 0 ? leftKeys : ['the check left nothing behind'];
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
