import type { KeyValueStore, StoredValue, Unchanged, Write } from '../../src/consul/key-value-store';

/** A store in memory with Consul's check-and-set. */
export class MemoryStore implements KeyValueStore {
  readonly address = 'memory';
  readonly values = new Map<string, StoredValue>();
  readonly maxValueBytes = 512 * 1024;
  readonly maxOperations = 64;
  /** Written keys, in order. */
  readonly written: string[] = [];
  private revision = 0;

  get(key: string): Promise<StoredValue | undefined> {
    return Promise.resolve(this.values.get(key));
  }

  keys(prefix: string): Promise<string[]> {
    return Promise.resolve([...this.values.keys()].filter((key) => key.startsWith(prefix)));
  }

  fitsOneCommit(writes: readonly Write[]): boolean {
    return writes.length <= this.maxOperations;
  }

  takes({ value }: Write): Promise<boolean> {
    return Promise.resolve(value.length <= this.maxValueBytes);
  }

  commit(
    writes: readonly Write[],
    _signal?: AbortSignal,
    unchanged: readonly Unchanged[] = [],
  ): Promise<Map<string, number> | undefined> {
    const revisions = new Map<string, number>();
    const expected = [...writes.map(({ key, expect }) => ({ key, revision: expect })), ...unchanged];
    if (expected.some(({ key, revision }) => (this.values.get(key)?.revision ?? 0) !== revision))
      return Promise.resolve(undefined);
    this.revision += 1;
    for (const { key, value, flags = 0 } of writes) {
      this.values.set(key, { value, flags, revision: this.revision });
      this.written.push(key);
      revisions.set(key, this.revision);
    }
    return Promise.resolve(revisions);
  }

  remove(key: string, expect: number): Promise<boolean> {
    if (this.values.get(key)?.revision !== expect) return Promise.resolve(false);
    return Promise.resolve(this.values.delete(key));
  }

  waitForChange(key: string): Promise<{ stored: StoredValue | undefined; index: number }> {
    return Promise.resolve({ stored: this.values.get(key), index: this.revision });
  }

  /** Stores a value without check-and-set and without recording it. */
  put(key: string, text: string | Buffer): void {
    this.revision += 1;
    this.values.set(key, { value: Buffer.from(text), flags: 0, revision: this.revision });
  }
}
