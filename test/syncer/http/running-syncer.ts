import { pino } from 'pino';
import type { SyncerConfig } from '../../../src/syncer/config';
import type { Instance, InstanceList, InstanceSource } from '../../../src/syncer/instances/instance';
import { startSyncer, type Syncer } from '../../../src/syncer/service';
import { answer, TinyServer } from '../../support/tiny-server';
import { portOf, probeConfig } from '../probe-config';

/** A list of instances that a test changes. */
export class ListedInstances implements InstanceSource {
  readonly kind = 'test';
  list: InstanceList;

  constructor(instances: readonly Instance[]) {
    this.list = { instances, freshAtMs: Date.now() };
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  current(): InstanceList {
    return this.list;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Syncer on loopback with instances that are small servers, and what it has written to its log at every level. */
export class RunningSyncer {
  readonly log: string[] = [];
  private constructor(
    readonly pods: readonly TinyServer[],
    readonly source: ListedInstances,
  ) {}

  private syncer!: Syncer;

  static async start(count: number, changes: Partial<SyncerConfig> = {}): Promise<RunningSyncer> {
    const pods = await Promise.all(Array.from({ length: count }, () => TinyServer.start(answer(401))));
    const instances = pods.map(({ address }, at) => ({
      name: `pod-${at}`,
      address: '127.0.0.1',
      port: portOf(address),
    }));
    const running = new RunningSyncer(pods, new ListedInstances(instances));
    const log = pino({ level: 'trace' }, { write: (line: string) => void running.log.push(line) });
    const config: SyncerConfig = {
      ...probeConfig({}),
      listen: { host: '127.0.0.1', port: 0 },
      tls: undefined,
      source: { kind: 'static', instances },
      maxListAgeMs: 30_000,
      syncTimeoutMs: 1,
      retries: 2,
      requestDeadlineMs: 30_000,
      zoneSyncIntervalMs: 1_000,
      maxInFlight: { requests: 100, probes: 1_000 },
      sync: [],
      log: { level: 'info', type: 'json' },
      ...changes,
    };
    running.syncer = await startSyncer(config, { log, version: '1.2.3', source: running.source });
    return running;
  }

  get address(): string {
    return this.syncer.address;
  }

  /** The answers of all instances. */
  answers(...statuses: readonly number[]): void {
    for (const [at, status] of statuses.entries()) this.pods[at]?.answers(answer(status));
  }

  async get(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.address}${path}`, { headers, redirect: 'manual', ...(signal && { signal }) });
  }

  async ask(token = 'token', origin = 'pod-0', signal?: AbortSignal): Promise<Response> {
    return this.get('/v1/synced', { 'X-Auth-Token': token, 'X-Nginx-Origin': origin }, signal);
  }

  /** The value of a metric, with its labels as written: `syncer_in_flight{of="probes"}`. */
  async metric(name: string): Promise<number> {
    const text = await (await this.get('/metrics')).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length));
  }

  async stop(): Promise<void> {
    await this.syncer.close();
  }

  async close(): Promise<void> {
    await this.stop();
    for (const pod of this.pods) await pod.close();
  }
}
