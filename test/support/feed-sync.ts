import { readFileSync } from 'node:fs';
import path from 'node:path';
import { freePorts, startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import type { GuardedProcess } from '../../dev/shared/guarded-process';
import { VaultApi } from '../../dev/shared/vault-api';
import { startVsync } from '../../dev/shared/vsync-command';
import { pushId } from '../../src/contract/ids';
import { eventually } from './eventually';
import { sharedServers } from './shared-servers';
import { SyncFixture } from './sync-fixture';

/**
 * An origin with a feed and two destinations. The origin's Vault is the test's own, because its audit device would hear
 * every test of a shared one. Workers are processes, which a test may kill.
 */
export class FeedSync {
  /** In the order of their start. */
  readonly workers: GuardedProcess[] = [];

  private constructor(
    readonly sync: SyncFixture,
    private readonly vault: VaultFileServer,
    readonly port: number,
  ) {}

  /** Without any worker. */
  static async create(): Promise<FeedSync> {
    const vault = await startVaultFile({ mounts: [] });
    const [port = 0] = await freePorts(1);
    const sync = await SyncFixture.create({
      servers: { ...sharedServers(), origin: vault },
      destinations: 2,
      edit: (file, role) => {
        if (role === 'destination') return;
        const origin = file['origin'] as Record<string, unknown>;
        origin['feed'] = { socket: { listen: `127.0.0.1:${port}` } };
        file['log'] = { level: 'info' };
      },
    });
    return new FeedSync(sync, vault, port);
  }

  async startWorker(role: 'origin' | 'destination', number = 0): Promise<GuardedProcess> {
    const file = role === 'origin' ? this.sync.originFile : (this.sync.destinationFiles[number] ?? '');
    const worker = await startVsync(['worker', '-c', file], { home: this.sync.folder });
    this.workers.push(worker);
    return worker;
  }

  /** As the documentation has it: a second device, and a short time to wait for ours. */
  async enableAuditDevices(): Promise<void> {
    const api = new VaultApi(this.vault);
    await api.request('POST', 'sys/audit/file', { type: 'file', options: { file_path: '/dev/null' } });
    const options = { address: `127.0.0.1:${this.port}`, socket_type: 'tcp', write_timeout: '100ms' };
    // Vault tries the address; the worker may be about to listen.
    await eventually(
      () => api.request('POST', 'sys/audit/feed', { type: 'socket', options }),
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
    const file = this.sync.destinationFiles[number] ?? '';
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name: string };
    const { events } = await this.sync.client.workflow.getHandle(pushId(name)).fetchHistory();
    return (events ?? []).filter((event) => event.workflowExecutionUpdateCompletedEventAttributes).length;
  }

  /** What the workers have logged. */
  log(): string {
    return readFileSync(path.join(this.sync.folder, 'vsync-worker.log'), 'utf8');
  }

  async tearDown(): Promise<void> {
    await this.sync.tearDown();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.vault.stop();
  }
}
