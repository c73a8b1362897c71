/** Consul as a user of it sees it: plain requests, independent of the code under test. */
export class ConsulApi {
  constructor(readonly address: string) {}

  /** ModifyIndex of every key below a prefix. */
  async revisions(prefix: string): Promise<Record<string, number>> {
    const items = await this.items(prefix);
    return Object.fromEntries(items.map(({ Key, ModifyIndex }) => [Key, ModifyIndex]));
  }

  /** Value of every key below a prefix, as text. */
  async values(prefix: string): Promise<Record<string, string>> {
    const items = await this.items(prefix);
    return Object.fromEntries(
      items.map(({ Key, Value }) => [Key, Buffer.from(Value ?? '', 'base64').toString()]),
    );
  }

  /** Length of the value of every key below a prefix, in bytes. */
  async sizes(prefix: string): Promise<Record<string, number>> {
    const items = await this.items(prefix);
    return Object.fromEntries(
      items.map(({ Key, Value }) => [Key, Buffer.from(Value ?? '', 'base64').length]),
    );
  }

  async put(key: string, value: string): Promise<void> {
    const response = await fetch(`${this.address}/v1/kv/${key}`, { method: 'PUT', body: value });
    if (!response.ok) throw new Error(`PUT ${key}: ${response.status}`);
  }

  async delete(key: string): Promise<void> {
    const response = await fetch(`${this.address}/v1/kv/${key}`, { method: 'DELETE' });
    if (!response.ok) throw new Error(`DELETE ${key}: ${response.status}`);
  }

  /** Deletes every key below a prefix. */
  async deleteAll(prefix: string): Promise<void> {
    await this.delete(`${prefix}?recurse`);
  }

  private async items(prefix: string): Promise<{ Key: string; Value: string | null; ModifyIndex: number }[]> {
    const response = await fetch(`${this.address}/v1/kv/${prefix}?recurse`);
    if (response.status === 404) return [];
    return (await response.json()) as { Key: string; Value: string | null; ModifyIndex: number }[];
  }
}
