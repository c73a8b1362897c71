import { ConsulApi } from '../shared/consul-api';
import { makePaths, SECRETS_PER_FOLDER, type MountData } from '../shared/sample-secrets';
import { Helper } from './helper';
import { memoryOf } from './machine';
import type { BenchOptions } from './options';
import { makeRow, type Results, type Row } from './results';
import { BenchSync, type MeasuredCycle, type SyncPlan } from './sync';
import { freshMounts, type World } from './world';

/** Secrets of the parts with distant Vaults: more only takes longer, because the latency decides there. */
export const MAX_DISTANT_SECRETS = 10_000;

/** The smaller mount's share of the secrets. */
const SMALL_SHARE = 0.2;

/** The large mount and the small one. */
export function twoMounts(secrets: number, seed: number): readonly [large: MountData, small: MountData] {
  const small = Math.max(1, Math.round(secrets * SMALL_SHARE));
  const make = (mount: string, count: number): MountData =>
    makePaths({ mount, secrets: count, folders: Math.ceil(count / SECRETS_PER_FOLDER), seed });
  return [make('apps/', secrets - small), make('infra/', small)];
}

/** What all parts work on and report to, and the steps that several of them take. */
export class Measurement {
  readonly rows: Row[] = [];
  readonly sizes: Results['sizes'] = [];
  private readonly peaksMiB: Record<string, number> = {};
  private readonly events: Record<string, number> = {};
  private readonly bytes: Record<string, number> = {};

  constructor(
    readonly options: BenchOptions,
    readonly world: World,
    readonly data: readonly [large: MountData, small: MountData],
  ) {}

  get mounts(): string[] {
    return this.data.map(({ mount }) => mount);
  }

  /** Adds a row; secrets and buckets are those of the options, if not given. */
  add(id: string, measured: Pick<Row, 'value'> & Partial<Row>): void {
    const { secrets, numBuckets: buckets } = this.options;
    this.rows.push(makeRow(id, { secrets, buckets, ...measured }));
  }

  /** Starts the workers and the schedule of an origin. @returns after its first cycle */
  async publish(plan: SyncPlan, secrets: number, processes = 1): Promise<[BenchSync, MeasuredCycle]> {
    const origin = new BenchSync(this.world, 'origin', plan);
    await origin.work(processes);
    const first = await origin.start();
    expectCycle(first, 'synced', { read: secrets });
    return [origin, first];
  }

  /** Starts the workers and the schedule of a destination with empty mounts. @returns after its first copy */
  async firstCopy(plan: SyncPlan, origin: BenchSync, secrets: number, processes = 1) {
    await freshMounts(this.world.destination, plan.mounts);
    const destination = new BenchSync(this.world, 'destination', plan, origin);
    await destination.work(processes);
    const first = await destination.start();
    expectCycle(first, 'synced', { added: secrets });
    return [destination, first] as const;
  }

  /** A process that ends with the run. */
  helper(name: 'floor' | 'latency proxy'): Helper {
    const helper = new Helper(name);
    this.world.cleanUps.push(() => helper.stop());
    return helper;
  }

  /** Both Vaults behind a proxy that delays each request. */
  async distantVaults(delayMs: number): Promise<[Helper, { origin: string; destination: string }]> {
    const proxy = this.helper('latency proxy');
    const targets = [this.world.origin.address, this.world.destination.address];
    const [origin = '', destination = ''] = await proxy.do<string[]>({ kind: 'proxy', targets, delayMs });
    return [proxy, { origin, destination }];
  }

  noteHistory(name: string, { events, bytes }: MeasuredCycle): void {
    this.events[name] = events;
    this.bytes[name] = bytes;
  }

  /** Notes the memory of a worker, and what its role keeps in Consul. */
  async noteSync({ role, syncPath, pids: [pid = 0] }: BenchSync): Promise<void> {
    this.peaksMiB[role] = memoryOf(pid).peakMiB;
    const sizes = Object.entries(await new ConsulApi(this.world.consul).sizes(`${syncPath}${role}/`));
    for (const what of ['sync info', 'staged']) {
      const own = sizes.filter(
        ([key]) => key.startsWith(`${syncPath}${role}/staging/`) === (what === 'staged'),
      );
      const bytes = own.reduce((sum, [, size]) => sum + size, 0);
      this.sizes.push({ what: `${role}: ${what}`, keys: own.length, bytes });
    }
  }

  /** Adds the rows of all memories and histories that were noted. */
  addMaxima(): void {
    const all = { memory: this.peaksMiB, 'history-events': this.events, 'history-bytes': this.bytes };
    for (const [id, values] of Object.entries(all))
      if (Object.keys(values).length > 0)
        this.add(id, { value: Math.max(...Object.values(values)), details: values });
  }
}

/** @throws if a cycle did something else than what it is measured for */
export function expectCycle(
  { result }: MeasuredCycle,
  outcome: string,
  wanted: Partial<MeasuredCycle['result']['counts']> = {},
): void {
  const { counts, failures, note } = result;
  const differs = Object.entries(wanted).some(
    ([name, count]) => counts[name as keyof typeof counts] !== count,
  );
  if (result.outcome === outcome && !differs) return;
  const did = JSON.stringify({ outcome: result.outcome, counts, failures: failures.slice(0, 3), note });
  throw new Error(
    `a cycle was not ${outcome} with ${JSON.stringify(wanted)}, so its time has no meaning: ${did}`,
  );
}
