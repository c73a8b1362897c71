import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { isTooLarge, StoredInfoError } from '../consul/errors';
import type { KeyValueStore } from '../consul/key-value-store';
import { jsonOf } from './commits';
import {
  STAGED_CLEANUP_EVERY_MS,
  STAGED_EXPIRE_AFTER_S,
  STAGED_PART_BYTES,
  STAGED_REFRESH_AFTER_S,
} from '../limits';

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** The value under the key of a reference, if it is too long for one key. Gzip data is not JSON. */
const Head = z.object({ parts: z.int() });

/**
 * Lists that are too long for Temporal: values under `<syncPath><role>/staging/<sha256 of the content>`, compressed,
 * immutable, and split where they are too long for one key. The key's flags hold the write time in seconds.
 */
export class Staging {
  private removedAtMs = 0;
  private retired: readonly string[] = [];

  constructor(
    private readonly store: KeyValueStore,
    /** Ends in `staging/`. */
    private readonly prefix: string,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** For messages. */
  get address(): string {
    return this.store.address;
  }

  /** Stages a value, unless it is there and not about to expire. @returns the reference: the sha256 of its JSON, in hex */
  async put(content: unknown, signal?: AbortSignal): Promise<string> {
    const text = Buffer.from(JSON.stringify(content));
    const reference = hash('sha256', text);
    const nowS = Math.floor(this.nowMs() / 1000);
    const head = await this.store.get(this.prefix + reference, signal);
    if (head !== undefined && nowS - head.flags < STAGED_REFRESH_AFTER_S) return reference;

    const packed = await compress(text);
    for (;;) {
      const partBytes = Math.min(STAGED_PART_BYTES, this.store.maxValueBytes);
      try {
        await this.write(reference, packed, partBytes, nowS, signal);
        return reference;
      } catch (error) {
        // The store takes smaller values than was known.
        if (!isTooLarge(error) || this.store.maxValueBytes >= partBytes) throw error;
      }
    }
  }

  /** Reads a staged value. Throws StoredInfoError if it is gone, or does not have the hash of its reference. */
  async get(reference: string, signal?: AbortSignal): Promise<unknown> {
    let packed = await this.read(reference, signal);
    const head = Head.safeParse(jsonOf(packed));
    if (head.success) {
      const slices: Buffer[] = [];
      for (let part = 0; part < head.data.parts; part++)
        slices.push(await this.read(`${reference}/${part}`, signal));
      packed = Buffer.concat(slices);
    }
    // Damaged data counts as other content: neither has the hash of the reference.
    const text = await decompress(packed).catch(() => Buffer.alloc(0));
    if (hash('sha256', text) !== reference) throw this.gone(reference, 'was changed');
    return JSON.parse(text.toString('utf8')) as unknown;
  }

  /** Removes what is too old to be read by any cycle. */
  async removeExpired(signal?: AbortSignal): Promise<number> {
    const nowS = Math.floor(this.nowMs() / 1000);
    let removed = 0;
    for (const key of await this.store.keys(this.prefix, signal)) {
      const stored = await this.store.get(key, signal);
      if (stored === undefined || nowS - stored.flags < STAGED_EXPIRE_AFTER_S) continue;
      if (await this.store.remove(key, stored.revision, signal)) removed++;
    }
    return removed;
  }

  /** The same at most once an hour; the first time soon after the start of the process. */
  async removeExpiredSometimes(signal?: AbortSignal): Promise<void> {
    const nowMs = this.nowMs();
    if (nowMs - this.removedAtMs <= STAGED_CLEANUP_EVERY_MS) return;
    this.removedAtMs = nowMs;
    await this.removeExpired(signal);
  }

  /**
   * Removes what the last call has retired, because its cycle is over, and retires more. For many short cycles, whose
   * values would fill the store before they expire. What a killed process has retired expires.
   *
   * @param inUse of the running cycle: they stay, whichever cycle staged them first
   */
  async retire(references: readonly string[], inUse: readonly string[], signal?: AbortSignal): Promise<void> {
    const removable = this.retired.filter((reference) => !inUse.includes(reference));
    this.retired = references;
    for (const reference of removable) {
      // With the parts. The head first: a reader that finds it finds the parts.
      for (const key of await this.store.keys(this.prefix + reference, signal)) {
        const stored = await this.store.get(key, signal);
        if (stored !== undefined) await this.store.remove(key, stored.revision, signal);
      }
    }
  }

  private async write(
    reference: string,
    packed: Buffer,
    partBytes: number,
    nowS: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const values = new Map([[reference, packed]]);
    if (packed.length > partBytes) {
      const parts = Math.ceil(packed.length / partBytes);
      values.clear();
      for (let part = 0; part < parts; part++)
        values.set(`${reference}/${part}`, packed.subarray(part * partBytes, (part + 1) * partBytes));
      // The head comes last: a reader that finds it finds the parts.
      values.set(reference, Buffer.from(JSON.stringify({ parts })));
    }
    for (const [name, value] of values) {
      const key = this.prefix + name;
      const expect = (await this.store.get(key, signal))?.revision ?? 0;
      const written = await this.store.commit([{ key, value, expect, flags: nowS }], signal);
      // A conflict means that another process has just written the same content, or removed it.
      if (written === undefined) await this.read(name, signal);
    }
  }

  private async read(name: string, signal?: AbortSignal): Promise<Buffer> {
    const stored = await this.store.get(this.prefix + name, signal);
    if (stored === undefined) throw this.gone(name, 'is gone');
    return stored.value;
  }

  private gone(name: string, what: string): StoredInfoError {
    const detail = `a staged list ${what}; the next cycle (or verify) stages it anew`;
    return new StoredInfoError(this.store.address, this.prefix + name, detail);
  }
}
