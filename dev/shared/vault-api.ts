/** A Vault with a token that may do everything. */
export interface RootVault {
  address: string;
  rootToken: string;
}

/** Vault as a user of it sees it: plain requests, independent of the code under test. */
export class VaultApi {
  /** @param namespace that all requests are sent in; empty for the root */
  constructor(
    readonly vault: RootVault,
    private readonly namespace = '',
  ) {}

  async mount(mount: string, version = '2'): Promise<void> {
    await this.request('POST', `sys/mounts/${mount.replace(/\/$/, '')}`, {
      type: 'kv',
      options: { version },
    });
    if (version === '2') await this.ready(mount);
  }

  /** A fresh engine of version 2 upgrades itself first, and refuses everything else until then. */
  async ready(mount: string): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const { status } = await this.send('GET', `${mount}config`);
      if (status === 200) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async unmount(mount: string): Promise<void> {
    await this.request('DELETE', `sys/mounts/${mount.replace(/\/$/, '')}`);
  }

  async put(mount: string, path: string, data: unknown): Promise<number> {
    const answer = await this.request('POST', `${mount}data/${encode(path)}`, { data });
    return (answer as { data: { version: number } }).data.version;
  }

  async delete(mount: string, path: string): Promise<void> {
    await this.request('DELETE', `${mount}data/${encode(path)}`);
  }

  /** The current value; undefined if there is none, or if it is deleted. */
  async get(mount: string, path: string): Promise<unknown> {
    const { status, body } = await this.send('GET', `${mount}data/${encode(path)}`);
    if (status === 404) return undefined;
    return (body as { data: { data: unknown } }).data.data;
  }

  /** The current version, 0 if there never was one. */
  async version(mount: string, path: string): Promise<number> {
    const { status, body } = await this.send('GET', `${mount}metadata/${encode(path)}`);
    if (status === 404) return 0;
    return (body as { data: { current_version: number } }).data.current_version;
  }

  /** A token with this policy only. */
  async tokenFor(name: string, policy: string, ttl = '1h'): Promise<string> {
    await this.request('PUT', `sys/policies/acl/${name}`, { policy });
    const answer = await this.request('POST', 'auth/token/create', {
      policies: [name],
      ttl,
      // Else it would end with the token that made it, which check warns of.
      no_parent: true,
    });
    return (answer as { auth: { client_token: string } }).auth.client_token;
  }

  /** A request that has to succeed. */
  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.send(method, path, body);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  private async send(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.vault.address}/v1/${path}`, {
      method,
      headers: {
        'X-Vault-Token': this.vault.rootToken,
        ...(method === 'PATCH' && { 'Content-Type': 'application/merge-patch+json' }),
        ...(this.namespace === '' ? {} : { 'X-Vault-Namespace': this.namespace }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }
}

function encode(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
