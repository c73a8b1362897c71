import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { freePorts, startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { TcpProxy } from '../../dev/shared/tcp-proxy';
import { VaultApi } from '../../dev/shared/vault-api';
import { startVsync } from '../../dev/shared/vsync-command';
import { pushId } from '../../src/contract/ids';
import { eventually } from './eventually';
import { sharedServers } from './shared-servers';
import { SyncFixture, type FileContent, type FixtureOptions } from './sync-fixture';

export interface FeedOptions {
  /** 2 by default. */
  destinations?: number;
  /** Changes a configuration file before it is written. */
  edit?: FixtureOptions['edit'];
  /** Whether the audit lines pass a proxy, which a test can cut. */
  withLine?: boolean;
}

/**
 * An origin with a feed and its destinations. The origin's Vault is the test's own, because its audit device would hear
 * every test of a shared one. Workers are processes, which a test may kill.
 */
export class FeedSync {
  /** In the order of their start. */
  readonly workers: GuardedProcess[] = [];

  private constructor(
    readonly sync: SyncFixture,
    private readonly vault: VaultFileServer,
    readonly port: number,
    /** The way of the audit lines. */
    readonly line: TcpProxy | undefined,
  ) {}

  /** Without any worker. */
  static async create({ destinations = 2, edit, withLine = false }: FeedOptions = {}): Promise<FeedSync> {
    const vault = await startVaultFile({ mounts: [] });
    const [port = 0] = await freePorts(1);
    const sync = await SyncFixture.create({
      servers: { ...sharedServers(), origin: vault },
      destinations,
      edit: (file, role) => {
        edit?.(file, role);
        if (role === 'destination') return;
        const origin = file['origin'] as Record<string, unknown>;
        origin['feed'] = { socket: { listen: `127.0.0.1:${port}` } };
        file['log'] = { level: 'info' };
      },
    });
    const line = withLine ? await TcpProxy.before(`127.0.0.1:${port}`) : undefined;
    return new FeedSync(sync, vault, port, line);
  }

  async startWorker(role: 'origin' | 'destination', number = 0): Promise<GuardedProcess> {
    const file = role === 'origin' ? this.sync.originFile : (this.sync.destinationFiles[number] ?? '');
    const worker = await startVsync(['worker', '-c', file], { home: this.sync.folder });
    this.workers.push(worker);
    return worker;
  }

  /** Starts everything, and copies these secrets before the feed is heard, each with its path as value. */
  async begin(...rels: readonly string[]): Promise<void> {
    const { sync } = this;
    for (const rel of rels) await this.put(rel, { rel });
    await this.startWorker('origin');
    await sync.start('origin');
    await sync.cycle('origin');
    for (const number of this.numbers) {
      await this.startWorker('destination', number);
      await sync.start('destination', number);
    }
    await this.isSettled(rels[0] ?? 'heard');
    await this.enableAuditDevices();
    await this.isHeard(rels[0] ?? 'heard');
  }

  /** Waits until cycles trust the feed, and changes are pushed to all destinations. Changes this secret. */
  async isHeard(rel: string): Promise<void> {
    await eventually(async () => {
      expect((await this.sync.cycle('origin')).note).toMatch(/^feed pass/);
    }, 'a feed pass');
    for (const number of this.numbers)
      await eventually(async () => {
        await this.put(rel, { at: performance.now() });
        expect(await this.pushes(number)).toBeGreaterThan(0);
      }, `a push to destination ${number}`);
    await this.isSettled(rel);
  }

  /** Waits until all destinations have this secret as the origin has it, and no cycle has anything to do. */
  async isSettled(rel: string): Promise<void> {
    const { sync } = this;
    await eventually(async () => {
      const wanted = await sync.originVault.get(sync.mount, rel);
      for (const number of this.numbers) expect((await this.at(number, rel))[0]).toEqual(wanted);
      expect((await sync.cycle('origin')).outcome).toBe('unchanged');
      for (const number of this.numbers)
        expect((await sync.cycle('destination', number)).outcome).toBe('unchanged');
    }, 'all cycles to find nothing');
  }

  /** Changes the file of a destination, and starts it as `vsync start` does. Its worker has the old one. */
  async reconfigure(number: number, change: (content: FileContent) => void): Promise<void> {
    const file = this.sync.destinationFiles[number] ?? '';
    const content = JSON.parse(readFileSync(file, 'utf8')) as FileContent;
    change(content);
    writeFileSync(file, JSON.stringify(content));
    await this.sync.start('destination', number);
  }

  /** As the documentation has it: a second device, and a short time to wait for ours. */
  async enableAuditDevices(): Promise<void> {
    const api = new VaultApi(this.vault);
    await api.request('POST', 'sys/audit/file', { type: 'file', options: { file_path: '/dev/null' } });
    await this.enableSocketDevice('feed', this.line?.address ?? `127.0.0.1:${this.port}`);
  }

  /** One more audit device, which sends the same lines to this address. */
  async enableSocketDevice(name: string, address: string): Promise<void> {
    const options = { address, socket_type: 'tcp', write_timeout: '100ms' };
    // Vault tries the address; the worker may be about to listen.
    await eventually(
      () => new VaultApi(this.vault).request('POST', `sys/audit/${name}`, { type: 'socket', options }),
      'the audit device to reach the worker',
    );
  }

  put(rel: string, data: unknown): Promise<number> {
    return this.sync.originVault.put(this.sync.mount, rel, data);
  }

  /** A secret at a destination: its value (undefined if there is none) and its version. */
  async at(number: number, rel: string): Promise<[value: unknown, version: number | undefined]> {
    const vault = this.sync.destinationVaults[number];
    return [await vault?.get(this.sync.mount, rel), await vault?.version(this.sync.mount, rel)];
  }

  arrives(number: number, rel: string, data: unknown): Promise<void> {
    return eventually(async () => {
      expect((await this.at(number, rel))[0]).toEqual(data);
    }, `${rel} to be at destination ${number}`);
  }

  /** Pushes that a destination has answered. */
  async pushes(number: number): Promise<number> {
    const { events } = await this.pushWorkflow(number).fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionUpdateCompletedEventAttributes).length;
  }

  /** The answer of a destination to the last push, as operators see it. */
  async lastPush(number: number): Promise<string | undefined> {
    const { currentDetails } = await this.pushWorkflow(number).query<{ currentDetails?: string }>(
      '__temporal_workflow_metadata',
    );
    return currentDetails;
  }

  private get numbers(): number[] {
    return [...this.sync.destinationFiles.keys()];
  }

  private pushWorkflow(number: number): WorkflowHandle {
    const file = this.sync.destinationFiles[number] ?? '';
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name: string };
    return this.sync.client.workflow.getHandle(pushId(name));
  }

  /** What the workers have logged. */
  log(): string {
    return readFileSync(path.join(this.sync.folder, 'vsync-worker.log'), 'utf8');
  }

  async tearDown(): Promise<void> {
    await this.sync.tearDown();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.vault.stop();
    await this.line?.mend();
    await this.line?.cut();
  }
}
