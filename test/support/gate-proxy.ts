import http from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A proxy in front of a real server that can hold requests back, so that a test decides how long a step takes. Node's
 * HTTP server refuses Vault's LIST verb, so this is only for a destination's Vault and for Consul, which never get it.
 */
export class GateProxy {
  private readonly server: http.Server;
  private gate: Promise<void> = Promise.resolve();
  private open: () => void = () => undefined;
  private waiting: (() => void)[] = [];
  private holds: ((method: string, url: string) => boolean) | undefined;
  private readonly forwarded = new Set<http.ClientRequest>();
  /** Passed requests, as "METHOD /url". */
  readonly passed: string[] = [];

  private constructor(private readonly target: string) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
  }

  static async before(target: string): Promise<GateProxy> {
    const proxy = new GateProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** From now on, holds every chosen request. */
  hold(which: (method: string, url: string) => boolean): void {
    this.holds = which;
    this.gate = new Promise((resolve) => (this.open = resolve));
  }

  /** Resolves as soon as a request is held. */
  async held(): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  /** Lets everything pass again. */
  release(): void {
    this.holds = undefined;
    this.open();
  }

  async close(): Promise<void> {
    this.release();
    this.server.closeAllConnections();
    for (const onward of this.forwarded) onward.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    if (this.holds?.(method, url) === true) {
      for (const resolve of this.waiting.splice(0)) resolve();
      await this.gate;
      // Its client has given up: its body never comes, and the server would wait for it.
      if (response.destroyed) return;
    }
    this.passed.push(`${method} ${url}`);
    const onward = http.request(this.target + url, { method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    this.forwarded.add(onward);
    onward.on('error', () => response.destroy());
    onward.on('close', () => this.forwarded.delete(onward));
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }
}
