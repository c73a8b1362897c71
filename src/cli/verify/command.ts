import type { Client } from '@temporalio/client';
import type { DestinationDeps } from '../../activities/destination/base/deps';
import { formatCycle, formatFailure } from '../text/status';
import { UserError } from '../../errors';
import { repair, type Repair } from './repair';
import { formatReport, mendable, whatIsWrong, type Report } from './report';
import { runVerify, type RunOptions } from './run';

export interface VerifyOptions extends Omit<RunOptions, 'signal'> {
  json: boolean;
  repair: boolean;
  print: (text: string) => void;
}

/**
 * `vsync verify`: prints what is not as it should be at a destination, and with `repair` has a cycle mend it.
 *
 * @throws UserError if something is wrong (still), so that the command ends with 1
 */
export async function verify(client: Client, deps: DestinationDeps, options: VerifyOptions): Promise<void> {
  const { json, print, say, file } = options;
  const report = await interruptible((signal) => runVerify(client, deps, { ...options, signal }));
  const paths = mendable(report);
  if (!json) print(formatReport(report));
  if (!options.repair || paths.length === 0) {
    if (json) print(JSON.stringify(report, null, 2));
    const wrong = whatIsWrong(report);
    if (wrong === undefined) return;
    const advice =
      paths.length === 0 ? '' : `; a cycle mends drift and missing: vsync verify --repair -c ${file}`;
    throw new UserError(`${deps.config.name} is not as it should be: ${wrong}${advice}`);
  }
  const repaired = await repair(client, deps.info, deps.config, { paths, say });
  print(
    json ? JSON.stringify({ ...report, repair: repaired }, null, 2) : formatRepair(paths.length, repaired),
  );
  const left = whatIsLeft(report, repaired);
  if (left !== undefined) throw new UserError(left);
}

function formatRepair(count: number, { cycle }: Repair): string {
  if (cycle === undefined) return `repair: ${count} secrets are noted for the next cycle`;
  const { outcome, counts, failures, note } = cycle.result;
  return [
    `repair: ${count} secrets were given to ${cycle.workflowId}`,
    `  ${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`,
    ...failures.map((failure) => `  ${formatFailure(failure)}`),
  ].join('\n');
}

function whatIsLeft({ name, counts }: Report, { cycle, left }: Repair): string | undefined {
  if (cycle === undefined)
    return `the schedule of ${name} is paused, so no cycle was started; the next one compares and mends them`;
  const { outcome } = cycle.result;
  if (outcome === 'timed-out' || outcome === 'partial')
    return `the cycle ended ${outcome}: not all may be mended; the next one goes on`;
  if (left > 0) return `${left} secrets are still to be compared by the next cycle`;
  const others = whatIsWrong({ counts: { ...counts, drift: 0, missing: 0 } });
  return others === undefined ? undefined : `${name} is not as it should be: ${others}`;
}

/** Ctrl-C gives the work up in order; a second one ends the process at once, and so does one after the work. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const interrupt = (): void => {
    stop.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}
