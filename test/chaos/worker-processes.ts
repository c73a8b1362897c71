import { readFileSync } from 'node:fs';
import path from 'node:path';
import { eventually } from '../support/eventually';
import {
  cleanEnvironment,
  startGuarded,
  tailOf,
  type GuardedProcess,
} from '../../dev/shared/guarded-process';

const READY_WITHIN_MS = 60_000;
const VSYNC = path.join(__dirname, '..', '..', 'bin', 'vsync');

/** Processes of `vsync worker`, each for both roles, on the same queues. */
export class WorkerProcesses {
  private readonly running: GuardedProcess[] = [];
  private started = 0;

  /**
   * @param folder for their logs
   * @param files configurations
   */
  constructor(
    private readonly folder: string,
    private readonly files: readonly string[],
  ) {}

  /** Starts the missing workers. Resolves when all of them work. */
  async fillUpTo(count: number): Promise<void> {
    const missing = Array.from({ length: Math.max(0, count - this.running.length) });
    await Promise.all(missing.map(() => this.startOne()));
  }

  private async startOne(): Promise<void> {
    const worker = await startGuarded({
      command: process.execPath,
      args: [VSYNC, 'worker', '-c', ...this.files],
      env: cleanEnvironment(),
      logFile: path.join(this.folder, `worker-${this.started++}.log`),
    });
    this.running.push(worker);
    const isReady = (): Promise<void> => {
      const log = readFileSync(worker.logFile, 'utf8');
      if (log.split('worker ready').length === 3) return Promise.resolve();
      throw new Error(`its log says: ${log}`);
    };
    await eventually(isReady, 'the worker of both roles to be ready', READY_WITHIN_MS);
  }

  /** Ends this number of the oldest workers. */
  async stop(signal: 'SIGKILL' | 'SIGTERM', count = Infinity): Promise<void> {
    const those = this.running.splice(0, count);
    for (const worker of those) if (worker.exit === undefined) process.kill(worker.pid, signal);
    await Promise.all(those.map((worker) => worker.exited));
  }

  /** Stops all workers where they are, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const { exit, pid } of this.running) if (exit === undefined) process.kill(pid, signal);
  }

  /** Forgets workers that ended by themselves. A supervisor would restart them. @returns the ends of their logs */
  reap(): string[] {
    const ended = this.running.filter((worker) => worker.exit !== undefined);
    for (const worker of ended) this.running.splice(this.running.indexOf(worker), 1);
    return ended.map((worker) => tailOf(worker.logFile, 3));
  }
}
