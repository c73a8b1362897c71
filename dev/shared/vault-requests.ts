import { Pool } from 'undici';

/** Where a Vault is, and a token that may do everything. */
export interface VaultAccess {
  address: string;
  token: string;
}

/**
 * Bare requests to a Vault's KV v2 engine, through one undici pool. Only the status is checked, and nothing is
 * repeated: the benchmark compares vsync with these requests, so they do no more than they must.
 */
export class VaultRequests {
  private readonly pool: Pool;
  private readonly headers: Record<string, string>;

  /** @param connections requests that can be in flight */
  constructor({ address, token }: VaultAccess, connections: number) {
    this.pool = new Pool(address, { connections });
    this.headers = { 'x-vault-token': token };
  }

  /** Names in a folder ("" or ending in "/"); none if it is empty. */
  async list(mount: string, folder: string): Promise<string[]> {
    const text = await this.send('LIST', `${mount}metadata/${folder}`, [200, 404]);
    return (JSON.parse(text) as { data?: { keys: string[] } }).data?.keys ?? [];
  }

  /** Reads the metadata of a secret and drops them. */
  async readMetadata(mount: string, path: string): Promise<void> {
    await this.send('GET', `${mount}metadata/${path}`, [200]);
  }

  /** The current value; undefined if there is none. */
  async readValue(mount: string, path: string): Promise<unknown> {
    const text = await this.send('GET', `${mount}data/${path}`, [200, 404]);
    return (JSON.parse(text) as { data?: { data: unknown } }).data?.data;
  }

  async writeValue(mount: string, path: string, value: unknown): Promise<void> {
    await this.send('POST', `${mount}data/${path}`, [200], JSON.stringify({ data: value }));
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private async send(
    method: string,
    path: string,
    expected: readonly number[],
    body: string | null = null,
  ): Promise<string> {
    const { headers } = this;
    const answer = await this.pool.request({ method, path: `/v1/${path}`, headers, body });
    const text = await answer.body.text();
    if (expected.includes(answer.statusCode)) return text;
    throw new Error(`Vault answered ${answer.statusCode} to ${method} ${path}; see its log`);
  }
}
