import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';

/** Where a Kubernetes API is, and a token that may do everything. */
export interface KubeAccess {
  /** https://127.0.0.1:… */
  address: string;
  /** Certificate that its clients have to trust. */
  caFile: string;
  token: string;
}

export interface KubeAnswer {
  status: number;
  body: unknown;
}

/** A Kubernetes API as a user of it sees it: plain requests, independent of the code under test. */
export class KubeApi {
  private readonly agent: Agent;

  constructor(private readonly access: KubeAccess) {
    this.agent = new Agent({ connect: { ca: readFileSync(access.caFile, 'utf8') } });
  }

  /**
   * @param path of the collection: `/api/v1/namespaces`
   * @returns the created object
   */
  async create<T>(path: string, body: object): Promise<T> {
    return (await this.expect('POST', path, body)) as T;
  }

  async get<T>(path: string): Promise<T> {
    return (await this.expect('GET', path)) as T;
  }

  /** Merges into the object; null removes a field. */
  async patch(path: string, body: object): Promise<void> {
    await this.expect('PATCH', path, body, 'application/merge-patch+json');
  }

  /** Without `now`, a pod with a node keeps being terminated: no kubelet reports its end. */
  async delete(path: string, { now = false } = {}): Promise<void> {
    await this.expect('DELETE', now ? `${path}?gracePeriodSeconds=0` : path);
  }

  /** Every status is an answer. */
  async ask(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<KubeAnswer> {
    const answer = await request(`${this.access.address}${path}`, {
      dispatcher: this.agent,
      method,
      headers: { authorization: `Bearer ${this.access.token}`, 'content-type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    return { status: answer.statusCode, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async expect(...question: Parameters<KubeApi['ask']>): Promise<unknown> {
    const { status, body } = await this.ask(...question);
    if (status < 300) return body;
    throw new Error(`${question[0]} ${question[1]} is answered ${status}: ${JSON.stringify(body)}`);
  }
}
