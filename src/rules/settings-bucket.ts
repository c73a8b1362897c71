import { createHash } from 'node:crypto';
import { SyncInfoError } from './errors';
import { bytewise, wellFormed } from './paths';

/**
 * The fingerprints of the settings of those secrets whose data paths hash to one bucket, by data path. A secret
 * without an entry has default settings, or its settings were never read.
 */
export type SettingsBucket = ReadonlyMap<string, string>;

/** The hash of a bucket that stands in the index of the settings: lower-case hex sha256 of its JSON. */
export function hashSettingsBucket(bucket: SettingsBucket): string {
  return createHash('sha256').update(serializeSettingsBucket(bucket)).digest('hex');
}

/** JSON object of data path to fingerprint: keys sorted by bytes, no spaces. */
export function serializeSettingsBucket(bucket: SettingsBucket): string {
  const members = [...bucket]
    .sort(([a], [b]) => bytewise(a, b))
    .map(([path, fingerprint]) => `${JSON.stringify(wellFormed(path))}:${JSON.stringify(fingerprint)}`);
  return `{${members.join(',')}}`;
}

/**
 * Reads a bucket of fingerprints from Consul.
 *
 * @throws SyncInfoError that says what is wrong
 */
export function parseSettingsBucket(json: string): Map<string, string> {
  const value = parseJson(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw problem('it is JSON, but not an object of path to fingerprint');
  }
  const bucket = new Map<string, string>();
  for (const [path, fingerprint] of Object.entries(value) as [string, unknown][]) {
    if (typeof fingerprint !== 'string' || !/^[0-9a-f]{64}$/.test(fingerprint)) {
      throw problem(`fingerprint of ${JSON.stringify(path)}: must be a sha256 in lower-case hex`);
    }
    bucket.set(wellFormed(path), fingerprint);
  }
  return bucket;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw problem('it is not JSON');
  }
}

function problem(detail: string): SyncInfoError {
  return new SyncInfoError('settings bucket', detail);
}
