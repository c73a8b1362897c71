import { fork, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { cleanEnvironment } from '../shared/guarded-process';
import type { FloorDone, FloorWork } from './floor-work';
import type { Reply } from './helper-child';
import type { LatencyDone, LatencyWork } from './latency-proxy';

/** A process of ours that works on demand, and ends with this one. */
export class Helper<Work extends object, Done> {
  private readonly ended: Promise<void>;
  private hasEnded = false;

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        this.hasEnded = true;
        resolve();
      });
    });
  }

  static floor(): Helper<FloorWork, FloorDone> {
    return new Helper('floor', run('floor.ts'));
  }

  static latencyProxy(): Helper<LatencyWork, LatencyDone> {
    return new Helper('latency-proxy', run('latency-proxy.ts'));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** @throws if the work fails, or the process ends before it is done */
  do(work: Work): Promise<Done> {
    return new Promise((resolve, reject) => {
      const onMessage = (reply: Reply<Done>): void => {
        this.child.off('exit', onExit);
        if (reply.type === 'done') resolve(reply.done);
        else reject(new Error(`the ${this.name} of the benchmark failed: ${reply.message}`));
      };
      const onExit = (): void => {
        reject(new Error(`the ${this.name} of the benchmark ended before its work was done`));
      };
      if (this.hasEnded) {
        onExit();
        return;
      }
      this.child.once('message', onMessage);
      this.child.once('exit', onExit);
      this.child.send(work);
    });
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    if (this.child.pid !== undefined) await this.ended;
  }
}

function run(file: string): ChildProcess {
  const options = {
    cwd: path.join(__dirname, '..', '..'),
    execArgv: ['--import', 'tsx'],
    env: cleanEnvironment(),
  };
  return fork(path.join(__dirname, file), options);
}
