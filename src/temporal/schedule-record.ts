import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { StoredInfoError } from '../consul/errors';
import { readJson } from '../sync-info/commits';
import { SCHEDULE_WRITE_ATTEMPTS } from '../limits';
import type { SyncInfo } from '../sync-info/sync-info';
import type { TemporalPlace } from './target';

/*
 * `<syncPath><role>/schedule` in Consul: what should exist in Temporal. With it a worker can distinguish a lost schedule
 * from one that `vsync stop` removed. Written by `vsync start`, `vsync stop` and the workers' checks; only if there is an
 * index, because an original vsync fails on a sync path that has keys and no index.
 */

const RecordSchema = z.object({
  v: z.literal(1),
  name: z.string(),
  /** Fingerprint of the configuration that the schedule was started with. */
  fingerprint: z.string(),
  /** Note of a pause; absent if the schedule is not paused. */
  paused: z.string().optional(),
  /** RFC 3339: `vsync stop` removed the schedule, and no worker restores it. */
  stoppedAt: z.string().optional(),
  /** Where the Temporal of this schedule was reached: only there it is restored. Absent after `vsync stop`. */
  temporals: z.array(z.object({ address: z.string(), namespace: z.string() })).optional(),
});
export type ScheduleRecord = z.infer<typeof RecordSchema>;

/** A worker that still runs after its sync has moved to another Temporal must not restore the schedule in the old one. */
export function isStartedAt({ temporals }: ScheduleRecord, place: TemporalPlace): boolean {
  return temporals === undefined || temporals.some((one) => isDeepStrictEqual(one, place));
}

export function describePlaces(places: readonly TemporalPlace[]): string {
  return places.map(({ address, namespace }) => `${address} (namespace ${namespace})`).join(' or ');
}

export interface StoredRecord {
  record: ScheduleRecord | undefined;
  /** 0 if there is none yet. */
  revision: number;
}

/** @throws StoredInfoError if the key holds something else */
export async function readRecord(info: SyncInfo, signal?: AbortSignal): Promise<StoredRecord> {
  const ifDamaged = 'is not a record of this version of vsync; remove the key, and run "vsync start -c FILE"';
  const { data, revision } = await readJson(info.store, info.scheduleKey, RecordSchema, ifDamaged, signal);
  return { record: data, revision };
}

/** Writes the record if it has not changed since it was read. @returns whether it is `next` now */
export async function writeRecord(
  info: SyncInfo,
  { record, revision }: StoredRecord,
  next: ScheduleRecord,
  signal?: AbortSignal,
): Promise<boolean> {
  if (isDeepStrictEqual(record, next)) return true;
  const write = { key: info.scheduleKey, value: Buffer.from(JSON.stringify(next)), expect: revision };
  return (await info.store.commit([write], signal)) !== undefined;
}

/** Whether the record may be written: it exists, or a cycle has written sync info. */
export async function mayRecord(
  info: SyncInfo,
  { record }: StoredRecord,
  signal?: AbortSignal,
): Promise<boolean> {
  return record !== undefined || (await info.readIndex(signal)).revision !== 0;
}

async function changeRecord(
  info: SyncInfo,
  change: (record: ScheduleRecord | undefined) => ScheduleRecord,
): Promise<void> {
  for (let attempt = 0; attempt < SCHEDULE_WRITE_ATTEMPTS; attempt++) {
    const stored = await readRecord(info);
    if (!(await mayRecord(info, stored))) return;
    if (await writeRecord(info, stored, change(stored.record))) return;
  }
  const detail = 'other processes keep changing this key; run the command again';
  throw new StoredInfoError(info.store.address, info.scheduleKey, detail);
}

/** Records what `vsync start` created: a worker may restore it. */
export function recordStart(info: SyncInfo, started: Omit<ScheduleRecord, 'v' | 'stoppedAt'>): Promise<void> {
  return changeRecord(info, () => ({ v: 1, ...started }));
}

/** Records that no worker restores the schedule of this name; to be called before it is removed. */
export function recordStop(info: SyncInfo, name: string, at: Date): Promise<void> {
  return changeRecord(info, (record) => {
    // The sync was renamed: this is the record of its new name.
    if (record !== undefined && record.name !== name) return record;
    return { v: 1, name, fingerprint: record?.fingerprint ?? '', stoppedAt: at.toISOString() };
  });
}

/** Why there is no schedule, and what to do, for messages. */
export function whyMissing(record: ScheduleRecord | undefined, here: TemporalPlace): string {
  const remedy = 'create it with "vsync start -c FILE"';
  if (record === undefined) return remedy;
  if (record.stoppedAt !== undefined) return `"vsync stop" removed it at ${record.stoppedAt}; ${remedy}`;
  if (!isStartedAt(record, here))
    return `the sync was started at Temporal ${describePlaces(record.temporals ?? [])}; if it should run here, ${remedy}`;
  return `it was lost, or removed by something other than "vsync stop"; a worker creates it again within a minute, or ${remedy}`;
}
