import type { Insight } from '../../src/rules/insight';
import type { Settings } from './settings';

export interface StandingVersion {
  readonly createdMs: number;
  /** Undefined if it is not deleted. */
  readonly deletedMs: number | undefined;
}

/** A secret as it stands at the destination; versions from 1 on. */
export interface Standing {
  readonly versions: readonly StandingVersion[];
  readonly value: string | undefined;
  /** Word for its settings, as in the model; undefined: nothing is set. */
  readonly settings: string | undefined;
}

/** By place: a name at the destination. */
export type View = ReadonlyMap<string, Standing>;

/** Sync info of one end, by name. */
export type InfoView = ReadonlyMap<string, Insight>;

/** What somebody did by hand at the destination. */
export interface Hands {
  /** "place#version" that they wrote or deleted. */
  readonly versions: Set<string>;
  readonly values: Map<string, Set<string>>;
  /** Places that they touched since the last time that all was checked. */
  touched: Set<string>;
}

/** What the judge sees of a run: plain reads, past the code under test. */
export interface Witness {
  readonly settings: Settings;
  readonly hands: Hands;
  view(): Promise<View>;
  /** Values of all versions, also of deleted ones: brings those back, so it is for the very end only. */
  valuesOf(place: string, count: number): Promise<string[]>;
  /** @throws if a bucket is not the one that its index names, or cannot be read */
  info(role: 'origin' | 'destination'): Promise<InfoView>;
  /** What the origin publishes; undefined while its buckets do not fit their index. */
  published(): Promise<InfoView | undefined>;
  /** Of the destination's info, what is in a bucket that fits its index. */
  believedClaims(): Promise<InfoView>;
  /** As Temporal knows them. */
  cycles(
    role: 'origin' | 'destination',
  ): Promise<{ readonly startMs: number; readonly closeMs: number | undefined }[]>;
  /** Places that `vsync plan` calls orphans. */
  orphans(): Promise<ReadonlySet<string>>;
  count(what: string): void;
}
