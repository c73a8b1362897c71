import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { cleanEnvironment } from '../shared/guarded-process';
import type { Reply, Works, WorksDone } from './floor';

/**
 * The floor, the latency proxy or the NGINX instances: a process of its own, because its CPU time must not count for
 * vsync nor slow down the process that measures. It ends with this process.
 */
export class Helper {
  private readonly child: ChildProcess;

  constructor(private readonly name: 'floor' | 'latency proxy' | 'NGINX instances') {
    this.child = fork(path.join(__dirname, 'floor.ts'), {
      cwd: path.join(__dirname, '..', '..'),
      execArgv: ['--import', 'tsx'],
      env: cleanEnvironment(),
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** One piece of work after the other. @throws if it fails, or the process ends before it is done */
  async do<Kind extends keyof Works>(kind: Kind, plan: Works[Kind]): Promise<WorksDone[Kind]> {
    const listening = new AbortController();
    const exited = this.hasEnded ? Promise.resolve() : once(this.child, 'exit', listening);
    const ended = exited.then((): never => {
      throw new Error(`the ${this.name} of the benchmark ended before its work was done`);
    });
    try {
      if (!this.hasEnded) this.child.send([kind, plan]);
      const [reply] = (await Promise.race([once(this.child, 'message', listening), ended])) as [Reply];
      if ('done' in reply) return reply.done as WorksDone[Kind];
      throw new Error(`the ${this.name} of the benchmark failed: ${reply.problem}`);
    } finally {
      listening.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}
