import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Clients } from '../activities/clients';
import { scheduleId, watchId } from '../contract/ids';
import type { Logger } from '../log';
import { explainTemporal } from './connect';
import type { TemporalTarget } from './target';
import { ExplainedError, UserError } from '../errors';
import { SCHEDULE_CHECK_TIMEOUT_MS } from '../limits';
import { keepPush } from './push-workflow';
import { describePlaces } from './schedule-record';
import { restoreSchedule, type ScheduleCheck, type ScheduleState } from './restore-schedule';

type Level = 'info' | 'warn' | 'error';

export interface KeeperOptions {
  client: Client;
  clients: Clients;
  target: TemporalTarget;
  log: Logger;
  everyMs: number;
  /** The name belongs to another sync, whose tasks this worker would take and fail: the worker has to end. */
  onOtherSync: (error: UserError) => void;
}

/**
 * Checks the schedule, the watch and the push of one sync while its worker runs, and restores what was lost. Logs what
 * it finds when it changes, not each time. Its timers do not keep a process alive.
 */
export class ScheduleKeeper {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private logged = JSON.stringify({ kind: 'running' });

  constructor(private readonly options: KeeperOptions) {
    this.running = this.keep();
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keep(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.check();
      await sleep(this.options.everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  private async check(): Promise<void> {
    const { client, clients } = this.options;
    const { signal } = this.stopping;
    const work = async (): Promise<void> => {
      const checked = await restoreSchedule(client, clients, signal);
      this.report(checked);
      if (exists(checked.state)) await this.checkPush();
    };
    try {
      await client.withAbortSignal(signal, () =>
        client.withDeadline(Date.now() + SCHEDULE_CHECK_TIMEOUT_MS, work),
      );
    } catch (error) {
      if (!signal.aborted) this.reportFailure(error);
    }
  }

  /** Without a push the changes come with cycles: that it cannot be checked is not worth a warning. */
  private async checkPush(): Promise<void> {
    const { client, clients, log } = this.options;
    await keepPush(client, clients, this.stopping.signal).catch((error: unknown) => {
      log.debug({ thrown: error instanceof Error ? error.name : typeof error }, 'cannot check the push');
    });
  }

  private report({ state, restored, watch }: ScheduleCheck): void {
    const { log, clients } = this.options;
    const { role, name } = clients.deps.config;
    const id = scheduleId(role, name);
    if (restored === 'schedule') log.warn(`schedule ${id} was missing, but not stopped: restored`);
    if (restored === 'watch') log.warn(`watch ${watchId(name)} was not running (${watch ?? ''}): restored`);
    const [level, text] = this.describe(state);
    this.logOnce(level, text, JSON.stringify(state));
    if (state.kind === 'other-sync') this.options.onOtherSync(new UserError(text));
  }

  private describe(state: ScheduleState): [Level, text: string] {
    const { role, name } = this.options.clients.deps.config;
    const schedule = `schedule ${scheduleId(role, name)}`;
    switch (state.kind) {
      case 'running':
        return ['info', `${schedule} is in order again`];
      case 'paused': {
        const note = state.note === '' ? '' : ` (${state.note})`;
        return [
          'warn',
          `${schedule} is paused${note}: no cycle starts automatically until "vsync resume -c FILE"`,
        ];
      }
      case 'without-next':
        return [
          'error',
          `${schedule} has no next cycle: its number of actions or its end time is reached, which vsync never sets; ` +
            'create it again with "vsync stop -c FILE" and "vsync start -c FILE"',
        ];
      case 'other-configuration':
        return [
          'error',
          `${schedule} was started with another configuration than this worker has, so its cycles fail here; run ` +
            '"vsync start -c FILE" with the right one, and restart the workers that have another',
        ];
      case 'other-sync':
        return [
          'error',
          `this worker ends, because its name or its sync path belongs to another sync: ${state.message}`,
        ];
      case 'never-started':
        return ['warn', `there is no ${schedule}: this worker waits until "vsync start -c FILE" creates it`];
      case 'elsewhere':
        return [
          'warn',
          `there is no ${schedule} at Temporal ${describePlaces([this.options.target])}: the sync was started at ` +
            `Temporal ${describePlaces(state.temporals)}, so this worker creates none here; end this worker, or, if the ` +
            'sync should run here, run "vsync stop" with the file of the other Temporal and "vsync start -c FILE" here',
        ];
      case 'stopped':
        return [
          'info',
          `${schedule} was removed by "vsync stop" at ${state.at}: this worker waits for "vsync start -c FILE"`,
        ];
    }
  }

  private reportFailure(error: unknown): void {
    const { target, clients } = this.options;
    const explained = explainTemporal(target, error);
    const isOurs = explained instanceof ExplainedError;
    // Of a foreign error only the name: its message may hold a secret.
    const why = isOurs ? explained.message : error instanceof Error ? error.name : typeof error;
    const { role, name } = clients.deps.config;
    this.logOnce('warn', `cannot check schedule ${scheduleId(role, name)}, trying again: ${why}`);
  }

  /** Logs a text, unless what it is about was logged last. */
  private logOnce(level: Level, text: string, what = text): void {
    if (what === this.logged) return;
    this.logged = what;
    this.options.log[level](text);
  }
}

/** Whether the schedule is there, for this sync and this configuration. */
function exists({ kind }: ScheduleState): boolean {
  return kind === 'running' || kind === 'paused' || kind === 'without-next';
}
