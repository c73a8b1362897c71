import http from 'node:http';
import type { AddressInfo } from 'node:net';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A small HTTP server for answers that a real Vault or Consul cannot give on request. */
export class TinyServer {
  private readonly server: http.Server;
  /** Received requests, as "METHOD /url". */
  readonly requests: string[] = [];
  readonly headers: http.IncomingHttpHeaders[] = [];
  /** Their bodies, as text. */
  readonly bodies: string[] = [];

  private constructor(private handler: Handler) {
    this.server = http.createServer((request, response) => {
      this.requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
      this.headers.push(request.headers);
      // The body is read first, so that an answer does not depend on how much of it has arrived.
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        this.bodies.push(Buffer.concat(chunks).toString());
        this.handler(request, response);
      });
    });
  }

  static async start(handler: Handler = answer(404)): Promise<TinyServer> {
    const tiny = new TinyServer(handler);
    await new Promise<void>((resolve) => tiny.server.listen(0, '127.0.0.1', resolve));
    return tiny;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Sets the answers. Several handlers are used one after the other, the last one for all further requests. */
  answers(...handlers: [Handler, ...Handler[]]): void {
    this.requests.length = 0;
    this.headers.length = 0;
    this.bodies.length = 0;
    this.handler = (request, response) => {
      const handler = handlers.length > 1 ? handlers.shift() : handlers[0];
      handler?.(request, response);
    };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers with a status, a body (as JSON unless it is text) and headers. */
export function answer(status: number, body?: unknown, headers: http.OutgoingHttpHeaders = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, headers);
    response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
  };
}

/** Never answers. */
export const silence: Handler = () => undefined;

/** Closes the connection in the middle of the body. */
export const resetInBody: Handler = (_request, response) => {
  response.writeHead(200, { 'content-length': 1000 });
  response.write('{"data":');
  setImmediate(() => response.destroy());
};

/** Closes the connection instead of answering. */
export const reset: Handler = (request) => {
  request.socket.destroy();
};
