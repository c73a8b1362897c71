export interface StoredValue {
  value: Buffer;
  /** Changes with every write of this key. Consul: ModifyIndex. */
  revision: number;
  /** Set by the writer; staged values keep their write time there. */
  flags: number;
}

/** A check-and-set write: it happens only if the key still has the revision `expect` (0: does not exist). */
export interface Write {
  key: string;
  value: Buffer;
  expect: number;
  flags?: number;
}

/** How large a write is. Its value need not be in memory. */
export interface SizeOfWrite {
  key: string;
  value: { readonly length: number };
}

/** A key that is not written, but must still have this revision (0: missing) for a commit to happen. */
export interface Unchanged {
  key: string;
  revision: number;
}

/** The store of sync info: Consul, and a fake in tests. What it "takes" is meant as far as is known. */
export interface KeyValueStore {
  /** For messages. */
  readonly address: string;
  /** Largest value that the store takes, in bytes. */
  readonly maxValueBytes: number;
  /** Most writes and unchanged keys in one commit. */
  readonly maxOperations: number;

  /** Undefined only if the store itself answers that the key does not exist. */
  get(key: string, signal?: AbortSignal): Promise<StoredValue | undefined>;

  /** All keys with a prefix. Fails if the store reports that it omitted some. */
  keys(prefix: string, signal?: AbortSignal): Promise<string[]>;

  /** Whether one `commit` takes these writes. A single write may always be tried. */
  fitsOneCommit(writes: readonly SizeOfWrite[], unchanged?: readonly Unchanged[]): boolean;

  /** Whether the store takes a value of this size. Asks the store if that is unknown. Writes nothing. */
  takes(write: Write, signal?: AbortSignal): Promise<boolean>;

  /**
   * Writes all or nothing. If several writes are too much for the store, it throws an error of kind `too-large`;
   * {@link fitsOneCommit} is false afterwards.
   *
   * @param unchanged keys that must not have been written by another process
   * @returns the new revision of each key; undefined if one of the keys had another revision than expected
   */
  commit(
    writes: readonly Write[],
    signal?: AbortSignal,
    unchanged?: readonly Unchanged[],
  ): Promise<Map<string, number> | undefined>;

  /** Removes a key if it still has this revision; false if it has another one. */
  remove(key: string, expect: number, signal?: AbortSignal): Promise<boolean>;

  /**
   * Waits for a change since `index`, at most `waitMs`. A return does not prove a change: compare the content. Pass the
   * returned index the next time; 0 returns at once.
   */
  waitForChange(
    key: string,
    index: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ stored: StoredValue | undefined; index: number }>;
}
