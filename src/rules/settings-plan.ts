import { bytewise } from './paths';
import { hashSettingsBucket, type SettingsBucket } from './settings-bucket';

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
