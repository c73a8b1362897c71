import { ConsulApi } from '../shared/consul-api';
import { makePaths, type MountData } from '../shared/sample-secrets';
import { memoryMiB } from './machine';
import { makeRow, summarise, sum, type BenchOptions, type Results, type Row, type Summary } from './results';
import { BenchSync, type MeasuredCycle, type SyncPlan } from './sync';
import { freshMounts, type World } from './world';

/** The smaller mount's share of the secrets. */
const SMALL_SHARE = 0.2;

/** The large mount and the small one. */
export function twoMounts(secrets: number, seed: number): readonly [large: MountData, small: MountData] {
  const small = Math.max(1, Math.round(secrets * SMALL_SHARE));
  return [
    makePaths({ mount: 'apps/', secrets: secrets - small, seed }),
    makePaths({ mount: 'infra/', secrets: small, seed }),
  ];
}

/** By default a sync of both mounts, with the numbers of the options. */
type OwnPlan = Partial<SyncPlan> & Pick<SyncPlan, 'name'>;

/** What all parts work on and report to, and the steps that several of them take. */
export class Measurement implements Pick<Results, 'rows' | 'sizes' | 'others'> {
  readonly rows: Row[] = [];
  readonly sizes: Results['sizes'] = [];
  readonly others: Results['others'] = [];
  /** By row, and then by what was measured: the row has the maximum. */
  private readonly maxima: Record<string, Record<string, number>> = {};

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

  /** Does and reports each round. @returns what was measured, by name */
  async rounds<Name extends string>(
    what: string,
    measure: (round: number) => Promise<Record<Name, number>>,
  ): Promise<Record<Name, Summary>> {
    const values: Record<string, number[]> = {};
    for (let round = 1; round <= this.options.rounds; round++) {
      const measured = Object.entries<number>(await measure(round));
      for (const [name, value] of measured) (values[name] ??= []).push(value);
      const shown = measured.map(([name, value]) => `${name} ${Math.round(value)}`);
      console.log(`${what}, round ${round}: ${shown.join(', ')}`);
    }
    const summaries = Object.entries(values).map(([name, all]) => [name, summarise(all)]);
    return Object.fromEntries(summaries) as Record<Name, Summary>;
  }

  sync(role: BenchSync['role'], plan: OwnPlan, origin?: BenchSync): BenchSync {
    const { numBuckets, inFlight: numWorkers } = this.options;
    return new BenchSync(this.world, role, { data: this.data, numBuckets, numWorkers, ...plan }, origin);
  }

  /** Starts the workers and the schedule of an origin. @returns after its first cycle */
  async publish(plan: OwnPlan, processes = 1): Promise<[BenchSync, MeasuredCycle]> {
    const origin = this.sync('origin', plan);
    await origin.work(processes);
    return [origin, await origin.start({ read: origin.secrets })];
  }

  /** Starts the workers and the schedule of a destination with empty mounts. @returns after its first copy */
  async firstCopy(plan: OwnPlan, origin: BenchSync, processes = 1): Promise<[BenchSync, MeasuredCycle]> {
    const destination = this.sync('destination', plan, origin);
    await freshMounts(this.world.destination, destination.mounts);
    await destination.work(processes);
    return [destination, await destination.start({ added: destination.secrets })];
  }

  noteHistory(name: string, { events, bytes }: MeasuredCycle): void {
    this.noteMaximum('history-events', name, events);
    this.noteMaximum('history-bytes', name, bytes);
  }

  private noteMaximum(row: string, name: string, value: number): void {
    this.maxima[row] = { ...this.maxima[row], [name]: value };
  }

  /** Notes the memory of a worker, and what its role keeps in Consul. */
  async noteSync({ role, syncPath, pids: [pid = 0] }: BenchSync): Promise<void> {
    this.noteMaximum('memory', role, memoryMiB(pid, 'VmHWM'));
    const sizes = Object.entries(await new ConsulApi(this.world.consul).sizes(`${syncPath}${role}/`));
    for (const what of ['sync info', 'staged']) {
      const own = sizes.filter(([key]) => key.includes('/staging/') === (what === 'staged'));
      this.sizes.push({
        what: `${role}: ${what}`,
        keys: own.length,
        bytes: sum(own.map(([, size]) => size)),
      });
    }
  }

  /** Adds the rows of all memories and histories that were noted. */
  addMaxima(): void {
    for (const id of ['memory', 'history-events', 'history-bytes']) {
      const details = this.maxima[id];
      if (details !== undefined) this.add(id, { value: Math.max(...Object.values(details)), details });
    }
  }
}
