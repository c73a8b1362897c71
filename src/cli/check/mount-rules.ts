import { DurationError, parseDuration } from '../../rules/time';
import type { DestinationConfig } from '../../config/schema';
import type { MountRules } from '../../vault/kv2';
import type { Check } from '../../access/check-line';

/** The rules of the mounts at both ends, by mount; a mount is missing if the token may not read its rules. */
export type RulesOfSides = Record<'origin' | 'destination', Map<string, MountRules>>;

/**
 * Warns of rules of the destination's mounts that the origin's do not have: copies expire while the originals exist, or
 * the copied settings have another effect. Rules that a token may not read give no warning: `vsync status` shows
 * copies that expire early too.
 */
export function mountRuleChecks(config: DestinationConfig, rules: RulesOfSides): Check[] {
  const { destination, syncMetadata } = config;
  return [...rules.destination].flatMap(([mount, own]): Check[] => {
    const what = `Vault ${destination.vault.address} (destination.vault): mount ${mount}: rules`;
    // With transforms, the mount of the origin that a secret comes from is not known.
    const theirs = destination.transforms.length > 0 ? undefined : rules.origin.get(mount);
    const details = [
      whyCopiesEnd(mount, own, theirs),
      ...(syncMetadata ? [whySettingsDiffer(own, theirs)] : []),
    ].filter((detail) => detail !== undefined);
    return details.map((detail) => ({ what, outcome: 'warning', detail }));
  });
}

function whyCopiesEnd(mount: string, own: MountRules, theirs: MountRules | undefined): string | undefined {
  const ms = msOf(own.delete_version_after);
  const theirMs = theirs && msOf(theirs.delete_version_after);
  if (ms <= 0 || (theirMs !== undefined && theirMs > 0 && theirMs <= ms)) return undefined;
  const rule = theirMs === 0 ? 'none' : theirs?.delete_version_after;
  const there = rule === undefined ? '' : ` (at the origin: ${rule})`;
  return (
    `delete_version_after is ${own.delete_version_after}${there}: each copy expires this long after it was written, also ` +
    'while its original exists, and is then copied again as a new version. If this is not intended, remove the rule ' +
    `(vault write ${mount}config delete_version_after=0s), or leave the mount out`
  );
}

function whySettingsDiffer(own: MountRules, theirs: MountRules | undefined): string | undefined {
  const isOff = msOf(own.delete_version_after) < 0;
  if (isOff && (theirs === undefined || msOf(theirs.delete_version_after) >= 0))
    return 'delete_version_after is -1s, which switches that of the secrets off: copies remain when their originals expire';
  if (theirs === undefined || own.max_versions === theirs.max_versions) return undefined;
  return (
    `max_versions is ${own.max_versions}, and ${theirs.max_versions} at the origin. The larger of this and that of a secret ` +
    'applies, so the two ends keep different numbers of old versions'
  );
}

/** Milliseconds; negative for "-1s", 0 for a text that is not a duration. */
function msOf(rule: string): number {
  try {
    return rule.startsWith('-') ? -parseDuration(rule.slice(1)) : parseDuration(rule);
  } catch (error) {
    if (error instanceof DurationError) return 0;
    throw error;
  }
}
