import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import type { Certificates } from './certificates';
import { join, portOf } from '../../dev/shared/sockets';

/** TLS in front of a real server. It requires a client certificate of the same authority, and forwards bytes. */
export class TlsProxy {
  private readonly open = new Set<net.Socket>();
  /** Number of established connections. */
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
      join(incoming, net.connect(Number(port), hostname), proxy.open);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `https://127.0.0.1:${portOf(this.server)}`;
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
