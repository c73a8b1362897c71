import net, { type AddressInfo, type Socket } from 'node:net';

/** Stands in front of any server, and can be cut through: every connection ends, and no new one is taken. */
export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server: net.Server;

  /** @param target host:port */
  private constructor(target: string) {
    const [host = '', port = ''] = target.split(':');
    this.server = net.createServer((outer) => {
      const inner = net.connect(Number(port), host);
      for (const [one, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async before(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** host:port */
  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}
