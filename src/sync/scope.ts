import type { PathFilter } from './filter';
import { locate, splitDataPath, type Location } from './paths';
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
  /** Origin and destination are one Vault (and one namespace in it). */
  readonly sameVault: boolean;
}

/** Where the secrets of one origin go at one destination, and which of them do. */
export class Scope {
  constructor(private readonly rules: ScopeRules) {}

  /** Origin and destination are one Vault (and one namespace in it). */
  get sameVault(): boolean {
    return this.rules.sameVault;
  }

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

  /** The secret would be copied onto itself: nothing has to be done for it, and nothing may be deleted. */
  isItself(path: string): boolean {
    return this.rules.sameVault && this.target(path) === path;
  }

  /**
   * What is written for this secret would be a secret of the origin, and be copied again: a loop that feeds on
   * itself.
   */
  feedsItself(path: string): boolean {
    const target = this.target(path);
    return target !== path && this.isOfOrigin(target) && this.wants(target);
  }

  /** What stands at this data path of the destination is one of the origin's own secrets. */
  isOfOrigin(target: string): boolean {
    const { sameVault, originFilter, originMounts } = this.rules;
    if (!sameVault) return false;
    const place = locate(target, originMounts);
    return place !== undefined && originFilter.allows(place.mount + place.rel);
  }

  /** The path as `vault kv` names it, "secret/team/app". */
  private shownPath(path: string): string {
    const place = this.placeAtOrigin(path) ?? splitDataPath(path);
    return place === undefined ? path : place.mount + place.rel;
  }
}
