import { z } from 'zod';
import type { StoredValue, Write } from '../consul/key-value-store';
import { StoredInfoError } from '../consul/errors';
import { CONSUL_READS, FEED_RECORDS_EXPIRE_AFTER_MS, STATE_ATTEMPTS } from '../limits';
import { inParallel } from '../concurrency/work-pool';
import { jsonOf } from './commits';
import type { SyncInfo } from './sync-info';

/** Why something may have been missed. */
export const GAP_REASONS = [
  'start',
  'connection',
  'unparsable',
  'overflow',
  'too-long',
  'reported',
  'mounts',
  'restored',
] as const;
export type GapReason = (typeof GAP_REASONS)[number];

const HintSchema = z.tuple([z.int(), z.string(), z.string()]);
/** A path that may have changed: number, mount, path in the mount. The numbers of one receiver ascend. */
export type Hint = [seq: number, mount: string, rel: string];

/** A listener, as of the time of its record. */
const ListenerNoteSchema = z.object({
  /** `socket`, `http` or `events`. A later version may have others. */
  kind: z.string(),
  /** Connections that bring lines; a sender of POSTs may have none between two of them. */
  connections: z.int(),
  /** When the last line arrived. Absent before the first one. */
  lineMs: z.number().optional(),
});
export type ListenerNote = z.infer<typeof ListenerNoteSchema>;

/** `<syncPath>origin/feed/<receiver>`: written by its receiver only. */
const FeedRecordSchema = z.object({
  v: z.literal(1),
  /** Random, 16 hex digits, new in each process. */
  receiver: z.string(),
  /** How often something may have been missed. 1 from the first moment. */
  gaps: z.int(),
  /** Why the last time, for `vsync status`. A later version may know other reasons. */
  why: z.enum(GAP_REASONS).catch('reported'),
  hints: z.array(HintSchema),
  /** `request.id` of the last lines about the origin's mounts, at most FEED_SEEN. */
  seen: z.array(z.string()),
  writtenMs: z.number(),
  /** Identity of the worker in Temporal. As what follows, for `vsync status` only, and absent in older records. */
  worker: z.string().optional(),
  /** When something may have been missed the last time. */
  gapMs: z.number().optional(),
  listeners: z.array(ListenerNoteSchema).optional(),
});
export type FeedRecord = z.infer<typeof FeedRecordSchema>;

/** `<syncPath>origin/feed/done`: what cycles have dealt with. */
export const FeedDoneSchema = z.object({
  v: z.literal(1),
  /** Of the configuration that the scan ran under. */
  fingerprint: z.string(),
  /** The last full scan. */
  scan: z.object({
    beganMs: z.number(),
    /** By receiver: its gaps before the scan listed. */
    gaps: z.record(z.string(), z.int()),
    /** uuid of each mount. Without those that are another engine than the sync info is about. */
    mounts: z.record(z.string(), z.string()),
    /** Scans in a row that left something unknown; 1 also after a pass that did. */
    partial: z.int().min(0),
    /** The audit line of its cycle's own request did not arrive: lines may be lost until one does. */
    unproven: z.boolean().optional(),
  }),
  /** By receiver: hints up to this number are published. */
  handled: z.record(z.string(), z.int()),
  /** Versions that end by themselves: staged lists, the earliest end that is not handled, and until when all are. */
  ends: z.object({ lists: z.array(z.string()), nextMs: z.number(), doneMs: z.number() }).optional(),
});
export type FeedDone = z.infer<typeof FeedDoneSchema>;

/** What receivers and cycles have noted about the feed. */
export interface NotedFeed {
  /** Undefined if nothing was noted, or if it is damaged. */
  done: FeedDone | undefined;
  /** Of the key; 0 if it is missing. */
  doneRevision: number;
  records: FeedRecord[];
  /** Whether a key holds something else. What it held is lost: something may have been missed. */
  damaged: boolean;
}

/** The keys of the feed, below `<syncPath>origin/feed/`. Used by an origin that has a feed in its configuration only. */
export class FeedRecords {
  private readonly prefix: string;
  private readonly doneKey: string;

  constructor(private readonly info: SyncInfo) {
    this.prefix = `${info.prefix}feed/`;
    this.doneKey = `${this.prefix}done`;
  }

  private get store(): SyncInfo['store'] {
    return this.info.store;
  }

  /** Reads `done` first: a hint that arrives after it counts as not handled. */
  async readAll(signal: AbortSignal): Promise<NotedFeed> {
    const stored = await this.store.get(this.doneKey, signal);
    const done = parsed(FeedDoneSchema, stored);
    const others = await this.readRecords(signal);
    const records = others.flatMap(({ record }) => (record === undefined ? [] : [record]));
    const damaged = (stored !== undefined && done === undefined) || records.length < others.length;
    return { done, doneRevision: stored?.revision ?? 0, records, damaged };
  }

  /** A damaged value counts as none. */
  async readDone(signal?: AbortSignal): Promise<Pick<NotedFeed, 'done' | 'doneRevision'>> {
    const stored = await this.store.get(this.doneKey, signal);
    return { done: parsed(FeedDoneSchema, stored), doneRevision: stored?.revision ?? 0 };
  }

  writeOfDone(done: FeedDone, expect: number): Write {
    return { key: this.doneKey, value: Buffer.from(JSON.stringify(done)), expect };
  }

  /** The next cycle scans then. Throws StoredInfoError if another process keeps writing it. */
  async forgetDone(signal?: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < STATE_ATTEMPTS; attempt++) {
      const stored = await this.store.get(this.doneKey, signal);
      if (stored === undefined || (await this.store.remove(this.doneKey, stored.revision, signal))) return;
    }
    throw this.contested(this.doneKey);
  }

  /**
   * Writes the record of one receiver, without the hints that are handled. No other process writes this key.
   *
   * @returns what cycles have dealt with
   * @throws ConsulError of kind `too-large` if the hints do not fit: the receiver drops them, and counts a gap
   */
  async put(record: FeedRecord, signal?: AbortSignal): Promise<FeedDone | undefined> {
    const { done } = await this.readDone(signal);
    const handled = done?.handled[record.receiver] ?? 0;
    const left = { ...record, hints: record.hints.filter(([seq]) => seq > handled) };
    const key = `${this.prefix}${record.receiver}`;
    const value = Buffer.from(JSON.stringify(left));
    for (let attempt = 0; attempt < STATE_ATTEMPTS; attempt++) {
      const expect = (await this.store.get(key, signal))?.revision ?? 0;
      if ((await this.store.commit([{ key, value, expect }], signal)) !== undefined) return done;
    }
    throw this.contested(key);
  }

  /** Removes records of receivers that have ended long ago and of which nothing is left to do, and damaged ones. */
  async removeOld(nowMs: number, signal: AbortSignal): Promise<void> {
    const { done } = await this.readDone(signal);
    for (const { key, record, revision } of await this.readRecords(signal)) {
      const handled = done?.handled[record?.receiver ?? ''] ?? 0;
      const isOld =
        record === undefined ||
        (nowMs - record.writtenMs > FEED_RECORDS_EXPIRE_AFTER_MS &&
          record.hints.every(([seq]) => seq <= handled));
      if (isOld) await this.store.remove(key, revision, signal);
    }
  }

  private async readRecords(signal: AbortSignal): Promise<StoredRecord[]> {
    const keys = (await this.store.keys(this.prefix, signal)).filter((key) => key !== this.doneKey);
    const read = async (key: string, stop: AbortSignal): Promise<StoredRecord[]> => {
      const stored = await this.store.get(key, stop);
      if (stored === undefined) return [];
      const record = parsed(FeedRecordSchema, stored);
      const isOwn = record !== undefined && key === `${this.prefix}${record.receiver}`;
      return [{ key, record: isOwn ? record : undefined, revision: stored.revision }];
    };
    return (await inParallel(keys, signal, read, CONSUL_READS)).flat();
  }

  private contested(key: string): StoredInfoError {
    const detail = 'another process keeps writing this key; the next cycle tries again';
    return new StoredInfoError(this.store.address, key, detail);
  }
}

interface StoredRecord {
  readonly key: string;
  /** Undefined if the key holds something else. */
  readonly record: FeedRecord | undefined;
  readonly revision: number;
}

function parsed<T>(schema: z.ZodType<T>, stored: StoredValue | undefined): T | undefined {
  return stored && schema.safeParse(jsonOf(stored.value)).data;
}
