import { readFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { Certificates } from './certificates';

/** Puts TLS before a real server: it wants a client's certificate of the same authority, and passes bytes on. */
export class TlsProxy {
  private readonly open = new Set<net.Socket>();
  /** Connections that came to be. */
  connections = 0;

  private constructor(private readonly server: tls.Server) {}

  static async before(target: string, certificates: Certificates): Promise<TlsProxy> {
    const { hostname, port } = new URL(target);
    const server = tls.createServer({
      cert: readFileSync(certificates.server.certFile),
      key: readFileSync(certificates.server.keyFile),
      ca: readFileSync(certificates.caFile),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const proxy = new TlsProxy(server);
    server.on('secureConnection', (incoming) => {
      proxy.connections++;
      const onward = net.connect(Number(port), hostname);
      for (const [socket, other] of [
        [incoming, onward],
        [onward, incoming],
      ] as const) {
        proxy.open.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('close', () => {
          proxy.open.delete(socket);
          other.destroy();
        });
      }
      incoming.pipe(onward).pipe(incoming);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
