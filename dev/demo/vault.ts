import { isDeepStrictEqual } from 'node:util';
import { askHttp, type Answer, type Request } from '../servers/start';

export type SecretValue = Readonly<Record<string, unknown>>;

/** What the demo does to a Vault, over its plain HTTP API: it must not check vsync with vsync's own code. */
export class DemoVault {
  constructor(
    readonly address: string,
    readonly token: string,
  ) {}

  async write(mount: string, path: string, value: SecretValue): Promise<void> {
    await this.ask(`${mount}data/${path}`, [200], { method: 'POST', body: { data: value } });
  }

  /** The current value; undefined if there is none, or if it is deleted. */
  async read(mount: string, path: string): Promise<SecretValue | undefined> {
    const { status, body } = await this.ask(`${mount}data/${path}`, [200, 404]);
    return status === 200 ? (body as { data: { data: SecretValue } }).data.data : undefined;
  }

  async holds(mount: string, path: string, value: SecretValue): Promise<boolean> {
    return isDeepStrictEqual(await this.read(mount, path), value);
  }

  /** Deletes the latest version, as `vault kv delete` does. */
  async delete(mount: string, path: string): Promise<void> {
    await this.ask(`${mount}data/${path}`, [204], { method: 'DELETE' });
  }

  /** Removes a secret with all its versions. */
  async purge(mount: string, path: string): Promise<void> {
    await this.ask(`${mount}metadata/${path}`, [204, 404], { method: 'DELETE' });
  }

  /** The paths of all secrets of a mount. */
  async list(mount: string, folder = ''): Promise<string[]> {
    const { status, body } = await this.ask(`${mount}metadata/${folder}?list=true`, [200, 404]);
    if (status === 404) return [];
    const { keys } = (body as { data: { keys: string[] } }).data;
    const found = await Promise.all(
      keys.map(async (key) => (key.endsWith('/') ? this.list(mount, folder + key) : [folder + key])),
    );
    return found.flat();
  }

  /** Enables a KV v2 engine, if it is not there yet, and waits until it can be used. */
  async enableKv2(mount: string): Promise<void> {
    const name = mount.replace(/\/$/, '');
    // 400: there is a mount of that name already.
    const body = { type: 'kv', options: { version: '2' } };
    await this.ask(`sys/mounts/${name}`, [204, 400], { method: 'POST', body });
    const deadline = Date.now() + 10_000;
    // A fresh engine answers 400 while it prepares its storage.
    while ((await this.ask(`${mount}config`, [200, 400])).status !== 200) {
      if (Date.now() > deadline) throw new Error(`${this.address}: ${mount} is not a usable KV v2 engine`);
    }
  }

  async checkToken(): Promise<void> {
    await this.ask('auth/token/lookup-self', [200]);
  }

  private async ask(path: string, expected: readonly number[], request: Request = {}): Promise<Answer> {
    const answer = await askHttp(`${this.address}/v1/${path}`, { ...request, token: this.token });
    if (expected.includes(answer.status)) return answer;
    const { errors } = (answer.body ?? {}) as { errors?: string[] };
    const method = request.method ?? 'GET';
    throw new Error(
      `${this.address} answered ${answer.status} to ${method} ${path}: ${errors?.join('; ') ?? ''}`,
    );
  }
}
