import { hashBucket, parseBucket, serializeBucket } from '../rules/bucket';
import type { Insight } from '../rules/insight';
import { Expiries } from './expiries';
import { IndexedBuckets } from './indexed-buckets';
import type { KeyValueStore } from '../consul/key-value-store';
import { hashSettingsBucket, parseSettingsBucket, serializeSettingsBucket } from '../rules/settings';

export type { StoredBucket, StoredIndex } from './indexed-buckets';

/**
 * The sync info of one role at one sync path: `<syncPath>origin/` or `<syncPath>destination/`, in the key names
 * and the wire format of vsync 0.3.0.
 */
export class SyncInfo extends IndexedBuckets<Insight> {
  /** What is known of the settings of the same secrets; unknown to the original vsync. */
  readonly settings: SettingsInfo;
  /** When copies end. Only a destination has them. */
  readonly expiries: Expiries;

  /** @param prefix ends in `origin/` or `destination/` */
  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, { parse: parseBucket, serialize: serializeBucket, hash: hashBucket });
    this.settings = new SettingsInfo(store, `${prefix}meta/`);
    this.expiries = new Expiries(store, `${prefix}expiries/`);
  }

  get stateKey(): string {
    return `${this.prefix}state`;
  }

  /** What there should be in Temporal: src/temporal/schedule-record.ts. */
  get scheduleKey(): string {
    return `${this.prefix}schedule`;
  }

  /** Only a destination has one. */
  get knownDifferencesKey(): string {
    return `${this.prefix}settled`;
  }
}

/**
 * Fingerprints of the secrets' settings (custom metadata, `max_versions`, …), in buckets of their own under
 * `<syncPath>origin/meta/` or `<syncPath>destination/meta/`: as many as the sync info has, each with the same paths.
 * A change of settings moves neither version nor time of an insight, and the keys of the original stay as they are.
 */
export class SettingsInfo extends IndexedBuckets<string> {
  /** @param prefix ends in `origin/meta/` or `destination/meta/` */
  constructor(store: KeyValueStore, prefix: string) {
    super(store, prefix, {
      parse: parseSettingsBucket,
      serialize: serializeSettingsBucket,
      hash: hashSettingsBucket,
    });
  }
}
