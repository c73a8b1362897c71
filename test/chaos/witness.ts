import type { Insight } from '../../src/rules/insight';
import type { Settings } from './settings';

export interface StandingVersion {
  readonly createdMs: number;
  /** Undefined if it is not deleted. */
  readonly deletedMs: number | undefined;
}

/** A secret at the destination, with its versions from 1 on. */
export interface Standing {
  readonly versions: readonly StandingVersion[];
  readonly value: string | undefined;
  /** Name of its settings, as in the model; undefined without settings. */
  readonly settings: string | undefined;
}

/** Secrets by place. A place is a name at the destination. */
export type View = ReadonlyMap<string, Standing>;

/** Sync info of one end, by name. */
export type InfoView = ReadonlyMap<string, Insight>;

/** Manual changes at the destination. */
export interface Hands {
  /** Written or deleted versions, as "place#version". */
  readonly versions: Set<string>;
  readonly values: Map<string, Set<string>>;
  /** Places that were changed since the last complete check. */
  touched: Set<string>;
}

/** What the judge sees of a run. It is read with plain requests instead of the code under test. */
export interface Witness {
  readonly settings: Settings;
  readonly hands: Hands;
  view(): Promise<View>;
  /** Values of all versions. Undeletes the deleted ones, so it may only be called at the very end. */
  valuesOf(place: string, count: number): Promise<string[]>;
  /** @throws if a bucket is not the one that its index names, or cannot be read */
  info(role: 'origin' | 'destination'): Promise<InfoView>;
  /** The origin's info; undefined while its buckets do not fit their index. */
  published(): Promise<InfoView | undefined>;
  /** The destination's claims in buckets that fit its index. */
  believedClaims(): Promise<InfoView>;
  /** Cycles of a role, from Temporal. */
  cycles(
    role: 'origin' | 'destination',
  ): Promise<{ readonly startMs: number; readonly closeMs: number | undefined }[]>;
  /** Places that `vsync plan` lists as orphans. */
  orphans(): Promise<ReadonlySet<string>>;
  count(what: string): void;
}
