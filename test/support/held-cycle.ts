import type { WorkflowHandle } from '@temporalio/client';
import { cyclesOf } from '../../src/temporal/schedule';
import type { CycleResult } from '../../src/contract/cycle';
import { endOf, type Ended } from './ended';
import { eventually } from './eventually';
import type { Fault, FaultProxy } from './fault-proxy';
import type { SyncFixture } from './sync-fixture';

/** Where to hold a cycle. */
export interface Place {
  role: 'origin' | 'destination';
  /** Name of the activity. */
  step: string;
  /** The proxy in front of a server that the step uses. */
  proxy: FaultProxy;
  /** Which of the step's requests to hold, as "METHOD /url"; any by default. */
  request?: RegExp;
  /** Number of such requests that pass before; 0 by default. */
  passed?: number;
  /** The fault that the held request meets afterwards; it passes by default. */
  fault?: Fault;
}

const ENDS_WITHIN_MS = 240_000;

/** A cycle that is held in the middle of a step, with its requests to one server in flight. */
export class HeldCycle {
  private constructor(
    private readonly cycle: WorkflowHandle,
    /** Lets the requests pass. */
    readonly goOn: () => void,
  ) {}

  /** Starts a cycle, and waits until it is held at the place. */
  static async at(sync: SyncFixture, place: Place): Promise<HeldCycle> {
    const { role, step, proxy, request = /./, passed = 0, fault } = place;
    const started = deferred<WorkflowHandle>();
    const held = deferred<undefined>();
    const gate = deferred<undefined>();
    let seen = 0;
    let isHeld = false;
    proxy.choose(async (method, url) => {
      if (
        !isHeld &&
        (!request.test(`${method} ${decodeURIComponent(url)}`) || !(await isIn(await started.promise, step)))
      )
        return undefined;
      if (!isHeld && ++seen <= passed) return undefined;
      const isFirst = !isHeld;
      isHeld = true;
      held.resolve(undefined);
      await gate.promise;
      return isFirst ? fault : undefined;
    });
    started.resolve(await startCycle(sync, role));
    const cycle = await started.promise;
    const ended = cycle
      .result()
      .catch(() => undefined)
      .then(() => 'ended');
    if ((await Promise.race([held.promise, ended])) === 'ended')
      throw new Error(`the cycle ended before ${step} was held`);
    return new HeldCycle(cycle, () => {
      proxy.choose(() => undefined);
      gate.resolve(undefined);
    });
  }

  /** How the cycle ends, also if Temporal is down for a while. Waits longer than the timeout of any cycle here. */
  async ends(): Promise<Ended> {
    await eventually(
      async () => {
        const { status } = await this.cycle.describe();
        if (status.name === 'RUNNING') throw new Error('it is running');
      },
      'the cycle to end',
      ENDS_WITHIN_MS,
    );
    return endOf(this.cycle.result() as Promise<CycleResult>);
  }

  async isRunning(): Promise<boolean> {
    return (await this.cycle.describe()).status.name === 'RUNNING';
  }
}

async function startCycle(sync: SyncFixture, role: Place['role']): Promise<WorkflowHandle> {
  const schedule = sync.schedule(role);
  const before = new Set(cyclesOf(await schedule.describe()).map(({ runId }) => runId));
  await schedule.trigger('BUFFER_ONE');
  return eventually(async () => {
    const cycle = cyclesOf(await schedule.describe()).find(({ runId }) => !before.has(runId));
    if (cycle === undefined) throw new Error('there is none yet');
    return sync.client.workflow.getHandle(cycle.workflowId, cycle.runId);
  }, 'the cycle to start');
}

/** Whether the cycle is in the step now. */
async function isIn(cycle: WorkflowHandle, step: string): Promise<boolean> {
  const { raw } = await cycle.describe();
  return (raw.pendingActivities ?? []).some(({ activityType }) => activityType?.name === step);
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
