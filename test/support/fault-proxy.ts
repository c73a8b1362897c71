import http from 'node:http';
import type { Server } from 'node:net';
import { asNamed, listFront } from '../../dev/shared/list-front';
import { portOf } from '../../dev/shared/sockets';
import { vaultKind } from '../../dev/servers/start/vault-kind';

/**
 * What the proxy does with a request:
 * - `status`: answers itself, with `isCarriedOut` after the server has executed the request.
 * - `late`: holds the real answer back until the promise resolves.
 * - `reset`: closes the connection before the request reaches the server.
 * - `lost`: closes the connection after the server has executed the request, and after the given function.
 * - `truncated`: closes the connection after half of the answer.
 * - `hang`: never answers.
 * - `stale`: gives the remembered answer to the same request; the real one if none is remembered.
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

/** Chooses the fault of a request. A promise holds the request back until it resolves. */
export type Choice = (
  method: string,
  url: string,
  headers: http.IncomingHttpHeaders,
) => Fault | undefined | Promise<Fault | undefined>;

/** A complete answer of the real server. */
interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

/** A proxy in front of a real server that puts faults into its answers. Vault's LIST passes too. */
export class FaultProxy {
  private readonly server: http.Server;
  private readonly front: Server;
  private faults: Fault[] = [];
  private choice: Choice = () => undefined;
  private readonly memory = new Map<string, Answer>();
  private remembers = false;
  /** Received requests, as "METHOD /url". */
  readonly requests: string[] = [];
  /** Requests that were answered from memory. */
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

  /** The next requests meet these faults, one each. Later ones pass. Forgets the requests so far. */
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

  /** While on, remembers the latest answer to each GET and LIST. */
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
    if (vaultKind() === 'bao' && url.includes('/detailed-metadata')) {
      // Faults are about single reads, which are the only way at Vault.
      response.writeHead(403);
      response.end(JSON.stringify({ errors: ['permission denied'] }));
      return;
    }
    this.requests.push(`${method} ${url}`);
    const fault = this.faults.shift() ?? (await this.choice(method, url, headers));
    const sentBody = await bodyOf(request);
    // Without a body the sender is gone, for example after kill -9.
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
    // A read without a client is useless (a long poll, for example). A write is executed all the same.
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
        answer.on('error', () => undefined); // its client is gone
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

/** The body; undefined if the sender went away before its end. */
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
  // An answer without a body (204) has no length.
  response.writeHead(status, body.length === 0 ? headers : { ...headers, 'content-length': body.length });
  response.end(body);
}
