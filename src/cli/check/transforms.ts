import type { Check } from '../../access/check-line';
import type { DestinationConfig } from '../../config/schema';
import { droppedGroups, mountOfTarget } from '../../rules/transform';

/** Warns of named groups that no part of `to` uses: their text is missing in the new path, which may cause collisions. */
export function transformChecks({ destination }: DestinationConfig): Check[] {
  return destination.transforms.flatMap((rule) => {
    const dropped = droppedGroups(rule);
    if (dropped.length === 0) return [];
    const detail =
      `"to" (${rule.to}) has no part ${dropped.join(' or ')}, so what the group matches is not in the new path; a group ` +
      'is inserted where a whole part between two slashes is its name';
    return [{ what: `destination.transforms: ${rule.name}`, outcome: 'warning', detail }];
  });
}

/** Mounts that transforms lead to, apart from those of `destination.mounts`. */
export function mountsOfTransforms({ transforms, mounts }: DestinationConfig['destination']): string[] {
  const led = transforms.flatMap((rule) => mountOfTarget(rule) ?? []);
  return [...new Set(led)].filter((mount) => !mounts.includes(mount));
}
