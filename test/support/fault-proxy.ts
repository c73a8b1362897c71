import http from 'node:http';
import type { Server } from 'node:net';
import { asNamed, listFront } from '../../dev/shared/list-front';
import { portOf } from '../../dev/shared/sockets';

/**
 * What the proxy does with a request: an answer of its own (also after it was carried out), a closed connection before the request was passed on
 * (`reset`), or after it was carried out (`lost`, with what is to happen in between) or half answered (`truncated`),
 * never an answer (`hang`), the answer that is remembered of the same request (`stale`; the real one, if none is), or
 * the real one, held back (`late`).
 */
export type Fault =
  | { status: number; body?: string; headers?: http.OutgoingHttpHeaders; isCarriedOut?: true }
  | { late: Promise<unknown> }
  | 'reset'
  | 'lost'
  | { lost: () => Promise<void> }
  | 'truncated'
  | 'hang'
  | 'stale';

/** Chooses what a request meets; a promise holds it back until then. */
export type Choice = (
  method: string,
  url: string,
  headers: http.IncomingHttpHeaders,
) => Fault | undefined | Promise<Fault | undefined>;

/** A whole answer of the real server. */
interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** Stands in front of a real server and puts faults into its answers. Vault's LIST passes too. */
export class FaultProxy {
  private readonly server: http.Server;
  private readonly front: Server;
  private faults: Fault[] = [];
  private choice: Choice = () => undefined;
  private readonly memory = new Map<string, Answer>();
  private remembers = false;
  /** Requests that came, as "METHOD /url". */
  readonly requests: string[] = [];
  /** Those that were answered from memory. */
  readonly answeredStale: string[] = [];

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
    this.answeredStale.length = 0;
  }

  /** From now on, each request meets the fault that the test chooses for it. Forgets the requests so far. */
  choose(choice: Choice): void {
    this.choice = choice;
    this.requests.length = 0;
    this.answeredStale.length = 0;
  }

  /** Remembers the latest answer to each request that only reads, until it is told not to. */
  remember(on: boolean): void {
    this.remembers = on;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    for (const server of [this.server, this.front]) await new Promise((resolve) => server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { url: sent = '', headers } = request;
    const { method, url } = asNamed(request.method ?? '', sent);
    this.requests.push(`${method} ${url}`);
    const fault = this.faults.shift() ?? (await this.choice(method, url, headers));
    const sentBody = await bodyOf(request);
    // Whoever sent it is gone, by kill -9 for example.
    if (sentBody === undefined || fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    if (typeof fault === 'object' && 'status' in fault && fault.isCarriedOut !== true) {
      response.writeHead(fault.status, fault.headers);
      response.end(fault.body);
      return;
    }
    const before = fault === 'stale' ? this.memory.get(`${method} ${url}`) : undefined;
    if (before !== undefined) {
      this.answeredStale.push(`${method} ${url}`);
      give(response, before);
      return;
    }
    const gaveUp = new AbortController();
    // Nobody waits any more for what only reads, a long poll for example; a write is carried out all the same.
    if (request.method === 'GET')
      response.once('close', () => {
        gaveUp.abort();
      });
    const answer = await this.forward(request, sent, sentBody, gaveUp.signal).catch(() => undefined);
    if (answer === undefined) {
      request.socket.destroy();
      return;
    }
    if (typeof fault === 'object' && 'status' in fault) {
      answer.resume().once('end', () => {
        response.writeHead(fault.status, fault.headers);
        response.end(fault.body);
      });
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
    if (fault === undefined && !this.remembers) {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      return;
    }
    const whole = await wholeOf(answer);
    if (whole === undefined) {
      request.socket.destroy();
      return;
    }
    if (this.remembers && request.method === 'GET') this.memory.set(`${method} ${url}`, whole);
    if (typeof fault === 'object') await fault.late;
    if (fault === 'truncated') {
      response.writeHead(whole.status, { ...whole.headers, 'content-length': whole.body.length });
      response.write(whole.body.subarray(0, whole.body.length / 2), () => request.socket.destroy());
    } else give(response, whole);
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

async function wholeOf(answer: http.IncomingMessage): Promise<Answer | undefined> {
  const body = await bodyOf(answer);
  const { 'transfer-encoding': _, ...headers } = answer.headers;
  return body && { status: answer.statusCode ?? 502, headers, body };
}

/** Undefined if its sender went away in the middle. */
async function bodyOf(message: http.IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of message) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

function give(response: http.ServerResponse, { status, headers, body }: Answer): void {
  // A 204 has no length.
  response.writeHead(status, body.length === 0 ? headers : { ...headers, 'content-length': body.length });
  response.end(body);
}
