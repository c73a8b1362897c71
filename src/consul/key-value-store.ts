/** A value as it stands in the store. */
export interface StoredValue {
  value: Buffer;
  /** Changes with every write of this key. Consul: ModifyIndex. */
  revision: number;
  /** A number of the writer's own; staged values keep their write time there. */
  flags: number;
}

/** A check-and-set write: it happens only if the key still has the revision `expect` (0: does not exist). */
export interface Write {
  key: string;
  value: Buffer;
  expect: number;
  flags?: number;
}

/** A key that has to be as it was read (revision 0: missing) for a commit to happen, although it is not written. */
export interface Unchanged {
  key: string;
  revision: number;
}

/**
 * What sync info needs from its store. Consul is the one that exists; this interface is the place where another
 * one would be plugged in.
 */
export interface KeyValueStore {
  /** For messages. */
  readonly address: string;

  /** Undefined only if the store itself says that the key does not exist. */
  get(key: string, signal?: AbortSignal): Promise<StoredValue | undefined>;

  /** All keys that begin like this. Fails if the store says that it left some out. */
  keys(prefix: string, signal?: AbortSignal): Promise<string[]>;

  /** The largest value that it takes, in bytes, as far as is known. */
  readonly maxValueBytes: number;

  /** The most writes and unchanged keys that one commit takes, as far as is known. */
  readonly maxOperations: number;

  /** Whether `commit` can take these writes at once, as far as is known. A single write always may be tried. */
  fitsOneCommit(writes: readonly Write[], unchanged?: readonly Unchanged[]): boolean;

  /** Whether a value of this size is taken: asked where it is not known. Writes nothing. */
  takes(write: Write, signal?: AbortSignal): Promise<boolean>;

  /**
   * Writes all or nothing. Where several writes are too much for the store, nothing is written, it is an error of kind
   * `too-large`, and {@link fitsOneCommit} knows it afterwards.
   *
   * @param unchanged keys that must not have been written by another process
   * @returns the new revision of each key; undefined if one of the keys had another revision than expected
   */
  commit(
    writes: readonly Write[],
    signal?: AbortSignal,
    unchanged?: readonly Unchanged[],
  ): Promise<Map<string, number> | undefined>;

  /** Removes a key if it still has this revision. False if it has another one. */
  remove(key: string, expect: number, signal?: AbortSignal): Promise<boolean>;

  /**
   * Waits until something changed since `index`, or `waitMs` passed. A return does not prove a change: compare
   * the content. Pass the returned index the next time; 0 returns at once.
   */
  waitForChange(
    key: string,
    index: number,
    waitMs: number,
    signal?: AbortSignal,
  ): Promise<{ stored: StoredValue | undefined; index: number }>;
}
