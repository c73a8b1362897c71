import { freePorts } from '../../dev/servers/start';
import { TcpProxy } from '../../dev/shared/tcp-proxy';
import type { VaultApi } from '../../dev/shared/vault-api';
import { eventually } from '../support/eventually';

const DEVICE = 'sys/audit/feed';

/** The way of the audit lines: a socket device of the origin's Vault, a proxy, and the worker that listens. */
export class FeedLine {
  private constructor(
    private readonly vault: VaultApi,
    private readonly proxy: TcpProxy,
    /** Where the worker listens. */
    readonly listen: string,
  ) {}

  /** @param vault of the origin, with a root token */
  static async before(vault: VaultApi): Promise<FeedLine> {
    const [port = 0] = await freePorts(1);
    const listen = `127.0.0.1:${port}`;
    return new FeedLine(vault, await TcpProxy.before(listen), listen);
  }

  /** Sends the lines, once a worker listens. A second device keeps the Vault working without one. */
  async enable(): Promise<void> {
    const { vault, proxy } = this;
    const devices = (await vault.request('GET', 'sys/audit')) as Record<string, unknown>;
    if (devices['file/'] === undefined)
      await vault.request('POST', 'sys/audit/file', { type: 'file', options: { file_path: '/dev/null' } });
    const options = { address: proxy.address, socket_type: 'tcp', write_timeout: '100ms' };
    await eventually(
      () => vault.request('POST', DEVICE, { type: 'socket', options }),
      'the audit device to reach the worker',
    );
  }

  /** Ends the connection; Vault makes another one for its next line. */
  interrupt(): void {
    this.proxy.interrupt();
  }

  /** Lines are lost from now on. */
  cut(): Promise<void> {
    return this.proxy.cut();
  }

  mend(): Promise<void> {
    return this.proxy.mend();
  }

  async tearDown(): Promise<void> {
    await this.vault.request('DELETE', DEVICE);
    await this.proxy.mend();
    await this.proxy.cut();
  }
}
