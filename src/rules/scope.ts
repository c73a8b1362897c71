import type { PathFilter } from './filter';
import { dataPath, locate, splitDataPath, type Location } from './paths';
import type { Transformer } from './transform';

/** What the configuration of a destination says about paths. */
export interface ScopeRules {
  readonly originMounts: readonly string[];
  readonly destinationMounts: readonly string[];
  readonly transformer: Transformer;
  /** Of the origin, as far as this destination's configuration knows it. */
  readonly originFilter: PathFilter;
  /** Of the destination. */
  readonly filter: PathFilter;
  /**
   * Mounts that are one engine at both ends: the name at the destination, and the one at the origin. Empty where the
   * two have none in common, as two Vaults do.
   */
  readonly sharedMounts: ReadonlyMap<string, string>;
}

/** Where the secrets of one origin go at one destination, and which of them do. */
export class Scope {
  constructor(private readonly rules: ScopeRules) {}

  /** Whether the secret is to be copied at all, by `include` and `exclude`. */
  wants(path: string): boolean {
    const { filter } = this.rules;
    return !filter.restricts || filter.allows(this.shownPath(path));
  }

  /** Data path at the destination. */
  target(path: string): string {
    return this.rules.transformer.transform(path).path;
  }

  /** Where the secret stands at the origin; undefined if its mount is not configured (any more). */
  placeAtOrigin(path: string): Location | undefined {
    return locate(path, this.rules.originMounts);
  }

  /** Mount of the origin that a secret is counted for, also where it is not configured any more. */
  mountAtOrigin(path: string): string {
    return this.placeAtOrigin(path)?.mount ?? path.slice(0, path.indexOf('/') + 1);
  }

  /**
   * Whether the origin publishes the secret while it has it, as far as this side knows: the mounts and filters of
   * the origin stand in a destination's file too, but need not.
   */
  isPublished(path: string): boolean {
    const place = this.placeAtOrigin(path);
    return place !== undefined && this.rules.originFilter.allows(place.mount + place.rel);
  }

  /** Where the secret stands at the destination; undefined if its target is no data path. */
  placeAtDestination(path: string): Location | undefined {
    return this.placeOfTarget(this.target(path));
  }

  /**
   * Where a data path of the destination is. As in the original, a transform may also lead to a mount that
   * `destination.mounts` does not name: the mount is then what stands before the first "/data/".
   *
   * @returns undefined if it is no data path
   */
  placeOfTarget(target: string): Location | undefined {
    const place = locate(target, this.rules.destinationMounts) ?? splitDataPath(target);
    return place === undefined || place.rel === '' ? undefined : place;
  }

  /** A mount is one engine at both ends. */
  get sharesMounts(): boolean {
    return this.rules.sharedMounts.size > 0;
  }

  /** These two mounts, of the destination and of the origin, are one engine. */
  isSharedMount(mount: string, origin: string): boolean {
    return this.rules.sharedMounts.get(mount) === origin;
  }

  /** What stands at this data path of the destination is the secret that the origin calls `path`. */
  isSame(target: string, path: string): boolean {
    return this.nameAtOrigin(target) === path;
  }

  /** The secret would be copied onto itself: nothing has to be done for it, and nothing may be deleted. */
  isItself(path: string): boolean {
    return this.sharesMounts && this.isSame(this.target(path), path);
  }

  /** The secret is to be at the destination, by a copy. */
  isToBeCopied(path: string): boolean {
    return this.wants(path) && !this.isItself(path);
  }

  /** The data paths under which the destination knows a secret of the origin, where a mount is shared. */
  namesAtDestination(path: string): string[] {
    const place = locate(path, this.rules.originMounts);
    if (place === undefined) return [];
    return [...this.rules.sharedMounts].flatMap(([mount, origin]) =>
      origin === place.mount ? [dataPath(mount, place.rel)] : [],
    );
  }

  /**
   * What is written for this secret would be a secret of the origin, and be copied again: a loop that feeds on
   * itself.
   */
  feedsItself(path: string): boolean {
    const target = this.nameAtOrigin(this.target(path));
    return target !== undefined && target !== path && this.isPublished(target) && this.wants(target);
  }

  /** What stands at this data path of the destination is one of the origin's own secrets. */
  isOfOrigin(target: string): boolean {
    const name = this.nameAtOrigin(target);
    return name !== undefined && this.isPublished(name);
  }

  /** The data path under which the origin knows what stands at this one of the destination, where the mount is shared. */
  private nameAtOrigin(target: string): string | undefined {
    const { sharedMounts } = this.rules;
    if (sharedMounts.size === 0) return undefined;
    const place = locate(target, [...sharedMounts.keys()]);
    const mount = place && sharedMounts.get(place.mount);
    return mount === undefined || place === undefined ? undefined : dataPath(mount, place.rel);
  }

  /** The path as `vault kv` names it, "secret/team/app". */
  private shownPath(path: string): string {
    const place = this.placeAtOrigin(path) ?? splitDataPath(path);
    return place === undefined ? path : place.mount + place.rel;
  }
}
