import { isDeepStrictEqual } from 'node:util';
import { ConsulApi } from '../shared/consul-api';
import { makePaths, type MountData } from '../shared/sample-secrets';
import { Helper } from './helper';
import { peakMiB } from './machine';
import { makeRow, Rounds, type BenchOptions, type Results, type Row } from './results';
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

/** What all parts work on and report to, and the steps that several of them take. */
export class Measurement {
  readonly rows: Row[] = [];
  readonly sizes: Results['sizes'] = [];
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

  /** Does and reports each round. */
  async rounds<Name extends string>(
    what: string,
    measure: (round: number) => Promise<Record<Name, number>>,
  ): Promise<Rounds<Name>> {
    const rounds = new Rounds<Name>();
    for (let round = 1; round <= this.options.rounds; round++) {
      const measured = await measure(round);
      const shown = Object.entries<number>(measured).map(([name, value]) => `${name} ${Math.round(value)}`);
      this.world.say(`${what}, round ${round}: ${shown.join(', ')}`);
      rounds.add(measured);
    }
    return rounds;
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
    const [origin = '', destination = ''] = await proxy.do('proxy', { targets, delayMs });
    return [proxy, { origin, destination }];
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
    this.noteMaximum('memory', role, peakMiB(pid));
    const sizes = Object.entries(await new ConsulApi(this.world.consul).sizes(`${syncPath}${role}/`));
    for (const what of ['sync info', 'staged']) {
      const own = sizes.filter(([key]) => key.includes('/staging/') === (what === 'staged'));
      const bytes = own.reduce((sum, [, size]) => sum + size, 0);
      this.sizes.push({ what: `${role}: ${what}`, keys: own.length, bytes });
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

/** @throws if a cycle did something else than what it is measured for */
export function expectCycle(
  { result }: MeasuredCycle,
  outcome: string,
  wanted: Partial<MeasuredCycle['result']['counts']> = {},
): void {
  const { counts, failures, note } = result;
  if (result.outcome === outcome && isDeepStrictEqual({ ...counts, ...wanted }, counts)) return;
  const did = JSON.stringify({ outcome: result.outcome, counts, failures: failures.slice(0, 3), note });
  const expected = `${outcome} with ${JSON.stringify(wanted)}`;
  throw new Error(`a cycle was not ${expected}, so its time has no meaning: ${did}`);
}
