import { WorkflowFailedError } from '@temporalio/client';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { watchId } from '../../src/names';
import { cyclesOf } from '../../src/starter';
import { failedCycle } from '../../src/status';
import type { Outcome } from '../../src/workflows/messages';
import { eventually } from '../support/eventually';
import { cleanEnvironment, startGuarded, type GuardedProcess } from '../support/servers';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture, type FileContent } from '../support/sync-fixture';
import { ChaosProxy } from './chaos-proxy';
import { encoded, vaultOf } from './destination-view';
import type { Model, OriginStep } from './model';
import { applySettings, FIRST_SETTINGS, type Settings } from './settings';
import type { Stats } from './stats';

export type Role = 'origin' | 'destination';
export const PROXIES = ['originVault', 'destinationVault', 'consul'] as const;
export type ProxyName = (typeof PROXIES)[number];

/** After a kill a step is missed after 10 s, and tried again with pauses of up to 30 s. */
const IDLE_WITHIN_MS = 150_000;
const READY_WITHIN_MS = 60_000;
const VSYNC = path.join(__dirname, '..', '..', 'bin', 'vsync');

/** What somebody did by hand at the destination. */
interface Hands {
  /** "path#version" that they wrote or deleted. */
  readonly versions: Set<string>;
  readonly values: Map<string, Set<string>>;
  /** Places that they touched since the last time that all was checked. */
  touched: Set<string>;
}

/** One sync on the real servers, with a proxy before each, and its worker in a process of its own. */
export class World {
  settings: Settings = { ...FIRST_SETTINGS };
  readonly hands: Hands = { versions: new Set(), values: new Map(), touched: new Set() };
  /** What was done, for whoever has to understand a violation. */
  readonly trace: string[] = [];
  /** Called when no worker runs under the settings that are about to change. */
  onIdleWorker: () => Promise<void> = () => Promise.resolve();
  private worker: GuardedProcess | undefined;
  private workers = 0;

  private constructor(
    readonly sync: SyncFixture,
    readonly proxies: Record<ProxyName, ChaosProxy>,
    readonly stats: Stats,
    /** Whether the watch starts cycles too. */
    readonly watched: boolean,
  ) {}

  static async create(stats: Stats, watched: boolean): Promise<World> {
    const servers = sharedServers();
    const before = (target: string, name: ProxyName): Promise<ChaosProxy> =>
      ChaosProxy.before(target, (kind) => {
        stats.fault(name, kind);
      });
    const proxies = {
      originVault: await before(servers.origin.address, 'originVault'),
      destinationVault: await before(servers.destinations[0].address, 'destinationVault'),
      consul: await before(servers.consul, 'consul'),
    };
    const sync = await SyncFixture.create({
      edit: (file) => {
        const { origin, destination } = file as Partial<FileContent>;
        file['log'] = { level: 'info', type: 'json' };
        for (const section of [origin, destination]) {
          if (section === undefined) continue;
          (section['vault'] as { address: string }).address =
            proxies[section === origin ? 'originVault' : 'destinationVault'].address;
          section['consul'] = { address: proxies.consul.address };
        }
      },
    });
    const world = new World(sync, proxies, stats, watched);
    // All versions stay, for the check at the end.
    await vaultOf(sync).request('POST', `${sync.mount}config`, { max_versions: 1000 });
    await world.configure(FIRST_SETTINGS);
    return world;
  }

  /** Writes the configuration files, and lets schedules and worker take them up. */
  async configure(settings: Settings): Promise<void> {
    this.calm();
    await this.stopWorker('SIGKILL');
    await this.onIdleWorker();
    this.settings = settings;
    for (const role of ['origin', 'destination'] as const) {
      const file = role === 'origin' ? this.sync.originFile : (this.sync.destinationFiles[0] ?? '');
      const content = JSON.parse(readFileSync(file, 'utf8')) as FileContent;
      applySettings(settings, content, role, this.sync.mount);
      writeFileSync(file, JSON.stringify(content));
      await this.sync.start(role);
    }
    await this.startWorker();
    if (!this.watched) await this.endWatch();
  }

  private async endWatch(): Promise<void> {
    const { client } = this.sync;
    await client.workflow.getHandle(watchId(this.sync.config('destination').name)).terminate();
    await this.idle();
  }

  calm(): void {
    for (const proxy of Object.values(this.proxies)) proxy.calm();
  }

  /** The worker first looks whether its servers are there, and would not start in the middle of a fault. */
  async startWorker(): Promise<void> {
    this.lull(true);
    const { folder, originFile, destinationFiles } = this.sync;
    const worker = await startGuarded({
      command: process.execPath,
      args: [VSYNC, 'worker', '-c', originFile, ...destinationFiles],
      env: cleanEnvironment(),
      logFile: path.join(folder, `worker-${this.workers++}.log`),
    });
    this.worker = worker;
    const isReady = (): Promise<void> => {
      const log = readFileSync(worker.logFile, 'utf8');
      if (log.split('worker ready').length === 3) return Promise.resolve();
      throw new Error(`its log says: ${log}`);
    };
    await eventually(isReady, 'the worker of both roles to be ready', READY_WITHIN_MS);
    this.lull(false);
  }

  private lull(isLull: boolean): void {
    for (const proxy of Object.values(this.proxies)) proxy.isLull = isLull;
  }

  async stopWorker(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { worker } = this;
    if (worker === undefined) return;
    this.worker = undefined;
    process.kill(worker.pid, signal);
    await worker.exited;
    await this.proxies.destinationVault.drained();
  }

  /** Asks for a cycle, and waits for its end, whatever that is. */
  async cycle(role: Role): Promise<Outcome> {
    const { outcome, words } = await this.sync.cycle(role).then(
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
    this.trace.push(`  cycle of the ${role}: ${outcome} ${words}`);
    return outcome;
  }

  /** Cancels whatever cycle of a role is running now. */
  async cancel(role: Role): Promise<void> {
    const last = cyclesOf(await this.sync.schedule(role).describe()).at(-1);
    if (last === undefined) return;
    // It may have ended in the meantime.
    await this.sync.client.workflow
      .getHandle(last.workflowId, last.runId)
      .cancel()
      .catch(() => undefined);
  }

  /** Waits until no cycle is running, and none is about to. */
  async idle(): Promise<void> {
    for (const role of ['origin', 'destination'] as const) {
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

  /** One step of a user of the origin, straight at its Vault. */
  async atOrigin(model: Model, name: string, step: OriginStep, value: string): Promise<void> {
    if (!model.can(name, step)) return;
    const { originVault: vault, mount } = this.sync;
    const data = { v: step === 'put-same' ? (model.value(name) ?? '') : value };
    const versions = [model.version(name)];
    const beganMs = Date.now();
    if (step === 'put' || step === 'put-same') await vault.put(mount, name, data);
    else if (step === 'delete') await vault.delete(mount, name);
    else if (step === 'undelete')
      await vault.request('POST', `${mount}undelete/${encoded(name)}`, { versions });
    else if (step === 'destroy') await vault.request('PUT', `${mount}destroy/${encoded(name)}`, { versions });
    else await vault.request('DELETE', `${mount}metadata/${encoded(name)}`);
    // Vault's times are cut off below the millisecond, ours are rounded.
    model.apply(name, step, { beganMs: beganMs - 1, endedMs: Date.now() + 1 }, value);
  }

  /** Somebody writes or deletes at the destination, past vsync. */
  async byHand(place: string, value: string | undefined): Promise<void> {
    const vault = vaultOf(this.sync);
    const { hands } = this;
    hands.touched.add(place);
    if (value !== undefined) {
      const version = await vault.put(this.sync.mount, place, { v: value });
      hands.versions.add(`${place}#${version}`);
      hands.values.set(place, new Set([...(hands.values.get(place) ?? []), value]));
      return;
    }
    const version = await vault.version(this.sync.mount, place);
    if (version === 0) return;
    hands.versions.add(`${place}#${version}`);
    await vault.request('POST', `${this.sync.mount}delete/${encoded(place)}`, { versions: [version] });
  }

  async tearDown(): Promise<void> {
    this.calm();
    await this.stopWorker('SIGKILL');
    await this.sync.tearDown();
    for (const proxy of Object.values(this.proxies)) await proxy.close();
  }
}
