import { hash } from 'node:crypto';
import { parseEntries, serializeEntries, SHA256 } from './bucket';
import { DurationError, parseDuration } from './time';
import { bytewise } from './paths';

/** What Vault keeps for a secret besides its versions, in the names of its API. */
export interface SecretSettings {
  /** Empty if there is none. Not secret, but it may be private: it is never shown, nor written to Consul. */
  readonly custom_metadata: Readonly<Record<string, string>>;
  /** 0: the setting of the mount applies. */
  readonly max_versions: number;
  readonly cas_required: boolean;
  /** A Go duration in seconds, "12319s"; "0s": the setting of the mount applies. */
  readonly delete_version_after: string;
}

/** The same in Vault's answer to `GET <mount>/metadata/<path>`, where durations are as Go prints them, "3h25m19s". */
export interface SettingsMetadata extends Omit<SecretSettings, 'custom_metadata'> {
  readonly custom_metadata: Readonly<Record<string, string>> | null;
}

/** The settings of a secret in their normal form: two settings with the same meaning are deeply equal. */
export function settingsOf(metadata: SettingsMetadata): SecretSettings {
  return {
    custom_metadata: metadata.custom_metadata ?? {},
    max_versions: metadata.max_versions,
    cas_required: metadata.cas_required,
    delete_version_after: inSeconds(metadata.delete_version_after),
  };
}

/**
 * One hash for settings: lower-case hex sha256 of their canonical JSON; undefined for the defaults. A change of settings
 * changes neither the version of a secret nor its time of creation (measured), so sync info needs this fingerprint.
 */
export function fingerprintOfSettings(settings: SecretSettings): string | undefined {
  const json = canonicalJson(settings);
  return json === DEFAULTS ? undefined : hash('sha256', json);
}

/** Keys sorted by bytes. Written by hand, because an object puts keys that are numbers first. */
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

/** "1h0m0s" and "60m" are the same time. A text that is not a duration stays as it is: it still differs from others. */
function inSeconds(duration: string): string {
  try {
    return `${parseDuration(duration) / 1000}s`;
  } catch (error) {
    if (error instanceof DurationError) return duration;
    throw error;
  }
}

/** Fingerprints by data path. A secret without an entry has default settings, or its settings were never read. */
export type SettingsBucket = ReadonlyMap<string, string>;

/** The hash of a bucket in the index of the settings: lower-case hex sha256 of its JSON. */
export function hashSettingsBucket(bucket: SettingsBucket): string {
  return hash('sha256', serializeEntries(bucket));
}

/** @throws SyncInfoError */
export function parseSettingsBucket(json: string): Map<string, string> {
  return parseEntries('settings bucket', json, 'fingerprint', SHA256);
}

/** Hash of a bucket without entries: a destination that has not carried any settings starts with it. */
export const EMPTY_SETTINGS = hashSettingsBucket(new Map());

/** An unverified claim, in place of a fingerprint. No settings have it, so they are compared at the destination. */
export const UNVERIFIED_SETTINGS = '0'.repeat(64);

export function unverifiedSettings(paths: Iterable<string>): Map<string, string> {
  return new Map([...paths].map((path) => [path, UNVERIFIED_SETTINGS]));
}

/**
 * The paths whose settings have to be carried, sorted by bytes. A claim without an entry at the origin means that the
 * settings went back to the defaults. Claims about secrets that are not copied stay: a soft delete keeps the settings.
 */
export function differingSettings(
  origin: SettingsBucket,
  claims: SettingsBucket,
  isCopied: (path: string) => boolean,
): string[] {
  const paths = new Set([...origin.keys(), ...claims.keys()]);
  return [...paths].filter((path) => origin.get(path) !== claims.get(path) && isCopied(path)).sort(bytewise);
}
