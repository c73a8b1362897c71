import { steadyNowMs } from '../steady-clock';
import type { Instance, InstanceList, InstanceSource } from './instance';

/** The list that the configuration names. It is always fresh. */
export class StaticInstances implements InstanceSource {
  readonly kind = 'static';

  constructor(private readonly instances: readonly Instance[]) {}

  start(): Promise<void> {
    return Promise.resolve();
  }

  current(): InstanceList {
    return { instances: this.instances, freshAtMs: steadyNowMs() };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
