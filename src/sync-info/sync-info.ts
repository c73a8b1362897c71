import type { KeyValueStore } from '../consul/key-value-store';
import { hashBucket, parseBucket, serializeBucket, serializeEntries } from '../rules/bucket';
import type { Insight } from '../rules/insight';
import { hashSettingsBucket, parseSettingsBucket } from '../rules/settings';
import { Expiries } from './expiries';
import { IndexedBuckets } from './indexed-buckets';

/** The sync info of one role at one sync path, in the key names and the wire format of vsync 0.3.0. */
export class SyncInfo extends IndexedBuckets<Insight> {
  /**
   * Fingerprints of the secrets' settings (custom metadata, `max_versions`, …), in buckets of their own, with the same
   * paths: the keys of the original, which does not know them, stay as they are.
   */
  readonly settings: IndexedBuckets<string>;
  /** When copies end. Only a destination has them. */
  readonly expiries: Expiries;

  readonly stateKey = `${this.prefix}state`;
  /** What there should be in Temporal: src/temporal/schedule-record.ts. */
  readonly scheduleKey = `${this.prefix}schedule`;
  /** Only a destination has one. */
  readonly knownDifferencesKey = `${this.prefix}settled`;
  /** Only a destination has one ({@link Fence}). */
  readonly dirtyMarkerKey = `${this.prefix}unsaved`;

  /** @param prefix ends in `origin/` or `destination/` */
  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, { parse: parseBucket, serialize: serializeBucket, hash: hashBucket });
    this.settings = new IndexedBuckets(store, `${prefix}meta/`, {
      parse: parseSettingsBucket,
      serialize: serializeEntries,
      hash: hashSettingsBucket,
    });
    this.expiries = new Expiries(store, `${prefix}expiries/`);
  }
}
