import http from 'node:http';
import { listFront } from '../../dev/shared/list-front';
import { portOf } from '../../dev/shared/sockets';
import { answerOf, type FaultKind, type PlannedFault } from './fault-kinds';

/** Long enough to reorder concurrent requests, too short for an outage. */
const DELAY_MS = 700;

interface Holding {
  readonly when: 'before' | 'after';
  readonly taken: () => void;
  readonly released: Promise<void>;
}

/** Requests below sys/ write nothing: the token's capabilities are requested with a POST too. */
function isWrite({ method, url = '' }: http.IncomingMessage): boolean {
  return method !== 'GET' && !url.startsWith('/v1/sys/');
}

/** A proxy in front of a real server. It puts planned faults into the answers, one after the other. */
export class ChaosProxy {
  private readonly server = http.createServer((request, response) => void this.handle(request, response));
  private readonly front = listFront(() => portOf(this.server));
  private planned: { kind: FaultKind; skip: number }[] = [];
  private passed = 0;
  private inFlight = 0;
  private waiting: { at: number; resolve: () => void }[] = [];
  private holding: Holding | undefined;
  private readonly late = new Set<Promise<void>>();

  private constructor(
    private readonly target: string,
    private readonly onFault: (kind: FaultKind | 'held') => void,
  ) {}

  /** @param onFault is called for each fault that a request meets */
  static async before(target: string, onFault: (kind: FaultKind | 'held') => void): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target, onFault);
    for (const server of [proxy.server, proxy.front]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    }
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${portOf(this.front)}`;
  }

  /** The next requests meet these faults, in this order. */
  plan(faults: readonly PlannedFault[]): void {
    this.planned.push(...faults.map((fault) => ({ ...fault })));
  }

  /** Drops all planned faults: from now on everything passes. */
  calm(): void {
    this.planned = [];
  }

  /** While this is true everything passes. Planned faults wait. */
  isLull = false;

  /** Resolves after this number of further requests. */
  async requests(count: number): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push({ at: this.passed + count, resolve }));
  }

  /**
   * Holds the next write or its answer, so that its sender can be dead when it arrives.
   *
   * @param when `before` the server gets the write, or `after` the server has executed it
   * @returns `held` resolves when a write is held; `release` lets it pass, and resolves when the server has answered
   */
  holdNextWrite(when: 'before' | 'after'): { held: Promise<void>; release: () => Promise<void> } {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const held = new Promise<void>((taken) => (this.holding = { when, taken, released }));
    return {
      held,
      release: async () => {
        this.holding = undefined;
        release();
        await Promise.all(this.late);
      },
    };
  }

  /** Resolves when no request is in flight: a delayed one outlives the worker that sent it. */
  async drained(): Promise<void> {
    while (this.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await Promise.all(
      [this.front, this.server].map((server) => new Promise((resolve) => server.close(resolve))),
    );
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.inFlight += 1;
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { holding } = this;
      if (holding !== undefined && isWrite(request) && !this.isLull) {
        this.holding = undefined;
        this.onFault('held');
        await this.passLate(request, response, Buffer.concat(chunks), holding);
        return;
      }
      const kind = this.next(request.method ?? '');
      this.count();
      if (kind !== undefined) this.onFault(kind);
      if (kind === 'reset') {
        request.socket.destroy();
        return;
      }
      if (kind === 'delay') await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
      const own = kind === undefined ? undefined : answerOf(kind);
      if (own !== undefined) {
        response.writeHead(own.status, { 'content-type': own.type }).end(own.body);
        return;
      }
      const { answer, body } = await this.forward(request, Buffer.concat(chunks));
      if (kind === 'lost') {
        request.socket.destroy();
        return;
      }
      const { 'transfer-encoding': _chunked, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': body.length });
      if (kind === 'truncated') {
        response.write(body.subarray(0, body.length / 2), () => request.socket.destroy());
        return;
      }
      response.end(body);
    } catch {
      // The client or the server has closed its connection. The other side must see that.
      request.socket.destroy();
    } finally {
      this.inFlight -= 1;
    }
  }

  /** A held request does not count as in flight: its sender has given it up, or is dead. */
  private async passLate(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    body: Buffer,
    { when, taken, released }: Holding,
  ): Promise<void> {
    this.inFlight -= 1;
    const pass = async (): Promise<void> => {
      if (when === 'before') await released;
      const { answer, body: answered } = await this.forward(request, body);
      if (when === 'after') {
        taken();
        await released;
      }
      if (!response.destroyed) response.writeHead(answer.statusCode ?? 502).end(answered);
    };
    const late = pass().catch(() => undefined);
    this.late.add(late);
    if (when === 'before') taken();
    await late;
    this.late.delete(late);
    this.inFlight += 1;
  }

  /** The fault that this request meets. A lost answer has an effect only if the request was a write. */
  private next(method: string): FaultKind | undefined {
    const first = this.planned[0];
    if (first === undefined || this.isLull) return undefined;
    if (first.skip > 0) {
      first.skip -= 1;
      return undefined;
    }
    if (first.kind === 'lost' && method === 'GET') return undefined;
    this.planned.shift();
    return first.kind;
  }

  private count(): void {
    this.passed += 1;
    const due = this.waiting.filter(({ at }) => at <= this.passed);
    this.waiting = this.waiting.filter(({ at }) => at > this.passed);
    for (const { resolve } of due) resolve();
  }

  private async forward(
    { method, url = '', headers }: http.IncomingMessage,
    body: Buffer,
  ): Promise<{ answer: http.IncomingMessage; body: Buffer }> {
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const onward = http.request(this.target + url, { method, headers, agent: false }, resolve);
      onward.once('error', reject);
      onward.end(body);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { answer, body: Buffer.concat(chunks) };
  }
}
