import { createHash } from 'node:crypto';
import { DurationError, parseDuration } from './duration';
import { bytewise, wellFormed } from './paths';
import { SyncInfoError } from './errors';

/** What Vault keeps for a secret beside its versions, in the names of its API. */
export interface SecretSettings {
  /** Empty if there is none. Not secret, but maybe private: it is never shown, nor written to Consul. */
  readonly custom_metadata: Readonly<Record<string, string>>;
  /** 0: as the mount says. */
  readonly max_versions: number;
  readonly cas_required: boolean;
  /** A Go duration in seconds, "12319s"; "0s": as the mount says. */
  readonly delete_version_after: string;
}

/** The part of Vault's answer to `GET <mount>/metadata/<path>` that the settings are made of. */
export interface SettingsMetadata {
  readonly custom_metadata: Readonly<Record<string, string>> | null;
  readonly max_versions: number;
  readonly cas_required: boolean;
  /** A Go duration as Go prints it, "3h25m19s". */
  readonly delete_version_after: string;
}

/** The settings of a secret in their normal form: two that mean the same are deeply equal. */
export function settingsOf(metadata: SettingsMetadata): SecretSettings {
  return {
    custom_metadata: metadata.custom_metadata ?? {},
    max_versions: metadata.max_versions,
    cas_required: metadata.cas_required,
    delete_version_after: inSeconds(metadata.delete_version_after),
  };
}

/**
 * Names settings by one hash: lower-case hex sha256 of their canonical JSON. A change of settings moves neither
 * the version of a secret nor its time of creation (measured), so sync info shows it by this.
 *
 * @returns undefined for the settings of a secret for which nobody has set anything
 */
export function fingerprintOfSettings(settings: SecretSettings): string | undefined {
  const json = canonicalJson(settings);
  return json === DEFAULTS ? undefined : createHash('sha256').update(json).digest('hex');
}

/** Keys sorted by bytes; written by hand, because an object puts keys that are numbers first. */
function canonicalJson(settings: SecretSettings): string {
  const custom = Object.entries(settings.custom_metadata)
    .sort(([a], [b]) => bytewise(a, b))
    .map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const { cas_required, delete_version_after, max_versions } = settings;
  return (
    `{"cas_required":${cas_required},"custom_metadata":{${custom.join(',')}},` +
    `"delete_version_after":${JSON.stringify(delete_version_after)},"max_versions":${max_versions}}`
  );
}

const DEFAULTS = canonicalJson({
  custom_metadata: {},
  max_versions: 0,
  cas_required: false,
  delete_version_after: '0s',
});

/** "1h0m0s" and "60m" are the same time. What is no duration stays as it is: it still tells one from another. */
function inSeconds(duration: string): string {
  try {
    return `${parseDuration(duration) / 1000}s`;
  } catch (error) {
    if (error instanceof DurationError) return duration;
    throw error;
  }
}

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

/** Hash of a bucket without entries: what a destination that has not carried anything yet starts with. */
export const EMPTY_SETTINGS = hashSettingsBucket(new Map());

/**
 * A claim that is not believed, in the place of a fingerprint: no settings have it, so that those of the secret are
 * compared with what stands at the destination.
 */
export const DOUBTED_SETTINGS = '0'.repeat(64);

/**
 * The paths whose settings have to be carried, sorted by bytes. A claim without an entry at the origin means that
 * the settings went back to the defaults. Claims about secrets that are not copied stay: a soft delete leaves the
 * settings where they are.
 *
 * @param origin fingerprints of the origin
 * @param claims fingerprints of what was applied at the destination
 * @param isCopied whether the destination has the secret, or is to have it
 */
export function differingSettings(
  origin: SettingsBucket,
  claims: SettingsBucket,
  isCopied: (path: string) => boolean,
): string[] {
  const paths = new Set([...origin.keys(), ...claims.keys()]);
  return [...paths].filter((path) => origin.get(path) !== claims.get(path) && isCopied(path)).sort(bytewise);
}

/** A bucket of claims of which not one is believed. */
export function doubtedSettings(paths: Iterable<string>): Map<string, string> {
  return new Map([...paths].map((path) => [path, DOUBTED_SETTINGS]));
}
