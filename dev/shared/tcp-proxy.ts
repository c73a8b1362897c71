import net, { type Socket } from 'node:net';
import { join, portOf } from './sockets';

/**
 * A proxy in front of any server. It can be cut: every connection ends, and no new one is accepted, until it is mended. It can
 * also add latency.
 */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server: net.Server;
  private port = 0;

  /** @param target host:port */
  private constructor(
    private target: string,
    private readonly listenHost: string,
    private delayMs: number,
  ) {
    this.server = net.createServer({ noDelay: true }, (outer) => {
      const [host = '', port = ''] = this.target.split(':');
      join(outer, net.connect({ host, port: Number(port), noDelay: true }), this.sockets, this.delayMs);
    });
  }

  /**
   * @param host address to listen on, of the loopback interface
   * @param delayMs added to everything on its way to the server; answers pass at once
   */
  static async before(target: string, { host = '127.0.0.1', delayMs = 0 } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, host, delayMs);
    await proxy.listen();
    proxy.port = portOf(proxy.server);
    return proxy;
  }

  /** host:port */
  get address(): string {
    return `${this.listenHost.includes(':') ? `[${this.listenHost}]` : this.listenHost}:${this.port}`;
  }

  /** From now on leads to another server, like a moved DNS name or virtual IP. Connections end. */
  lead(target: string): void {
    this.target = target;
    for (const socket of this.sockets) socket.destroy();
  }

  /** From now on everything on its way to the server is late. Connections end. */
  delay(delayMs: number): void {
    this.delayMs = delayMs;
    this.interrupt();
  }

  /** Ends all connections. New ones are accepted. */
  interrupt(): void {
    this.lead(this.target);
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** After a cut: accepts connections again, at the same address. */
  async mend(): Promise<void> {
    if (!this.server.listening) await this.listen();
  }

  private listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject).listen(this.port, this.listenHost, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }
}
