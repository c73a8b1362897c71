import { setMaxListeners } from 'node:events';
import type { OriginDeps } from '../../src/activities/origin/deps';
import { fetchMetadata } from '../../src/activities/origin/fetch-metadata';
import { listPaths } from '../../src/activities/origin/list-paths';
import { preflight } from '../../src/activities/origin/preflight';
import { saveSyncInfo } from '../../src/activities/origin/save-sync-info';
import { createClients } from '../../src/activities/clients';
import type { SaveOriginResult } from '../../src/contract/origin';
import type { SyncFixture } from './sync-fixture';

const signal = new AbortController().signal;
// As in a worker: every request in flight listens to the signal.
setMaxListeners(0, signal);
const ignore = (): void => undefined;

interface OriginRunResult {
  unknown: number;
  saved: SaveOriginResult;
  /** With a feed: what kind of cycle it was, and why. */
  note?: string;
}

/**
 * The activities of an origin on the real servers, in the order of its cycle and without Temporal. For tests that
 * change their limits or stop between two of them.
 */
export class OriginRun {
  private constructor(
    readonly deps: OriginDeps,
    readonly close: () => Promise<void>,
  ) {}

  /** @param changed dependencies that differ from the fixture's configuration */
  static async of(sync: SyncFixture, changed: Partial<OriginDeps> = {}): Promise<OriginRun> {
    const clients = await createClients(sync.config('origin'));
    if (clients.role !== 'origin') throw new Error('the configuration of an origin has an origin');
    return new OriginRun({ ...clients.deps, ...changed }, clients.close);
  }

  /**
   * One cycle.
   *
   * @param beforeSave runs after everything is staged and before anything is published
   * @throws the error of the failed activity
   */
  async cycle(beforeSave: () => void | Promise<void> = ignore): Promise<OriginRunResult> {
    const { deps } = this;
    const base = { v: 1, fingerprint: deps.fingerprint } as const;
    if ((await preflight(deps, signal)).pendingSave) await saveSyncInfo(deps, base, signal);
    const listed = await listPaths(deps, signal, ignore);
    const { chunks, manifest, indexRevision, settingsIndexRevision, counts, note } = listed;
    let unknown = counts.unknown ?? 0;
    const staged: string[] = [];
    const ends: string[] = [];
    let nextEndMs = Infinity;
    for (let chunk = 0; chunk < chunks; chunk++) {
      const fetched = await fetchMetadata(deps, { ...base, manifest, chunk }, signal, ignore);
      if (fetched.staged !== undefined) staged.push(fetched.staged);
      if (fetched.ends !== undefined) ends.push(fetched.ends);
      nextEndMs = Math.min(nextEndMs, fetched.nextEndMs ?? Infinity);
      unknown += fetched.counts.unknown ?? 0;
    }
    await beforeSave();
    const save = {
      manifest,
      staged,
      indexRevision,
      ...(settingsIndexRevision === undefined ? {} : { settingsIndexRevision }),
      outcome: staged.length > 0 ? 'synced' : 'unchanged',
      counts: unknown > 0 ? { unknown } : {},
      ...(ends.length > 0 && { ends, nextEndMs }),
    } as const;
    const saved = await saveSyncInfo(deps, { ...base, save }, signal);
    return { unknown, saved, ...(note !== undefined && { note }) };
  }
}
