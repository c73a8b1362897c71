import type { Client } from '@temporalio/client';
import type { DestinationDeps } from '../../activities/destination/base/deps';
import { UserError } from '../../errors';
import { assertOwnSync } from '../../temporal/ownership';
import { interruptible, withClients } from '../connections';
import { fileOf, load, type Options } from '../options';
import { formatCycle, formatFailure } from '../text';
import { repair, type Repair } from './repair';
import { formatReport, repairable, whatIsWrong, type Report } from './report';
import { runVerify } from './run';

/**
 * `vsync verify`: compares the values at both ends, and with `--repair` has a cycle repair what differs.
 *
 * @throws UserError if something is wrong (still), so that the command ends with 1
 */
export async function verifyValues(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  await withClients(config, async (client, clients) => {
    if (clients.role !== 'destination') return;
    await assertOwnSync(client, clients);
    await verify(client, clients.deps, options);
  });
}

async function verify(client: Client, deps: DestinationDeps, options: Options): Promise<void> {
  const file = fileOf(options);
  const json = options['json'] === true;
  const report = await interruptible((signal) => runVerify(client, deps, { file, say, signal }));
  const paths = repairable(report);
  if (!json) console.log(formatReport(report));
  if (options['repair'] !== true || paths.length === 0) {
    if (json) console.log(JSON.stringify(report, null, 2));
    const wrong = whatIsWrong(report);
    if (wrong === undefined) return;
    const advice =
      paths.length === 0 ? '' : `; a cycle repairs drift and missing: vsync verify --repair -c ${file}`;
    throw new UserError(`${deps.config.name} is not as it should be: ${wrong}${advice}`);
  }
  const repaired = await repair(client, deps.info, deps.config, { paths, say });
  console.log(
    json ? JSON.stringify({ ...report, repair: repaired }, null, 2) : formatRepair(paths.length, repaired),
  );
  const left = whatIsLeft(report, repaired);
  if (left !== undefined) throw new UserError(left);
}

/** Progress goes to stderr: stdout is for the report. */
function say(text: string): void {
  console.error(`vsync: ${text}`);
}

function formatRepair(count: number, { cycle }: Repair): string {
  if (cycle === undefined) return `repair: ${count} secrets are left to the next cycle`;
  const { outcome, counts, failures, note } = cycle.result;
  return [
    `repair of ${count} secrets by ${cycle.workflowId}`,
    `  ${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`,
    ...failures.map((failure) => `  ${formatFailure(failure)}`),
  ].join('\n');
}

function whatIsLeft({ name, counts }: Report, { cycle, left }: Repair): string | undefined {
  if (cycle === undefined)
    return `the schedule of ${name} is paused, so no cycle was started; the next one repairs them`;
  const { outcome } = cycle.result;
  if (outcome === 'timed-out' || outcome === 'partial')
    return `the cycle ended ${outcome}: some secrets may not be repaired; the next cycle continues`;
  if (left > 0) return `${left} secrets are still to be compared by the next cycle`;
  const others = whatIsWrong({ counts: { ...counts, drift: 0, missing: 0 } });
  return others === undefined ? undefined : `${name} is not as it should be: ${others}`;
}
