import { createHash } from 'node:crypto';
import http from 'node:http';
import type net from 'node:net';
import { portOf } from '../../dev/shared/sockets';

/** Appended to the key of a client (RFC 6455). */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** An event as Vault's documentation shows it. */
export function event(type: string, metadata: object, mountPath = 'secret/'): string {
  return JSON.stringify({
    id: 'a3be9fb1-b514-519f-5b25-b6f144a8c1ce',
    source: 'vault://mycluster',
    specversion: '1.0',
    type,
    data: {
      event: { id: 'a3be9fb1-b514-519f-5b25-b6f144a8c1ce', metadata },
      event_type: type,
      plugin_info: {
        mount_class: 'secret',
        mount_accessor: 'kv_5dc4d18e',
        mount_path: mountPath,
        plugin: 'kv',
      },
    },
    datacontentype: 'application/cloudevents',
    time: '2026-11-30T21:36:31.850Z',
  });
}

/** A websocket server that sends texts, as a Vault Enterprise does at `sys/events/subscribe`. */
export class EventServer {
  /** Of each attempt to connect: path with query, and headers. */
  readonly attempts: { url: string; headers: http.IncomingHttpHeaders }[] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server = http.createServer((request, response) => {
    this.pass(request, response);
  });

  /**
   * @param status 101, or another one to refuse with
   * @param target URL of a Vault that answers all other requests
   */
  private constructor(
    private readonly status: number,
    private readonly target: string | undefined,
  ) {
    this.server.on('upgrade', (request, socket: net.Socket) => {
      this.accept(request, socket);
    });
  }

  static async start(status = 101, target?: string): Promise<EventServer> {
    const events = new EventServer(status, target);
    await new Promise<void>((resolve) => events.server.listen(0, '127.0.0.1', resolve));
    return events;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.server)}`;
  }

  send(text: string): void {
    const payload = Buffer.from(text);
    const length = Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
    for (const socket of this.sockets) socket.write(Buffer.concat([length, payload]));
  }

  /** Ends the connections without a close frame, as a Vault that is killed does. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private pass(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.target === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { method, headers, url } = request;
    const passed = http.request(`${this.target}${url ?? ''}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  }

  private accept(request: http.IncomingMessage, socket: net.Socket): void {
    socket.on('error', () => undefined);
    this.attempts.push({ url: request.url ?? '', headers: request.headers });
    if (this.status !== 101) {
      socket.end(`HTTP/1.1 ${this.status} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1')
      .update(key + MAGIC)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
