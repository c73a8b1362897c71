import { askHttp } from './servers';

/** Makes tokens on a Consul whose ACLs refuse by default. */
export class ConsulAcl {
  constructor(
    readonly address: string,
    private readonly managementToken: string,
  ) {}

  /** A token that may do just what the rules say. */
  async tokenFor(name: string, rules: string): Promise<string> {
    await this.put('acl/policy', { Name: name, Rules: rules });
    const { SecretID } = (await this.put('acl/token', { Policies: [{ Name: name }] })) as {
      SecretID: string;
    };
    return SecretID;
  }

  private async put(path: string, body: unknown): Promise<unknown> {
    const url = `${this.address}/v1/${path}`;
    const answer = await askHttp(url, { method: 'PUT', body, consulToken: this.managementToken });
    if (answer.status !== 200)
      throw new Error(`PUT ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
