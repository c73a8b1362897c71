import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Config } from '../config/schema';
import { OUTCOMES } from '../contract/cycle';
import type { CycleEnd } from './cycle-ends';

/** Counts of a cycle that are numbers of operations, and those that show the state of secrets. */
const OPERATIONS = { added: 'add', updated: 'update', deleted: 'delete', settings: 'settings' } as const;
const STATES = ['listed', 'held', 'unknown', 'failed'] as const;

/** What the cycles that ended in this process did. Other workers of a sync count their own. */
export class CycleMetrics {
  private readonly cycles: Counter;
  private readonly durations: Histogram;
  private readonly secrets: Gauge;
  private readonly operations: Counter;
  private readonly lastSuccess: Gauge;
  private readonly tick: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    const sync = ['sync', 'role'];
    this.cycles = new Counter({
      name: 'vsync_cycles_total',
      help: 'Cycles that ended in this process, by outcome',
      labelNames: [...sync, 'outcome'],
      registers,
    });
    this.durations = new Histogram({
      name: 'vsync_cycle_duration_seconds',
      help: 'Time from the start of a cycle to its end',
      labelNames: sync,
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600],
      registers,
    });
    this.secrets = new Gauge({
      name: 'vsync_secrets',
      help: 'Secrets of the last cycle: listed at the origin, held (kept on purpose), unknown, failed',
      labelNames: [...sync, 'state'],
      registers,
    });
    this.operations = new Counter({
      name: 'vsync_secret_operations_total',
      help: 'Secrets that cycles wrote (result ok), and that they could not handle (result failed, by class)',
      labelNames: [...sync, 'op', 'result', 'class'],
      registers,
    });
    this.lastSuccess = new Gauge({
      name: 'vsync_last_success_timestamp_seconds',
      help: 'When the last cycle of this process ended as synced or unchanged; before the first one, when the worker started',
      labelNames: sync,
      registers,
    });
    this.tick = new Gauge({
      name: 'vsync_tick_seconds',
      help: 'Configured time between two cycles',
      labelNames: sync,
      registers,
    });
  }

  /** Each series begins at once: an increase from nothing is none. */
  add(config: Config): void {
    const labels = { sync: config.name, role: config.role };
    const { tickMs } = config.role === 'origin' ? config.origin : config.destination;
    for (const outcome of OUTCOMES) this.cycles.inc({ ...labels, outcome }, 0);
    this.tick.set(labels, tickMs / 1000);
    this.lastSuccess.setToCurrentTime(labels);
  }

  ended({ name, role, outcome, durationMs, counts, failures }: CycleEnd): void {
    const labels = { sync: name, role };
    this.cycles.inc({ ...labels, outcome });
    this.durations.observe(labels, durationMs / 1000);
    if (outcome === 'synced' || outcome === 'unchanged') this.lastSuccess.setToCurrentTime(labels);
    for (const state of STATES) this.secrets.set({ ...labels, state }, counts[state] ?? 0);
    for (const [count, op] of Object.entries(OPERATIONS))
      this.operations.inc({ ...labels, op, result: 'ok', class: '' }, counts[count] ?? 0);
    const failed = { ...labels, op: role === 'origin' ? 'read' : 'copy', result: 'failed' };
    for (const failure of failures) this.operations.inc({ ...failed, class: failure.class });
    const unlisted = (counts['failed'] ?? 0) + (counts['unknown'] ?? 0) - failures.length;
    if (unlisted > 0) this.operations.inc({ ...failed, class: 'unlisted' }, unlisted);
  }
}
