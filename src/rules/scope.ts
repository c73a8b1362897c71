import type { PathFilter } from './filter';
import { dataPath, locate, splitDataPath, type Location } from './paths';
import type { Transformer } from './transform';

/** Everything that a destination's configuration defines about paths. */
export interface ScopeRules {
  readonly originMounts: readonly string[];
  readonly destinationMounts: readonly string[];
  readonly transformer: Transformer;
  /** Of the origin, as far as this destination's file contains it. */
  readonly originFilter: PathFilter;
  /** Of the destination. */
  readonly filter: PathFilter;
  /** Mounts that are one engine at both ends: name at the destination to name at the origin. Empty for two Vaults. */
  readonly sharedMounts: ReadonlyMap<string, string>;
}

/** Which secrets of one origin go to one destination, and where. A path is a data path at the origin. */
export class Scope {
  constructor(private readonly rules: ScopeRules) {}

  /** Whether `include` and `exclude` allow the secret. */
  wants(path: string): boolean {
    const { filter } = this.rules;
    return !filter.restricts || filter.allows(this.shownPath(path));
  }

  /** The secret's data path at the destination. */
  target(path: string): string {
    return this.rules.transformer.transform(path).path;
  }

  /** The secret's place at the origin; undefined if its mount is not configured, or no longer. */
  placeAtOrigin(path: string): Location | undefined {
    return locate(path, this.rules.originMounts);
  }

  /** The mount of the origin that a secret counts for, even if it is no longer configured. */
  mountAtOrigin(path: string): string {
    return this.placeAtOrigin(path)?.mount ?? path.slice(0, path.indexOf('/') + 1);
  }

  /** Whether the origin publishes the secret if it has it, by the mounts and filters in this destination's file. */
  isPublished(path: string): boolean {
    const place = this.placeAtOrigin(path);
    return place !== undefined && this.rules.originFilter.allows(place.mount + place.rel);
  }

  /** The secret's place at the destination; undefined if its target is not a data path. */
  placeAtDestination(path: string): Location | undefined {
    return this.placeOfTarget(this.target(path));
  }

  /**
   * The place of a data path of the destination; undefined if it is not a data path. As in the original, a transform may
   * lead to a mount that `destination.mounts` does not name.
   */
  placeOfTarget(target: string): Location | undefined {
    const place = locate(target, this.rules.destinationMounts) ?? splitDataPath(target);
    return place === undefined || place.rel === '' ? undefined : place;
  }

  get sharesMounts(): boolean {
    return this.rules.sharedMounts.size > 0;
  }

  /** Whether these mounts of the destination and of the origin are one engine. */
  isSharedMount(mount: string, origin: string): boolean {
    return this.rules.sharedMounts.get(mount) === origin;
  }

  /** Whether this data path of the destination is the secret `path` of the origin itself. */
  isSame(target: string, path: string): boolean {
    return this.nameAtOrigin(target) === path;
  }

  /** Whether the secret would be copied onto itself: it needs no copy, and must not be deleted. */
  isItself(path: string): boolean {
    return this.sharesMounts && this.isSame(this.target(path), path);
  }

  isToBeCopied(path: string): boolean {
    return this.wants(path) && !this.isItself(path);
  }

  /** The data paths of an origin's secret at the destination, through shared mounts. */
  namesAtDestination(path: string): string[] {
    const place = this.placeAtOrigin(path);
    if (place === undefined) return [];
    return [...this.rules.sharedMounts].flatMap(([mount, origin]) =>
      origin === place.mount ? [dataPath(mount, place.rel)] : [],
    );
  }

  /** Whether the copy of this secret would be a secret of the origin, and be copied again: an endless loop. */
  feedsItself(path: string): boolean {
    const target = this.nameAtOrigin(this.target(path));
    return target !== undefined && target !== path && this.isPublished(target) && this.wants(target);
  }

  /** Whether this data path of the destination is one of the origin's own secrets. */
  isOfOrigin(target: string): boolean {
    const name = this.nameAtOrigin(target);
    return name !== undefined && this.isPublished(name);
  }

  /** The origin's data path for this one of the destination; undefined if the mount is not shared. */
  private nameAtOrigin(target: string): string | undefined {
    const { sharedMounts } = this.rules;
    if (sharedMounts.size === 0) return undefined;
    const place = locate(target, [...sharedMounts.keys()]);
    return place && dataPath(sharedMounts.get(place.mount) ?? place.mount, place.rel);
  }

  /** The path as `vault kv` names it, "secret/team/app". */
  private shownPath(path: string): string {
    const place = this.placeAtOrigin(path) ?? splitDataPath(path);
    return place === undefined ? path : place.mount + place.rel;
  }
}
