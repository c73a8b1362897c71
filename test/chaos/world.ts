import { WorkflowFailedError } from '@temporalio/client';
import { readFileSync, writeFileSync } from 'node:fs';
import { setPaused, trigger } from '../../src/temporal/operations';
import { cyclesOf } from '../../src/temporal/schedule';
import { failedCycle } from '../../src/cli/text';
import type { CycleResult, Outcome } from '../../src/contract/cycle';
import { eventually } from '../support/eventually';
import { vaultKind } from '../../dev/servers/start/vault-kind';
import { quietWatch } from '../../dev/shared/quiet-watch';
import { VaultApi } from '../../dev/shared/vault-api';
import { SyncFixture, type FileContent } from '../support/sync-fixture';
import { ChaosProxy } from './chaos-proxy';
import type { ChaosServers } from './chaos-servers';
import { destinationView, encoded, valuesOfAllVersions, vaultOf } from './destination-view';
import { FeedLine } from './feed-line';
import { believedClaims, infoView } from './info-view';
import { MountTable } from './names';
import { applySettings, type Settings } from './settings';
import type { Stats } from './stats';
import type { Hands, InfoView, View, Witness } from './witness';
import { WorkerProcesses } from './worker-processes';

export type Role = 'origin' | 'destination';
export const ROLES = ['origin', 'destination'] as const;
export const PROXIES = ['originVault', 'destinationVault', 'consul'] as const;
export type ProxyName = (typeof PROXIES)[number];

/** After a kill, a step is retried after the heartbeat timeout of 10 s, with pauses of up to 30 s. */
const IDLE_WITHIN_MS = 150_000;

/** What stays for the whole run. */
export interface WorldKind {
  /** Whether the watch starts cycles too. Without it, requested cycles have all the work. */
  readonly watched: boolean;
  /** Number of worker processes on the same queues. */
  readonly workers: number;
  readonly settings: Settings;
  /** Whether the origin has a feed. Only a Vault takes its audit device over the API, an OpenBao does not. */
  readonly feed: boolean;
}

/** One sync on the real servers. A proxy is in front of each Vault and of Consul. Workers have processes of their own. */
export class World implements Witness {
  settings: Settings;
  readonly hands: Hands = { versions: new Set(), values: new Map(), touched: new Set() };
  /** What was done: it explains a violation. */
  readonly trace: string[] = [];
  private readonly beganMs = Date.now();
  /** Called when no worker runs under the settings that are about to change. */
  onIdleWorker: () => Promise<void> = () => Promise.resolve();
  private readonly processes: WorkerProcesses;
  /** Note of the last cycle of each role. */
  readonly lastNote: Partial<Record<Role, string>> = {};

  private constructor(
    readonly sync: SyncFixture,
    readonly mounts: MountTable,
    readonly servers: ChaosServers,
    readonly proxies: Record<ProxyName, ChaosProxy>,
    readonly stats: Stats,
    readonly kind: WorldKind,
    /** Undefined without a feed. */
    readonly feedLine: FeedLine | undefined,
  ) {
    this.settings = kind.settings;
    this.processes = new WorkerProcesses(sync.folder, [sync.originFile, ...sync.destinationFiles]);
  }

  static async create(servers: ChaosServers, stats: Stats, kind: WorldKind): Promise<World> {
    const { origin, destinations, consul } = servers.shared;
    const before = (target: string, name: ProxyName): Promise<ChaosProxy> =>
      ChaosProxy.before(target, (fault) => {
        stats.fault(name, fault);
      });
    const proxies = {
      originVault: await before(origin.address, 'originVault'),
      destinationVault: await before(destinations[0].address, 'destinationVault'),
      consul: await before(consul, 'consul'),
    };
    const feedLine =
      kind.feed && vaultKind() === 'vault' ? await FeedLine.before(new VaultApi(origin)) : undefined;
    let mounts: MountTable | undefined;
    const sync = await SyncFixture.create({
      beforeFiles: async (fixture) => {
        const two = fixture.mount.replace('kv-', 'kv2-');
        for (const vault of [fixture.originVault, vaultOf(fixture)]) await vault.mount(two);
        mounts = new MountTable({ one: fixture.mount, two });
      },
      edit: (file, role) => {
        const { origin, destination } = file as Partial<FileContent>;
        if (role === 'origin' && feedLine !== undefined)
          Object.assign(origin ?? {}, { feed: { socket: { listen: feedLine.listen } } });
        file['log'] = { level: 'info', type: 'json' };
        for (const section of [origin, destination]) {
          if (section === undefined) continue;
          section['mounts'] = mounts?.all;
          (section['vault'] as { address: string }).address =
            proxies[section === origin ? 'originVault' : 'destinationVault'].address;
          section['consul'] = { address: proxies.consul.address };
        }
      },
    });
    if (mounts === undefined) throw new Error('the fixture asks before it writes its files');
    const world = new World(sync, mounts, servers, proxies, stats, kind, feedLine);
    // All versions must stay for the check at the end.
    for (const mount of mounts.all)
      await vaultOf(sync).request('POST', `${mount}config`, { max_versions: 1000 });
    await world.configure(kind.settings);
    await feedLine?.enable();
    stats.count(feedLine === undefined ? 'worlds without a feed' : 'worlds with a feed');
    return world;
  }

  /** Writes the configuration files, and restarts schedules and workers with them. */
  async configure(settings: Settings): Promise<void> {
    this.calm();
    await this.stopWorkers('SIGKILL');
    await this.onIdleWorker();
    this.settings = settings;
    for (const role of ROLES) {
      const file = role === 'origin' ? this.sync.originFile : (this.sync.destinationFiles[0] ?? '');
      const content = JSON.parse(readFileSync(file, 'utf8')) as FileContent;
      applySettings(settings, content, role, this.mounts);
      writeFileSync(file, JSON.stringify(content));
      await this.sync.start(role);
    }
    await this.startWorkers();
    if (!this.kind.watched) await this.endWatch();
  }

  private async endWatch(): Promise<void> {
    await quietWatch(this.sync.client, this.sync.config('destination').name);
    await this.idle();
  }

  note(what: string): void {
    this.trace.push(`${((Date.now() - this.beganMs) / 1000).toFixed(1)} s  ${what}`);
  }

  calm(): void {
    for (const proxy of Object.values(this.proxies)) proxy.calm();
  }

  /** Starts all missing workers. They check their servers first, so all faults wait. */
  async startWorkers(): Promise<void> {
    this.lull(true);
    const ended = this.processes.reap();
    for (const end of ended) {
      this.stats.count('workers that ended by themselves');
      this.note(`  a worker ended by itself: ${end}`);
    }
    await this.processes.fillUpTo(this.kind.workers);
    this.lull(false);
  }

  private lull(isLull: boolean): void {
    for (const proxy of Object.values(this.proxies)) proxy.isLull = isLull;
  }

  /** @param count how many of them; all by default */
  async stopWorkers(signal: 'SIGKILL' | 'SIGTERM', count?: number): Promise<void> {
    await this.processes.stop(signal, count);
    await this.proxies.destinationVault.drained();
  }

  /** Stops all workers where they are, or lets them go on. */
  signalWorkers(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.processes.signal(signal);
  }

  /** Triggers a cycle, and waits for its end, whatever the outcome. */
  async cycle(role: Role): Promise<Outcome> {
    const { outcome, words } = await this.resultOf(role).then(
      ({ outcome, counts, note = '', failures }) => {
        const done = Object.entries(counts).filter(([, count]) => count > 0);
        const failed = failures.map((failure) => `${failure.class} ${failure.path}`);
        return { outcome, words: [note, ...done.map((count) => count.join(' ')), ...failed].join(', ') };
      },
      (error: unknown): { outcome: Outcome; words: string } => {
        if (!(error instanceof WorkflowFailedError)) throw error;
        const { outcome, note = '' } = failedCycle(error);
        return { outcome: outcome as Outcome, words: note };
      },
    );
    this.stats.cycle(role, outcome);
    this.lastNote[role] = words;
    this.note(`  cycle of the ${role}: ${outcome} ${words}`);
    return outcome;
  }

  /** Keeps waiting if Temporal itself is killed: the cycle continues when Temporal is back. */
  private async resultOf(role: Role): Promise<CycleResult> {
    const { cycle } = await trigger(this.sync.client, this.sync.config(role), { wait: true });
    if (cycle === undefined) throw new Error('a trigger that waits has a cycle');
    for (const untilMs = Date.now() + IDLE_WITHIN_MS; ;) {
      try {
        return await cycle.result();
      } catch (error) {
        if (error instanceof WorkflowFailedError || Date.now() > untilMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  /** Cancels the running cycle of a role, if there is one. */
  async cancel(role: Role): Promise<void> {
    const last = cyclesOf(await this.sync.schedule(role).describe()).at(-1);
    if (last === undefined) return;
    // The cycle may have ended by now.
    await this.sync.client.workflow
      .getHandle(last.workflowId, last.runId)
      .cancel()
      .catch(() => undefined);
  }

  /** Pauses or resumes with vsync's command, or with Temporal's own. */
  async pause(paused: boolean, by: 'command' | 'schedule'): Promise<void> {
    const schedule = this.sync.schedule('destination');
    if (by === 'command') await setPaused(this.sync.client, this.sync.config('destination'), paused, 'chaos');
    else {
      // Temporal loses one that coincides with a trigger of the watch.
      do await (paused ? schedule.pause() : schedule.unpause());
      while ((await schedule.describe()).state.paused !== paused);
    }
  }

  /** Waits until no cycle is running or pending. */
  async idle(): Promise<void> {
    for (const role of ROLES) {
      await eventually(
        async () => {
          const cycles = await this.sync.cycles(role);
          const { info } = await this.sync.schedule(role).describe();
          if (info.runningActions.length > 0 || cycles.some(({ closeMs }) => closeMs === undefined))
            throw new Error('a cycle is running');
        },
        `${role} to be idle`,
        IDLE_WITHIN_MS,
      );
    }
  }

  /** Writes or deletes at the destination without vsync. */
  async byHand(place: string, value: string | undefined): Promise<void> {
    const vault = vaultOf(this.sync);
    const { hands } = this;
    const { mount, inMount } = this.mounts.locate(place);
    hands.touched.add(place);
    let version = await vault.version(mount, inMount);
    if (value !== undefined) {
      // A cycle of the watch may write there at the same moment.
      await eventually(async () => {
        version = await vault.version(mount, inMount);
        const body = { data: { v: value }, options: { cas: version } };
        await vault.request('POST', `${mount}data/${encoded(inMount)}`, body);
      }, `a write at ${place}`);
      hands.versions.add(`${place}#${version + 1}`);
      hands.values.set(place, new Set([...(hands.values.get(place) ?? []), value]));
      return;
    }
    if (version === 0) return;
    hands.versions.add(`${place}#${version}`);
    await vault.request('POST', `${mount}delete/${encoded(inMount)}`, { versions: [version] });
  }

  /**
   * Adds the origin's insights to the destination's claims, bucket by bucket. The index stays the same. Known
   * differences are left alone: no cycle reads them before one of their hashes changes, so only a verify notices.
   */
  async damage(): Promise<void> {
    const { consul } = this.sync;
    const [from, to] = [this.sync.infoPrefix('origin'), this.sync.infoPrefix('destination')];
    const [theirs, ours] = [await consul.values(from), await consul.values(to)];
    const bucketIds = (values: object, prefix: string): string[] =>
      Object.keys(values).flatMap((key) => /^\d+$/.exec(key.slice(prefix.length)) ?? []);
    const ids = bucketIds(ours, to);
    // With another number of buckets, the same id has other secrets.
    if (ids.length !== bucketIds(theirs, from).length) return;
    const { buckets: known = {} } = JSON.parse(ours[`${to}settled`] ?? '{}') as { buckets?: object };
    for (const id of ids.filter((one) => !(one in known))) {
      const claimed = { ...parsed(ours[to + id]), ...parsed(theirs[from + id]) };
      await consul.put(to + id, JSON.stringify(claimed));
    }
  }

  view(): Promise<View> {
    return destinationView(this.sync, this.mounts);
  }

  valuesOf(place: string, count: number): Promise<string[]> {
    return valuesOfAllVersions(this.sync, this.mounts.locate(place), count);
  }

  info(role: Role): Promise<InfoView> {
    return infoView(this.sync, role, (path) => this.mounts.nameOf(path));
  }

  published(): Promise<InfoView | undefined> {
    return this.info('origin').catch(() => undefined);
  }

  believedClaims(): Promise<InfoView> {
    return believedClaims(this.sync, (path) => this.mounts.nameOf(path));
  }

  cycles(role: Role): ReturnType<Witness['cycles']> {
    return this.sync.cycles(role);
  }

  async orphans(): Promise<ReadonlySet<string>> {
    const { orphans } = await this.sync.plan();
    return new Set(orphans.map(({ at }) => this.mounts.nameOf(at)));
  }

  count(what: string): void {
    this.stats.count(what);
  }

  async tearDown(): Promise<void> {
    this.calm();
    await this.stopWorkers('SIGKILL');
    await this.feedLine?.tearDown();
    await this.sync.tearDown();
    for (const proxy of Object.values(this.proxies)) await proxy.close();
  }
}

function parsed(json = '{}'): object {
  return JSON.parse(json) as object;
}
