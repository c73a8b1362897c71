import { readFileSync } from 'node:fs';
import net from 'node:net';
import tls from 'node:tls';
import type { Certificates } from './certificates';
import { join, portOf } from '../../dev/shared/sockets';

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
