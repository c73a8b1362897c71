import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { cleanEnvironment } from '../shared/guarded-process';
import type { Run } from '../shared/run';
import type { Done, Reply, Works } from './floor';

/**
 * The floor, the latency proxy or the NGINX instances: a process of its own, because its CPU time must not count for
 * vsync nor slow down the process that measures. It ends with this process.
 */
export class Helper {
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;

  /** It ends with the run, if not before. */
  constructor(
    private readonly name: 'floor' | 'latency proxy' | 'NGINX instances',
    { cleanUps }: Pick<Run, 'cleanUps'>,
  ) {
    this.child = fork(path.join(__dirname, 'floor.ts'), {
      cwd: path.join(__dirname, '..', '..'),
      execArgv: ['--import', 'tsx'],
      env: cleanEnvironment(),
    });
    this.exited = once(this.child, 'exit');
    cleanUps.push(() => this.stop());
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** One piece of work after the other. @throws if it fails, or the process ends before it is done */
  async do<Kind extends keyof Works>(kind: Kind, plan: Parameters<Works[Kind]>[0]): Promise<Done<Kind>> {
    const ended = this.exited.then((): never => {
      throw new Error(`the ${this.name} of the benchmark ended before its work was done`);
    });
    if (this.child.connected) this.child.send([kind, plan]);
    const [reply] = (await Promise.race([once(this.child, 'message'), ended])) as [Reply<Kind>];
    if ('done' in reply) return reply.done;
    throw new Error(`the ${this.name} of the benchmark failed: ${reply.problem}`);
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}
