import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Clients } from '../activities/clients';
import { scheduleId, watchId } from '../contract/ids';
import type { Logger } from '../log';
import { explainTemporal } from './connect';
import type { TemporalTarget } from './target';
import { ExplainedError, UserError } from '../errors';
import { SCHEDULE_CHECK_TIMEOUT_MS } from '../limits';
import { describePlaces } from './schedule-record';
import { lookAtSchedule, type Finding, type Looked } from './restore-schedule';

export interface KeeperOptions {
  client: Client;
  clients: Clients;
  target: TemporalTarget;
  log: Logger;
  everyMs: number;
  /** The names belong to another sync, whose tasks this worker would take and fail: it has to end. */
  onOtherSync: (error: UserError) => void;
}

/**
 * Looks at the schedule and the watch of one sync while its worker runs, and makes again what was lost. What it finds is
 * logged when it changes, not each time.
 *
 * Its timers do not keep a process alive.
 */
export class ScheduleKeeper {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  /** What was logged last. */
  private said = JSON.stringify({ kind: 'running' });

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
      await this.look();
      await sleep(this.options.everyMs, undefined, { ref: false, signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    const { client, clients } = this.options;
    try {
      const work = (): Promise<Looked> => lookAtSchedule(client, clients, this.stopping.signal);
      const looked = await client.withAbortSignal(this.stopping.signal, () =>
        client.withDeadline(Date.now() + SCHEDULE_CHECK_TIMEOUT_MS, work),
      );
      this.report(looked);
    } catch (error) {
      if (!this.stopping.signal.aborted) this.reportFailure(error);
    }
  }

  private report({ finding, made, watch }: Looked): void {
    const { log, clients } = this.options;
    const { role, name } = clients.deps.config;
    const id = scheduleId(role, name);
    if (made === 'schedule') log.warn(`schedule ${id} was missing although nobody stopped it: made again`);
    if (made === 'watch') log.warn(`watch ${watchId(name)} was not running (${watch ?? ''}): made again`);
    this.say(JSON.stringify(finding), () => {
      const { level, text } = this.describe(finding);
      log[level](text);
    });
    if (finding.kind === 'other-sync') this.options.onOtherSync(new UserError(endsBecause(finding.message)));
  }

  private describe(finding: Finding): { level: 'info' | 'warn' | 'error'; text: string } {
    const { role, name } = this.options.clients.deps.config;
    const schedule = `schedule ${scheduleId(role, name)}`;
    switch (finding.kind) {
      case 'running':
        return { level: 'info', text: `${schedule} is as it should be again` };
      case 'paused': {
        const note = finding.note === '' ? '' : ` (${finding.note})`;
        const text = `${schedule} is paused${note}: no cycle starts by itself until "vsync resume -c FILE"`;
        return { level: 'warn', text };
      }
      case 'without-next': {
        const text =
          `${schedule} has no next cycle: its number of actions or its time is used up, which vsync never sets; ` +
          'make it anew with "vsync stop -c FILE" and "vsync start -c FILE"';
        return { level: 'error', text };
      }
      case 'other-configuration': {
        const text =
          `${schedule}: another configuration was started than this worker has, and its cycles fail here; run ` +
          '"vsync start -c FILE" with the one that is meant, and restart the workers that have another one';
        return { level: 'error', text };
      }
      case 'other-sync':
        return { level: 'error', text: endsBecause(finding.message) };
      case 'never-started':
        return {
          level: 'warn',
          text: `there is no ${schedule}: this worker waits until "vsync start -c FILE" makes it`,
        };
      case 'elsewhere': {
        const text =
          `there is no ${schedule} at Temporal ${describePlaces([this.options.target])}: the sync was started at ` +
          `Temporal ${describePlaces(finding.temporals)}, so this worker makes none here; end this worker, or, if the ` +
          'sync is to run here, run "vsync stop" with the file of the other Temporal and "vsync start -c FILE" here';
        return { level: 'warn', text };
      }
      case 'stopped': {
        const text = `${schedule} was removed by "vsync stop" at ${finding.at}: this worker waits for "vsync start -c FILE"`;
        return { level: 'info', text };
      }
    }
  }

  private reportFailure(error: unknown): void {
    const { target, log, clients } = this.options;
    const explained = explainTemporal(target, error);
    const isOurs = explained instanceof ExplainedError;
    // Else only the name: a foreign error's message may hold anything.
    const why = isOurs ? explained.message : error instanceof Error ? error.name : typeof error;
    const { role, name } = clients.deps.config;
    this.say(`failed: ${why}`, () => {
      log.warn(`cannot look at schedule ${scheduleId(role, name)}, trying again: ${why}`);
    });
  }

  /** Says something unless it was the last thing said. */
  private say(what: string, speak: () => void): void {
    if (what === this.said) return;
    this.said = what;
    speak();
  }
}

function endsBecause(message: string): string {
  return `this worker ends, because its name or its sync path is that of another sync: ${message}`;
}
