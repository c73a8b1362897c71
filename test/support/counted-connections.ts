import net, { type Socket } from 'node:net';
import { join, portOf } from '../../dev/shared/sockets';

/** A proxy in front of a server that counts connections which are open at the same time. */
export class CountedConnections {
  private readonly open = new Set<Socket>();
  private readonly ends = new Set<Socket>();
  private readonly server: net.Server;
  private waiting: { count: number; done: () => void }[] = [];
  /** Maximum of open connections since {@link forget}. */
  most = 0;

  /** @param target port of the server on the loopback */
  private constructor(target: number) {
    this.server = net.createServer((outer) => {
      this.open.add(outer);
      this.most = Math.max(this.most, this.open.size);
      outer.once('close', () => {
        this.open.delete(outer);
        this.tell();
      });
      join(outer, net.connect(target, '127.0.0.1'), this.ends);
    });
  }

  static async before(target: number): Promise<CountedConnections> {
    const proxy = new CountedConnections(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.server)}`;
  }

  get count(): number {
    return this.open.size;
  }

  /** Restarts the count of {@link most}. */
  forget(): void {
    this.most = this.open.size;
  }

  /** Resolves as soon as at most this number of connections is open. */
  async atMost(count: number): Promise<void> {
    if (this.open.size <= count) return;
    await new Promise<void>((done) => this.waiting.push({ count, done }));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.ends) socket.destroy();
    await closed;
  }

  private tell(): void {
    const [done, left] = [true, false].map((isDone) =>
      this.waiting.filter(({ count }) => this.open.size <= count === isDone),
    );
    this.waiting = left ?? [];
    for (const one of done ?? []) one.done();
  }
}
