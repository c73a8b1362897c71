import http from 'node:http';
import type { Server } from 'node:net';
import { asNamed, listFront } from './list-front';
import { portOf } from './sockets';

/** A request as the proxy saw it. */
export interface SeenRequest {
  /** LIST too, although it travels as a GET behind the front. */
  method: string;
  /** Path and query. */
  url: string;
  /** As text; "" if there is none. */
  body: string;
}

/**
 * Stands in front of a real server, passes everything on as it is, and remembers each request with its body: for
 * exact counts. The bodies of requests to Vault hold values, so what is remembered must never be printed.
 */
export class CountingProxy {
  private readonly server: http.Server;
  private readonly front: Server;
  private readonly agent = new http.Agent({ keepAlive: true });
  /** Changes the body of each answer, if set. */
  rewrite: ((body: string) => string) | undefined;
  /** Since the start, or since they were last taken. */
  private requests: SeenRequest[] = [];

  private constructor(private readonly target: string) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
    this.front = listFront(() => portOf(this.server));
  }

  static async before(target: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target);
    for (const server of [proxy.server, proxy.front])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.front)}`;
  }

  /** The requests that came, oldest first; forgets them. */
  take(): SeenRequest[] {
    const taken = this.requests;
    this.requests = [];
    return taken;
  }

  async close(): Promise<void> {
    this.agent.destroy();
    this.server.closeAllConnections();
    for (const server of [this.server, this.front]) await new Promise((resolve) => server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method: verb = '', url: sent = '', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.requests.push({ ...asNamed(verb, sent), body: body.toString() });
    const onward = http.request(
      this.target + sent,
      { method: verb, headers, agent: this.agent },
      (answer) => void this.answer(answer, response),
    );
    onward.on('error', () => response.destroy());
    // Nobody waits for it any more, a long poll for example.
    response.on('close', () => onward.destroy());
    onward.end(body);
  }

  private async answer(answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { statusCode = 502, headers } = answer;
    if (this.rewrite === undefined) {
      response.writeHead(statusCode, headers);
      answer.pipe(response);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const body = this.rewrite(Buffer.concat(chunks).toString());
    const { 'content-length': _, 'transfer-encoding': __, ...rest } = headers;
    response.writeHead(statusCode, rest);
    response.end(body);
  }
}
