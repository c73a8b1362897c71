import { judgeConvergence, judgeEqual } from './judge-convergence';
import type { Model } from './model';
import { partsOf } from './names';
import { isExcluded, isPublished, isWantedThere, targetOf } from './settings';
import { Violation } from './violation';
import type { View, Witness } from './witness';

/*
 * The rules of a run. They compare the destination with the model of the origin.
 *
 * After each step, and before the configuration changes (`look`):
 *  1. kept        No version at the destination is removed or destroyed: each look has all that the one before had.
 *  2. evidence    Every delete has a reason: every secret of the origin that belongs at the place was gone at some
 *                 moment of the cycle that deleted it; or a filter excludes it and `deleteExcluded` is on; or the
 *                 removal of this orphan was requested. A secret that a re-created mount lacks counts as gone only
 *                 after an approval of the mount. With `ignoreDeletes`, nothing is deleted.
 *  3. guard       Without an approval, no more is deleted than `maxDeletes` allows, summed since the last approval.
 *  4. claims      The claims of the destination's info are true at any time, also during a cycle: the place has a value
 *                 that the origin has had since the claimed version. Unverified claims, and buckets that do not fit
 *                 their index, claim nothing.
 *  5. foreign     With `onConflict: keep`, a value that only manual writes put there is not overwritten.
 *  6. published   A secret that the origin has had all the time stays in its info, whatever a cycle could not read.
 * When the faults have stopped, after two cycles of each role (`converged`, judge-convergence.ts):
 *  7. equal       Every wanted secret is at its place with the origin's value. Nothing else exists there, except what
 *                 is kept on purpose. A verify repairs manual changes.
 *  8. collision   Where two secrets belong at one place, neither is written there (`collisionsStood`).
 *  9. info        The origin's info has exactly what the origin has, the destination claims all of it, and every bucket
 *                 fits its index.
 * 10. settings    With `syncMetadata`, the settings at both ends are equal.
 * 11. orphans     The plan lists what a changed transform left behind.
 * Elsewhere:
 * 12. quiet       One more cycle writes nothing in Vault or Consul (settle.ts).
 * 13. reasons     At the very end: no version has the same value as the one before it, or a value that the origin never
 *                 had (`versionsHadReasons`).
 * 14. pause       During a pause, only cycles run that were requested (pause.ts).
 * 15. words       A cycle without faults ends well, and an approval is needed only once (settle.ts).
 * 16. feed        With a feed, cycles without faults trust it, and bring all that has changed (settle.ts).
 */

/** What happened since both ends were last equal, as far as it decides what may be left over. */
export interface SinceQuiet {
  /** The layout has changed: secrets at the old places stay. */
  moved: boolean;
  /** A cycle was interrupted: its last write may be unclaimed. */
  disturbed: boolean;
  /** Secrets that were excluded at some time. */
  excluded: Set<string>;
  /** `onConflict` was `keep` at some time. */
  keeping: boolean;
}

const AT_LEAST = 20;

/** Compares the destination with what the origin has and had. */
export class Judge {
  since: SinceQuiet = { moved: false, disturbed: false, excluded: new Set(), keeping: false };
  /** Places whose secrets the destination claimed when both ends were last equal. */
  claimed: ReadonlySet<string> = new Set();
  /** Places with a secret that nothing names any more. It stays for good. */
  strays: ReadonlySet<string> = new Set();
  /** Places whose removal as orphans was requested. */
  readonly approvedOrphans = new Set<string>();
  /** False from a change of the layout until a cycle has moved the claims. */
  claimsHold = true;
  private before: View = new Map();
  private readonly judged = new Set<string>();
  private publishedBefore: { sinceMs: number; names: readonly string[] } = { sinceMs: 0, names: [] };
  private unapproved = new Map<string, number>();
  private approval: 'none' | 'given' | 'used' = 'none';

  constructor(
    readonly witness: Witness,
    readonly model: Model,
  ) {}

  /** The pending deletes were approved. */
  approve(): void {
    this.approval = 'given';
  }

  /** A cycle of the destination ended well, so an approval is used up. */
  cycleEnded(): void {
    this.claimsHold = true;
    if (this.approval === 'given') this.approval = 'used';
  }

  /** Rules 1 to 6. */
  async look(): Promise<View> {
    const { witness } = this;
    const claims = this.claimsHold ? await witness.believedClaims() : new Map<string, never>();
    const view = await witness.view();
    const claimsAfter = claims.size === 0 ? claims : await witness.believedClaims();
    for (const [place, { versions }] of this.before) {
      if ((view.get(place)?.versions.length ?? 0) < versions.length)
        throw new Violation('kept', `${place}: versions were removed`);
    }
    await this.judgeDeletes(view);
    for (const [name, claim] of claims) {
      if (JSON.stringify(claimsAfter.get(name)) === JSON.stringify(claim) && claim.version > 0)
        this.judgeClaim(name, claim.version, view);
    }
    this.judgeForeign(view);
    await this.judgePublished();
    this.before = view;
    return view;
  }

  private async judgeDeletes(view: View): Promise<void> {
    const { witness } = this;
    for (const [place, { versions }] of view) {
      for (const [position, { deletedMs }] of versions.entries()) {
        const id = `${place}#${position + 1}`;
        if (deletedMs === undefined || this.judged.has(id)) continue;
        this.judged.add(id);
        if (witness.hands.versions.has(id)) continue;
        witness.count('deletes judged');
        await this.judgeDelete(place, id, deletedMs);
      }
    }
    if (this.approval === 'used') {
      this.approval = 'none';
      this.unapproved.clear();
    }
    this.judgeGuard();
  }

  private async judgeDelete(place: string, id: string, deletedMs: number): Promise<void> {
    const { witness, model } = this;
    const { settings } = witness;
    const belonging = this.ownersOf(place);
    const owners = belonging.filter((name) => !isExcluded(settings, name));
    if (owners.length === 0 && this.approvedOrphans.has(place)) return;
    if (settings.ignoreDeletes)
      throw new Violation('evidence', `${id} was deleted in spite of ignoreDeletes`);
    if (belonging.length === 0)
      throw new Violation('evidence', `${id} was deleted, and no secret belongs there`);
    for (const name of belonging.slice(0, 1)) {
      const { mount } = partsOf(name);
      this.unapproved.set(mount, (this.unapproved.get(mount) ?? 0) + 1);
    }
    const isUnwanted = belonging.some((name) => !isWantedThere(settings, name));
    if (owners.length === 0 && settings.deleteExcluded && isUnwanted) return;
    const sinceMs = await this.beginOfCycleAt(deletedMs);
    // An excluded secret has no right to the place. But if no other belongs there, it is the deleted one.
    for (const owner of owners.length === 0 ? belonging : owners) {
      if (!model.wasAbsent(owner, sinceMs, deletedMs))
        throw new Violation(
          'evidence',
          `${id} was deleted at ${deletedMs}, but the origin had ${owner} all the time from ${sinceMs} on`,
        );
    }
  }

  private judgeGuard(): void {
    const { model, approval } = this;
    const { maxDeletes } = this.witness.settings;
    if (approval !== 'none' || maxDeletes === '100%') return;
    const total = [...this.unapproved.values()].reduce((sum, count) => sum + count, 0);
    const allowed = maxDeletes ?? Math.max(AT_LEAST, Math.floor(model.names.length / 10));
    if (total > allowed)
      throw new Violation('guard', `${total} deletes without an approval, where ${allowed} are allowed`);
    for (const [mount, count] of maxDeletes === undefined ? this.unapproved : []) {
      const most = model.names.filter((name) => partsOf(name).mount === mount).length;
      if (count * 2 > most)
        throw new Violation(
          'guard',
          `${count} deletes in ${mount} without an approval: more than half of ${most}`,
        );
    }
  }

  /** After a change of the limit, deletes under the old one do not count. */
  forgetDeletes(): void {
    this.unapproved.clear();
  }

  private judgeClaim(name: string, version: number, view: View): void {
    const { witness, model } = this;
    const place = targetOf(witness.settings, name);
    if (witness.hands.touched.has(place)) return;
    // Where two secrets belong, the value may be the other one's.
    if (this.ownersOf(place).length > 1) return;
    const value = view.get(place)?.value;
    const could = model.everSince(name, version);
    witness.count('claims judged');
    if (value !== undefined && could.has(value)) return;
    throw new Violation(
      'claims',
      `the destination's info claims version ${version} of ${name}, and at ${place} stands ${String(value)}`,
    );
  }

  private judgeForeign(view: View): void {
    const { witness, model, before } = this;
    const { hands, settings } = witness;
    if (settings.onConflict !== 'keep') return;
    for (const [place, { versions }] of view) {
      const values = [...(hands.values.get(place) ?? [])];
      const isOurs = (position: number): boolean => !hands.versions.has(`${place}#${position + 1}`);
      const first = versions.findIndex((_, position) => isOurs(position));
      // A version of an earlier look may have been written under another configuration.
      if (first < 1 || first < (before.get(place)?.versions.length ?? 0)) continue;
      const owners = this.ownersOf(place);
      // An equal value would have been claimed, so it is not foreign.
      if (values.some((value) => owners.some((owner) => model.ever(owner).has(value)))) continue;
      if (versions[first - 1]?.deletedMs === undefined)
        throw new Violation('foreign', `${place}#${first + 1} was written over a value that is to be kept`);
    }
  }

  /** Rules 7 and 9 to 11. Remembers what may be left over from here on. */
  async converged(): Promise<void> {
    const { witness, since } = this;
    const { claimed, strays } = await judgeConvergence(this);
    Object.assign(this, { claimed, strays });
    witness.hands.touched = new Set();
    const { settings } = witness;
    const excluded = new Set(this.model.names.filter((name) => isExcluded(settings, name)));
    Object.assign(since, {
      moved: false,
      disturbed: false,
      excluded,
      keeping: settings.onConflict === 'keep',
    });
  }

  private async judgePublished(): Promise<void> {
    const { witness, model, publishedBefore } = this;
    const nowMs = Date.now();
    // A running cycle may publish what it read before this moment.
    const running = (await witness.cycles('origin')).filter(({ closeMs }) => closeMs === undefined);
    const published = await witness.published();
    if (published === undefined) return;
    for (const name of publishedBefore.names) {
      if (published.has(name) || !isPublished(witness.settings, name)) continue;
      if (!model.wasAbsent(name, publishedBefore.sinceMs, nowMs))
        throw new Violation('published', `the origin has ${name} all the time, and its info lacks it`);
    }
    // A secret that the origin lacks now may be missing in the next info, so it is not remembered.
    const names = [...published.keys()].filter((name) => model.value(name) !== undefined);
    this.publishedBefore = { sinceMs: Math.min(nowMs, ...running.map(({ startMs }) => startMs)), names };
  }

  /** Rule 7, except for places with manual changes. */
  async equalElsewhere(): Promise<void> {
    const view = await this.look();
    judgeEqual(this, view, await this.witness.believedClaims(), { exceptTouched: true });
  }

  /** Rule 8, between two moments in which the same secrets collided. */
  collisionsStood(before: View, after: View): void {
    for (const place of this.collisions()) {
      this.witness.count('collisions judged');
      if ((before.get(place)?.versions.length ?? 0) !== (after.get(place)?.versions.length ?? 0))
        throw new Violation('collision', `${place} was written, and two secrets belong there`);
    }
  }

  /** Places where more than one secret of the origin belongs now. */
  collisions(): string[] {
    const places = this.model.names.filter((name) => this.isWanted(name)).map((name) => this.targetOf(name));
    return [...new Set(places.filter((place, position) => places.indexOf(place) !== position))];
  }

  /** Rule 13. */
  async versionsHadReasons(): Promise<void> {
    const { witness, model } = this;
    for (const [place, { versions }] of await this.look()) {
      const values = await witness.valuesOf(place, versions.length);
      for (const [position, value] of values.entries()) {
        const id = `${place}#${position + 1}`;
        if (witness.hands.versions.has(id) && witness.hands.values.get(place)?.has(value) === true) continue;
        if (!model.names.some((name) => couldBelongAt(name, place) && model.ever(name).has(value)))
          throw new Violation('reasons', `${id} has a value that the origin never had`);
        const before = versions[position - 1];
        if (before !== undefined && before.deletedMs === undefined && values[position - 1] === value)
          throw new Violation('reasons', `${id} has the value that stood there already`);
        witness.count('versions judged');
      }
    }
  }

  /** The origin has it, and no filter excludes it. */
  isWanted(name: string): boolean {
    return this.model.value(name) !== undefined && !isExcluded(this.witness.settings, name);
  }

  targetOf(name: string): string {
    return targetOf(this.witness.settings, name);
  }

  /** Every secret that ever existed and belongs at this place now. */
  ownersOf(place: string): string[] {
    return this.model.names.filter((name) => this.targetOf(name) === place);
  }

  /** Begin of the cycle that was running then; the earliest begin of all known cycles if none was. */
  private async beginOfCycleAt(timeMs: number): Promise<number> {
    const cycles = await this.witness.cycles('destination');
    const running = cycles.filter(
      ({ startMs, closeMs }) => startMs <= timeMs && (closeMs ?? timeMs) >= timeMs,
    );
    return Math.min(...(running.length > 0 ? running : cycles).map(({ startMs }) => startMs));
  }
}

/** Whether the secret belongs at this place under any layout. */
function couldBelongAt(name: string, place: string): boolean {
  return (['plain', 'moved', 'elsewhere', 'merged'] as const).some(
    (layout) => targetOf({ layout } as Parameters<typeof targetOf>[0], name) === place,
  );
}
