import { askHttp } from '../../dev/servers/start';

/** The identity of a request without a token. */
const ANONYMOUS = '00000000-0000-0000-0000-000000000002';

/** Makes tokens on a Consul whose ACLs deny by default. */
export class ConsulAcl {
  /** Ids of the policies, by name. */
  private readonly policies = new Map<string, string>();

  constructor(
    readonly address: string,
    private readonly managementToken: string,
  ) {}

  /** Makes a token with exactly these rules. */
  async tokenFor(name: string, rules: string): Promise<string> {
    await this.policy(name, rules);
    const { SecretID } = (await this.put('acl/token', { Policies: [{ Name: name }] })) as {
      SecretID: string;
    };
    return SecretID;
  }

  /** Replaces the rules of the token with that name. */
  async change(name: string, rules: string): Promise<void> {
    const id = this.policies.get(name) ?? '';
    await this.put(`acl/policy/${id}`, { ID: id, Name: name, Rules: rules });
  }

  /** Replaces the rules for requests without a token. */
  async allowAnonymous(rules: string): Promise<void> {
    await this.policy('anonymous', rules);
    await this.put(`acl/token/${ANONYMOUS}`, { Policies: [{ Name: 'anonymous' }] });
  }

  private async policy(name: string, rules: string): Promise<void> {
    const { ID } = (await this.put('acl/policy', { Name: name, Rules: rules })) as { ID: string };
    this.policies.set(name, ID);
  }

  private async put(path: string, body: unknown): Promise<unknown> {
    const url = `${this.address}/v1/${path}`;
    const answer = await askHttp(url, { method: 'PUT', body, consulToken: this.managementToken });
    if (answer.status !== 200)
      throw new Error(`PUT ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
