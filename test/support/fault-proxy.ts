import http from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What the proxy does with a request: an answer of its own, a closed connection before the request was passed on
 * (`reset`), or after it was carried out (`lost`).
 */
export type Fault = { status: number; body?: string; headers?: http.OutgoingHttpHeaders } | 'reset' | 'lost';

/**
 * Stands in front of a real server and puts faults into its answers. Node's HTTP server refuses Vault's LIST
 * verb, so that one cannot pass.
 */
export class FaultProxy {
  private readonly server: http.Server;
  private faults: Fault[] = [];
  private choice: (method: string, url: string) => Fault | undefined = () => undefined;
  /** Requests that came, as "METHOD /url". */
  readonly requests: string[] = [];

  private constructor(private readonly target: string) {
    this.server = http.createServer((request, response) => void this.handle(request, response));
  }

  static async before(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** The next requests meet these faults, one each; those after them pass. Forgets the requests so far. */
  inject(...faults: Fault[]): void {
    this.faults = faults;
    this.requests.length = 0;
  }

  /** From now on, each request meets the fault that the test chooses for it. Forgets the requests so far. */
  choose(choice: (method: string, url: string) => Fault | undefined): void {
    this.choice = choice;
    this.requests.length = 0;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    this.requests.push(`${method} ${url}`);
    const fault = this.faults.shift() ?? this.choice(method, url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (fault === 'reset') {
      request.socket.destroy();
      return;
    }
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers);
      response.end(fault.body);
      return;
    }
    const answer = await this.forward(method, url, headers, Buffer.concat(chunks));
    if (fault === 'lost') {
      answer.resume().once('end', () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  }

  private forward(
    method: string,
    url: string,
    headers: http.IncomingHttpHeaders,
    body: Buffer,
  ): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const onward = http.request(this.target + url, { method, headers, agent: false }, resolve);
      onward.once('error', reject);
      onward.end(body);
    });
  }
}
