import { createHash } from 'node:crypto';
import { DurationError, parseDuration } from './duration';
import { bytewise } from './paths';

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
