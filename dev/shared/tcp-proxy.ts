import net, { type Socket } from 'node:net';
import { join, portOf } from './sockets';

/** A proxy in front of any server. It can be cut: every connection ends, and no new one is accepted. It can also add latency. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server: net.Server;

  /** @param target host:port */
  private constructor(
    private target: string,
    private readonly listenHost: string,
    delayMs: number,
  ) {
    this.server = net.createServer({ noDelay: true }, (outer) => {
      const [host = '', port = ''] = this.target.split(':');
      join(outer, net.connect({ host, port: Number(port), noDelay: true }), this.sockets, delayMs);
    });
  }

  /**
   * @param host address to listen on, of the loopback interface
   * @param delayMs added to everything on its way to the server; answers pass at once
   */
  static async before(target: string, { host = '127.0.0.1', delayMs = 0 } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, host, delayMs);
    await new Promise<void>((resolve, reject) => {
      proxy.server.once('error', reject).listen(0, host, resolve);
    });
    return proxy;
  }

  /** host:port */
  get address(): string {
    return `${this.listenHost.includes(':') ? `[${this.listenHost}]` : this.listenHost}:${portOf(this.server)}`;
  }

  /** From now on leads to another server, like a moved DNS name or virtual IP. Connections end. */
  lead(target: string): void {
    this.target = target;
    for (const socket of this.sockets) socket.destroy();
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
