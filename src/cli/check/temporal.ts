import type { Client, ScheduleDescription } from '@temporalio/client';
import type { Config } from '../../config/schema';
import { scheduleId, taskQueue, watchId } from '../../contract/ids';
import { assertOwnSchedule } from '../../temporal/ownership';
import { deadWatch, findSchedule, watchState } from '../../temporal/schedule';
import { isStartedAt, readRecord, whyMissing } from '../../temporal/schedule-record';
import { connectClient, explained } from '../../temporal/connect';
import { temporalPlace, temporalTarget } from '../../temporal/target';
import { withoutWorker, workersOf } from '../../temporal/workers';
import { VaultError } from '../../vault/errors';
import { withInfo } from '../connections';
import { check, notChecked, type Check, type CheckResult } from '../../access/check-line';

/** Whether Temporal answers and has the namespace, and whether the schedule and the watch run there. */
export async function checkTemporal(config: Config): Promise<Check[]> {
  const schedule = `Temporal: schedule ${scheduleId(config.role, config.name)}`;
  let client: Client | undefined;
  try {
    const reached = await check('Temporal', async () => {
      const target = temporalTarget(config.temporal);
      const { namespace } = target;
      const { workflowService } = (client = await connectClient(target));
      await explained(target, () => workflowService.describeNamespace({ namespace }));
      return { detail: `${target.address} answers, and has the namespace ${namespace}` };
    });
    if (client === undefined || reached.outcome === 'fail')
      return [reached, notChecked(schedule, 'Temporal cannot be used')];
    return [reached, ...(await checkSchedule(client, config, schedule))];
  } finally {
    await client?.connection.close();
  }
}

/** Only warns: before the first start nothing exists, and without a watch the tick still starts cycles. */
async function checkSchedule(client: Client, config: Config, what: string): Promise<Check[]> {
  const { role, name, temporal } = config;
  const target = temporalTarget(temporal);
  const there: ScheduleDescription[] = [];
  const schedule = await check(what, () =>
    explained(target, async () => {
      const found = await findSchedule(client, role, name);
      if (found === undefined) return missing(config);
      const unchecked = await whyUnchecked(found, config);
      there.push(found);
      return unchecked ?? scheduleResult(found);
    }),
  );
  if (there.length === 0) return [schedule];
  const workers = await check(`Temporal: workers of ${taskQueue(role, name)}`, () =>
    workersFinding(client, config),
  );
  if (role === 'origin') return [schedule, workers];
  const watch = await check(`Temporal: watch ${watchId(name)}`, () =>
    explained(target, async (): Promise<CheckResult> => {
      const state = await watchState(client, name);
      return state === 'running'
        ? { detail: 'runs' }
        : { outcome: 'warning', detail: deadWatch(name, state) };
    }),
  );
  return [schedule, workers, watch];
}

async function workersFinding(client: Client, config: Config): Promise<CheckResult> {
  const found = await workersOf(client, config);
  const missing = withoutWorker(found, 'FILE');
  if (missing !== undefined) return { outcome: 'warning', detail: missing };
  return { detail: found.isPolled === true ? 'one polls the queue' : 'Temporal does not report them' };
}

/** Asks each Vault of the configuration for its identity. @throws UserError if the schedule belongs to another sync */
async function whyUnchecked(found: ScheduleDescription, config: Config): Promise<CheckResult | undefined> {
  try {
    await assertOwnSchedule(found, config, { askAll: true });
    return undefined;
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    const detail = `exists; the owner was not checked, because a Vault does not report its identity (${error.detail})`;
    return { outcome: 'warning', detail };
  }
}

function scheduleResult({ state, info }: ScheduleDescription): CheckResult {
  const [next] = info.nextActionTimes;
  if (state.paused) {
    const detail = `is paused (${state.note ?? ''}): no cycle starts automatically until "vsync resume -c FILE"`;
    return { outcome: 'warning', detail };
  }
  if (next !== undefined) return { detail: `runs; its next cycle is at ${next.toISOString()}` };
  const detail = 'has no next cycle: create it again with "vsync stop -c FILE" and "vsync start -c FILE"';
  return { outcome: 'warning', detail };
}

/** Passes before the first start and after a stop. Failures of Consul are left out: it has checks of its own. */
async function missing(config: Config): Promise<CheckResult> {
  const here = temporalPlace(config.temporal);
  const stored = await withInfo(config, readRecord).catch(() => undefined);
  const record = stored?.record;
  const isLost = record !== undefined && record.stoppedAt === undefined && isStartedAt(record, here);
  return { outcome: isLost ? 'warning' : 'pass', detail: `does not exist: ${whyMissing(record, here)}` };
}
