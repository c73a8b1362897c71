import { destinationView, valuesOfAllVersions, type Standing } from './destination-view';
import { infoView } from './info-view';
import type { Model } from './model';
import { isExcluded, targetOf } from './settings';
import type { World } from './world';

/** A rule was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What happened since all was as it should be, as far as it decides what may be left over. */
interface SinceQuiet {
  /** The transforms were changed: what was left at the old places stays. */
  moved: boolean;
  /** A cycle did not come to its end by itself: what it wrote last may be claimed by nobody. */
  disturbed: boolean;
  /** Top folders that were left out at some time. */
  excluded: Set<string>;
}

/** Holds what stands at the destination against what the origin has and had. */
export class Judge {
  since: SinceQuiet = { moved: false, disturbed: false, excluded: new Set() };
  /** Places whose secrets the destination's info named when all was as it should be. */
  private claimed = new Set<string>();
  /** Places where something stands that nothing names any more: it stays for good. */
  private strays = new Set<string>();
  private before = new Map<string, Standing>();
  private readonly judged = new Set<string>();

  constructor(
    private readonly world: World,
    private readonly model: Model,
  ) {}

  /**
   * After each step: whatever is deleted at the destination since the last look was gone at the origin at some
   * moment of the cycle that deleted it, and nothing is removed for good.
   */
  async look(): Promise<Map<string, Standing>> {
    const { world, model } = this;
    const view = await destinationView(world.sync);
    for (const [place, { versions }] of this.before) {
      if ((view.get(place)?.versions.length ?? 0) < versions.length)
        throw new Violation(`${place}: versions were removed`);
    }
    this.before = view;
    for (const [place, { versions }] of view) {
      for (const [position, { deletedMs }] of versions.entries()) {
        const id = `${place}#${position + 1}`;
        if (deletedMs === undefined || this.judged.has(id)) continue;
        this.judged.add(id);
        if (world.hands.versions.has(id)) continue;
        world.stats.count('deletes judged');
        if (world.settings.ignoreDeletes) throw new Violation(`${id} was deleted in spite of ignoreDeletes`);
        const owners = this.ownersOf(place);
        if (owners.length === 0) throw new Violation(`${id} was deleted, and no secret belongs there`);
        const sinceMs = await this.beginOfCycleAt(deletedMs);
        for (const owner of owners) {
          if (!model.wasAbsent(owner, sinceMs, deletedMs))
            throw new Violation(
              `${id} was deleted at ${deletedMs}, but the origin had ${owner} all the time from ${sinceMs} on`,
            );
        }
      }
    }
    return view;
  }

  /** Once faults have stopped and cycles have run: both ends are equal, and so is what is said of them. */
  async converged(): Promise<void> {
    const { world, model, since } = this;
    await this.compare(await this.look(), (place) => !world.hands.touched.has(place));
    const touched = [...world.hands.touched];
    if (touched.length > 0) {
      // No cycle looks for what was done by hand: a verify does.
      await world.sync.repair();
      world.stats.count('repairs');
      await this.compare(await this.look(), () => true);
    }
    const claims = await this.compareInfo();
    const view = await this.look();
    this.claimed = new Set([...claims].map((path) => targetOf(world.settings, path)));
    this.strays = new Set(
      [...view]
        .filter(([place, { value }]) => value !== undefined && !this.claimed.has(place))
        .map(([place]) => place),
    );
    for (const path of model.paths)
      if (this.isWanted(path)) this.strays.delete(targetOf(world.settings, path));
    world.hands.touched = new Set();
    Object.assign(since, { moved: false, disturbed: false, excluded: new Set() });
    if (world.settings.excluded !== undefined) since.excluded.add(world.settings.excluded);
  }

  /** At the very end: no version was written whose value stood there already, and no value came out of nowhere. */
  async versionsHadReasons(): Promise<void> {
    const { world, model } = this;
    for (const [place, { versions }] of await this.look()) {
      const values = await valuesOfAllVersions(world.sync, place, versions.length);
      const owners = this.everOwnersOf(place);
      for (const [position, value] of values.entries()) {
        const id = `${place}#${position + 1}`;
        if (world.hands.versions.has(id) && world.hands.values.get(place)?.has(value) === true) continue;
        if (!owners.some((owner) => model.ever(owner).has(value)))
          throw new Violation(`${id} has a value that the origin never had`);
        const before = versions[position - 1];
        if (before !== undefined && before.deletedMs === undefined && values[position - 1] === value)
          throw new Violation(`${id} has the value that stood there already`);
        world.stats.count('versions judged');
      }
    }
  }

  private async compare(
    view: ReadonlyMap<string, Standing>,
    which: (place: string) => boolean,
  ): Promise<void> {
    const { world, model } = this;
    const wanted = new Map(
      model.paths
        .filter((path) => this.isWanted(path))
        .map((path) => [targetOf(world.settings, path), path] as const),
    );
    for (const [place, path] of wanted) {
      const value = view.get(place)?.value;
      if (which(place) && value !== model.value(path))
        throw new Violation(
          `${place} should have ${String(model.value(path))} of ${path}, and has ${String(value)}`,
        );
    }
    for (const [place, { value }] of view) {
      if (value === undefined || wanted.has(place) || this.mayStay(place)) continue;
      const claim = [...(await infoView(world.sync, 'destination'))].find(
        ([path]) => targetOf(world.settings, path) === place,
      );
      throw new Violation(
        `${place} is deleted at the origin, and still stands at the destination, whose info says of it: ${JSON.stringify(claim)}`,
      );
    }
  }

  private mayStay(place: string): boolean {
    const { world, since, strays } = this;
    if (world.settings.ignoreDeletes || strays.has(place) || world.hands.touched.has(place) || since.moved)
      return true;
    if (this.ownersOf(place).some((owner) => since.excluded.has(owner.split('/')[0] ?? ''))) return true;
    return since.disturbed && !this.claimed.has(place);
  }

  /** @returns paths that the destination's info names */
  private async compareInfo(): Promise<Set<string>> {
    const { world, model } = this;
    const origin = await infoView(world.sync, 'origin');
    const destination = await infoView(world.sync, 'destination');
    const live = model.paths.filter((path) => model.value(path) !== undefined);
    const inInfo = [...origin].map(([path, { version }]) => `${path} ${version}`).sort();
    const inOrigin = live.map((path) => `${path} ${model.version(path)}`).sort();
    if (JSON.stringify(inInfo) !== JSON.stringify(inOrigin))
      throw new Violation(`the origin's info says ${inInfo.join(', ')}; it has ${inOrigin.join(', ')}`);
    for (const [path, insight] of origin) {
      if (!this.isWanted(path)) continue;
      const claim = destination.get(path);
      if (claim?.version !== insight.version || claim.updateTime !== insight.updateTime)
        throw new Violation(
          `the destination's info says ${JSON.stringify(claim)} of ${path}, not ${JSON.stringify(insight)}`,
        );
    }
    return new Set(destination.keys());
  }

  private isWanted(path: string): boolean {
    return this.model.value(path) !== undefined && !isExcluded(this.world.settings, path);
  }

  private ownersOf(place: string): string[] {
    return this.model.paths.filter((path) => targetOf(this.world.settings, path) === place);
  }

  /** Of whatever settings there were. */
  private everOwnersOf(place: string): string[] {
    const name = place.slice(place.indexOf('/') + 1);
    return this.model.paths.filter((path) => path === place || path === `team/${name}`);
  }

  /** When the cycle began that was running then; of all that are known, if none was. */
  private async beginOfCycleAt(timeMs: number): Promise<number> {
    const cycles = await this.world.sync.cycles('destination');
    const running = cycles.filter(
      ({ startMs, closeMs }) => startMs <= timeMs && (closeMs ?? timeMs) >= timeMs,
    );
    return Math.min(...(running.length > 0 ? running : cycles).map(({ startMs }) => startMs));
  }
}
