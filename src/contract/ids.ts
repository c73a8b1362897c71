import { createHash } from 'node:crypto';
import { wellFormed } from '../rules/paths';

/** The names by which operators find things in Temporal. They are part of the interface: never change them lightly. */

export type Role = 'origin' | 'destination';

/**
 * Longest form of a name in an id, in characters. Temporal's own tables hold 255 characters of an id, and it adds up
 * to 42 to that of a schedule.
 */
const MAX_IN_ID = 190;
/** What remains of a longer one, before its hash. */
const BEGINNING_IN_ID = 120;

/** What is wrong with a name, or undefined. Half of a character has no form of its own in UTF-8, and so none in an id. */
export function nameProblem(name: string): string | undefined {
  if (wellFormed(name) === name) return undefined;
  return 'has half of a character in it (such as "\\ud800", a surrogate without its other half); write the whole character, or remove it';
}

/**
 * A name as it is written in ids. Letters, digits, ".", "_" and "-" stay; every other character is percent-encoded in
 * UTF-8 ("site 1" is "site%201"); of what is longer than 190 characters then, the first 120 are followed by "~" and
 * the sha256 of the name. "%" and "~" are encoded themselves, so two names that {@link nameProblem}
 * accepts never share an id.
 */
export function nameInId(name: string): string {
  const encoded = encodeURIComponent(wellFormed(name)).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (encoded.length <= MAX_IN_ID) return encoded;
  const hash = createHash('sha256').update(wellFormed(name)).digest('hex');
  // Not half of an encoded character.
  return `${encoded.slice(0, BEGINNING_IN_ID).replace(/%.?$/, '')}~${hash}`;
}

/**
 * A name as it is shown and stored: as given, but quoted as in JSON if it has characters that could play tricks with a
 * terminal or a log, or if it begins with a quote itself, so that two names never become one.
 */
export function printableName(name: string): string {
  if (!/^"|[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return name;
  return JSON.stringify(wellFormed(name)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) =>
    [...Array(char.length).keys()]
      .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Id of the schedule that starts the cycles; also the beginning of the cycles' workflow ids. */
export function scheduleId(role: Role, name: string): string {
  return `vsync-${role}-${nameInId(name)}`;
}

/** Workflow id of a destination's watch. */
export function watchId(name: string): string {
  return `vsync-watch-${nameInId(name)}`;
}

/** Workflow id of a destination's verify: one at a time. */
export function verifyId(name: string): string {
  return `vsync-verify-${nameInId(name)}`;
}

/** Task queue of a role's workflows and activities; the watch is on the destination's. */
export function taskQueue(role: Role, name: string): string {
  return `vsync-${role}-${nameInId(name)}`;
}
