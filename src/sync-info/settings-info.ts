import { hashSettingsBucket, parseSettingsBucket, serializeSettingsBucket } from '../rules/settings';
import { IndexedBuckets } from './indexed-buckets';
import type { KeyValueStore } from '../consul/key-value-store';

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
