import { isDeepStrictEqual } from 'node:util';
import { isTooLarge } from '../../../consul/errors';
import {
  readKnownDifferences,
  knownDifference,
  writeOfKnownDifferences,
  type KnownDifference,
} from '../../../sync-info/known-differences';
import {
  mountsAfter,
  readDestinationState,
  stateDiffers,
  writeOfState,
  type DestinationState,
  type LastCycle,
} from '../../../sync-info/state';
import { saveIndex, SETTINGS, VALUES } from '../../../sync-info/ledger';
import { originVersionOf, isVersionOf } from '../../../rules/bucket';
import { NO_EXPIRY, NOT_COUNTED, sumOf, type ExpirySummary } from '../../../rules/expiry';
import { hashOfDeletes, noteDeletes } from '../../../rules/delete-guard';
import type { SaveDestinationInput, SaveDestinationResult } from '../../../contract/destination';
import { STATE_ATTEMPTS } from '../../../limits';
import { assertSyncName } from '../../../access/sync-path';
import { countExpiries } from '../../../sync-info/expiries';
import { commitInfo, conflict, readDirtyMarker } from '../../../sync-info/commits';
import { type DestinationDeps, rulesOfDifferences } from '../base/deps';
import { byMount, guardBuckets } from '../deletes/guard-deletes';
import { readOriginSettings, readOwnSettings } from '../base/settings-indices';

/**
 * Saves the destination's index, that of the settings, then its state. The index is made from what the buckets in
 * Consul contain, so it never claims more than they do, whatever became of the cycle.
 *
 * @param run id of the cycle's run
 * @throws ActivityError `Conflict` if another cycle saved in the meantime
 */
export async function saveSyncInfo(
  deps: DestinationDeps,
  input: SaveDestinationInput,
  signal: AbortSignal,
  run: string,
): Promise<SaveDestinationResult> {
  const { info, originInfo } = deps;
  const { state: before } = await readDestinationState(info, signal);
  assertSyncName(info, before, deps.config.name);
  const unsaved = await readDirtyMarker(info, signal);
  const origin = await originInfo.readIndex(signal);
  const own = await info.readIndex(signal);
  // If the origin took another number in the meantime, the next cycle moves the claims. An index of the new number
  // would say that they have moved, and those in the other buckets would be lost.
  const numBuckets = own.index?.length ?? origin.index?.length ?? 0;
  const ids = own.index === undefined ? [...new Array<void>(numBuckets).keys()] : input.buckets;
  const values = { stored: own, revision: input.indexRevision, numBuckets, ids };
  const saved = await saveIndex(VALUES, info, values, signal);
  const save = new Save(deps, input, signal, run, origin.index, numBuckets);
  const settings = await save.settings(ids);
  let writes = saved.writes + (settings?.writes ?? 0);
  writes += await save.knownDifferences(saved.index, settings);
  writes += await save.state(before?.last, writes > 0);
  // As read before the buckets were, so that the marker of a later cycle stays.
  if (unsaved !== 0) await info.store.remove(info.dirtyMarkerKey, unsaved, signal);
  // The lists of a verify. After the save, so that a slow clean-up delays nothing.
  await deps.staging.removeExpiredSometimes(signal);
  return { v: 1, writes };
}

/** The two indices of settings after a save. */
interface SavedSettings {
  readonly origin: readonly string[];
  readonly own: readonly string[];
  readonly writes: number;
}

/** What follows the index of the insights. Each step returns how many keys it wrote. */
class Save {
  constructor(
    private readonly deps: DestinationDeps,
    private readonly input: SaveDestinationInput,
    private readonly signal: AbortSignal,
    private readonly run: string,
    /** The origin's now. */
    private readonly index: readonly string[] | undefined,
    /** Of the destination. */
    private readonly numBuckets: number,
  ) {}

  /** Saves the index of the settings; nothing if they are not copied, or if the origin's cannot be read now. */
  async settings(ids: readonly number[]): Promise<SavedSettings | undefined> {
    const { deps, signal, numBuckets } = this;
    const { settingsRevision: revision } = this.input;
    if (revision === undefined) return undefined;
    const { index: origin } = await readOriginSettings(deps, numBuckets, signal);
    if (origin === undefined) return undefined;
    const stored = await readOwnSettings(deps, numBuckets, signal);
    const toSave = { stored, revision, numBuckets, ids };
    const { index: own, writes } = await saveIndex(SETTINGS, deps.info.settings, toSave, signal);
    return { origin, own, writes };
  }

  /** Notes which of the differing buckets are done with, as many as one value takes. The others only cost requests. */
  async knownDifferences(own: readonly string[], settings: SavedSettings | undefined): Promise<number> {
    const { signal, input, index: origin = [] } = this;
    const { info } = this.deps;
    if (input.buckets.length === 0) return 0;
    const before = await readKnownDifferences(info, signal);
    const rules = rulesOfDifferences(this.deps);
    const isOfRules = before.rules === rules;
    const handled = new Set(input.buckets);
    const kept = isOfRules ? [...before.buckets].filter(([id]) => !handled.has(id)) : [];
    // If the origin has published more in the meantime, these buckets are not done.
    const isCurrent = originVersionOf(origin, settings?.origin) === input.considered;
    const known = (isCurrent ? input.knownDifferences : []).flatMap(
      ([id, held]): [number, KnownDifference][] => {
        const theirs = { insights: origin[id], settings: settings?.origin[id] };
        const ours = { insights: own[id], settings: settings?.own[id] };
        return isDeepStrictEqual(theirs, ours) ? [] : [[id, knownDifference(theirs, ours, held)]];
      },
    );
    let next = [...kept, ...known].sort(([a], [b]) => a - b);
    if (next.length === 0 && before.buckets.size === 0) return 0;
    if (isOfRules && isDeepStrictEqual(before.buckets, new Map(next))) return 0;
    for (;;) {
      try {
        const write = writeOfKnownDifferences(info, rules, new Map(next), before.revision);
        await commitInfo(info.store, [write], signal);
        return 1;
      } catch (error) {
        if (!isTooLarge(error) || next.length === 0) throw error;
        next = next.slice(0, Math.floor(next.length / 2));
      }
    }
  }

  /** @param last as before the save */
  async state(last: LastCycle | undefined, hasWritten: boolean): Promise<number> {
    const { info } = this.deps;
    for (let attempt = 1; ; attempt++) {
      const { state, revision } = await readDestinationState(info, this.signal);
      // Only an operator may have changed it since: what a later cycle has saved is not to be undone.
      if (state?.last?.run !== this.run && !isDeepStrictEqual(state?.last, last))
        throw conflict(info.store, info.stateKey);
      const next = await this.stateAfter(state);
      if (!hasWritten && !stateDiffers(state, next)) return 0;
      const written = await info.store.commit([writeOfState(info, next, revision)], this.signal);
      if (written !== undefined) return 1;
      if (attempt === STATE_ATTEMPTS) throw conflict(info.store, info.stateKey);
    }
  }

  private async stateAfter(state: DestinationState | undefined): Promise<DestinationState> {
    const { input, run } = this;
    const { config, parts } = this.deps;
    // The answer to an earlier attempt was lost: its deletes and its ends of copies are noted.
    const isRepeated = state?.last?.run === run;
    const deleted = isRepeated ? {} : await this.deletedByCycle();
    const deletesOfDay = noteDeletes(state?.deletesOfDay ?? [], { ...input, deleted }, Date.now());
    return {
      v: 1,
      name: config.name,
      config: input.fingerprint,
      parts,
      considered: input.finished ? input.considered : '',
      ...mountsAfter(state?.mounts, input.mounts, input.changedMounts),
      ownMounts: input.ownMounts,
      ...(await this.deletesAfter(state)),
      ...(state?.orphans && { orphans: state.orphans }),
      ...(deletesOfDay.length > 0 && { deletesOfDay }),
      expiries: isRepeated
        ? (state.expiries ?? NO_EXPIRY)
        : await this.expiriesAfter(state?.expiries ?? NO_EXPIRY),
      last: { outcome: input.outcome, counts: input.counts, finishedAt: new Date().toISOString(), run },
    };
  }

  /** When copies that end have to be checked. Stored also if there are none: a state without has lost it. */
  private async expiriesAfter(before: ExpirySummary): Promise<ExpirySummary> {
    const { info } = this.deps;
    const { finished, expiries, newExpiries } = this.input;
    if (!finished) {
      // What an interrupted part of the cycle stored is unknown: the next cycle reads the lists.
      const isNoted =
        before.nextMs !== undefined ||
        before.due !== undefined ||
        (await info.expiries.isMarked(this.signal));
      return isNoted ? { ...before, nextMs: Date.now() } : before;
    }
    if (expiries === undefined && newExpiries === undefined) return before;
    const after =
      newExpiries?.nextMs === NOT_COUNTED.nextMs
        ? await countExpiries(info, this.numBuckets, this.signal)
        : sumOf(expiries ?? before, newExpiries ?? NO_EXPIRY);
    return after.nextMs === undefined && after.due === undefined ? NO_EXPIRY : after;
  }

  /**
   * How many secrets the cycle deleted, by mount. An interrupted attempt did not report its number; but while the origin's
   * index is the same, the candidates can only have become fewer by deletes.
   */
  private async deletedByCycle(): Promise<Record<string, number>> {
    const { deleted, candidates } = this.input;
    const left = candidates && (await this.candidatesLeft());
    if (candidates === undefined || left === undefined) return deleted;
    const counts = byMount(this.deps, left);
    const mounts = new Set([...Object.keys(deleted), ...Object.keys(candidates)]);
    return Object.fromEntries(
      [...mounts].map((mount) => {
        const gone = (candidates[mount] ?? 0) - (counts.get(mount) ?? 0);
        return [mount, Math.max(deleted[mount] ?? 0, gone)];
      }),
    );
  }

  /** What waits for an operator after the cycle, and which approvals still count. */
  private async deletesAfter(state: DestinationState | undefined): Promise<Deletes> {
    const { finished, pendingDeletes: held } = this.input;
    const suspended = state?.suspended === undefined ? {} : { suspended: state.suspended };
    const approved = state?.approved === undefined ? {} : { approved: state.approved };
    const before: Deletes = { ...(state?.held && { held: state.held }), ...approved, ...suspended };
    // The origin published meanwhile: deletes may have been left out, so pending deletes and approvals stay.
    if (!this.isSameIndex || this.deps.config.ignoreDeletes) return { ...before, ...(held && { held }) };
    // Given while this cycle was running, the approval is for the next one.
    if (held !== undefined) return { held, ...(held.hash === state?.approved && approved), ...suspended };
    if (finished) return {};
    if (state?.approved === undefined) return before;
    // The set can only have become smaller: what is left of it stays approved.
    return { ...before, approved: hashOfDeletes((await this.candidatesLeft()) ?? []) };
  }

  private get isSameIndex(): boolean {
    return this.index !== undefined && isVersionOf(this.input.considered, this.index);
  }

  /** The candidates for a delete that are left; undefined if the origin has published meanwhile. */
  private async candidatesLeft(): Promise<string[] | undefined> {
    const { index, deps, input } = this;
    if (index === undefined || !this.isSameIndex) return undefined;
    const guarded = await guardBuckets(deps, input.buckets, { index }, this.signal);
    return guarded.flatMap(({ candidates }) => candidates.map(({ path }) => path));
  }
}

type Deletes = Pick<DestinationState, 'held' | 'approved' | 'suspended'>;
