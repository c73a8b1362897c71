import http from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { LIST_QUERY, listFront } from './list-front';

/**
 * What the proxy does with a request: an answer of its own, a closed connection before the request was passed on
 * (`reset`), or after it was carried out (`lost`, with what is to happen in between) or half answered (`truncated`),
 * or never an answer (`hang`).
 */
export type Fault =
  | { status: number; body?: string; headers?: http.OutgoingHttpHeaders }
  | 'reset'
  | 'lost'
  | { lost: () => Promise<void> }
  | 'truncated'
  | 'hang';

/** Chooses what a request meets; a promise holds it back until then. */
export type Choice = (
  method: string,
  url: string,
  headers: http.IncomingHttpHeaders,
) => Fault | undefined | Promise<Fault | undefined>;

/** Stands in front of a real server and puts faults into its answers. Vault's LIST passes too. */
export class FaultProxy {
  private readonly server: http.Server;
  private readonly front: Server;
  private faults: Fault[] = [];
  private choice: Choice = () => undefined;
  /** Requests that came, as "METHOD /url". */
  readonly requests: string[] = [];

  private constructor(private readonly target: string) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
    this.front = listFront(() => portOf(this.server));
  }

  static async before(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    for (const server of [proxy.server, proxy.front])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.front)}`;
  }

  /** The next requests meet these faults, one each; those after them pass. Forgets the requests so far. */
  inject(...faults: Fault[]): void {
    this.faults = faults;
    this.requests.length = 0;
  }

  /** From now on, each request meets the fault that the test chooses for it. Forgets the requests so far. */
  choose(choice: Choice): void {
    this.choice = choice;
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    for (const server of [this.server, this.front]) await new Promise((resolve) => server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { url: sent = '', headers } = request;
    const isList = sent.endsWith(LIST_QUERY);
    const method = isList ? 'LIST' : (request.method ?? '');
    const url = isList ? sent.slice(0, -LIST_QUERY.length) : sent;
    this.requests.push(`${method} ${url}`);
    const fault = this.faults.shift() ?? (await this.choice(method, url, headers));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, fault.headers);
      response.end(fault.body);
      return;
    }
    const gaveUp = new AbortController();
    // Nobody waits any more for what only reads, a long poll for example; a write is carried out all the same.
    if (request.method === 'GET')
      response.once('close', () => {
        gaveUp.abort();
      });
    const answer = await this.forward(request, sent, Buffer.concat(chunks), gaveUp.signal).catch(
      () => undefined,
    );
    if (answer === undefined) {
      request.socket.destroy();
      return;
    }
    if (fault === 'truncated') {
      const whole: Buffer[] = [];
      for await (const chunk of answer) whole.push(chunk as Buffer);
      const body = Buffer.concat(whole);
      const { 'transfer-encoding': _, ...told } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, { ...told, 'content-length': body.length });
      response.write(body.subarray(0, body.length / 2), () => request.socket.destroy());
      return;
    }
    if (fault === 'lost') {
      answer.resume().once('end', () => request.socket.destroy());
      return;
    }
    if (typeof fault === 'object' && 'lost' in fault) {
      answer.resume();
      await fault.lost();
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  private forward(
    { method, headers }: http.IncomingMessage,
    url: string,
    body: Buffer,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: false, signal };
      const onward = http.request(this.target + url, options, (answer) => {
        answer.on('error', () => undefined); // it was given up
        resolve(answer);
      });
      onward.on('error', reject);
      onward.end(body);
    });
  }
}

function portOf(server: Server | http.Server): number {
  return (server.address() as AddressInfo).port;
}
