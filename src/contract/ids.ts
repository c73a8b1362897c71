import { createHash } from 'node:crypto';
import { wellFormed } from '../rules/paths';

/*
 * The names by which operators find things in Temporal: schedules, workflows and task queues. They are frozen
 * (test/contract/frozen.test.ts). The shared queue is in cycle.ts, where workflows can import it.
 */

export type Role = 'origin' | 'destination';

/** Characters. Temporal's tables hold 255 of an id, and Temporal adds up to 42 to the id of a schedule. */
const MAX_IN_ID = 190;
/** Characters of a longer name that stay, before its hash. */
const BEGINNING_IN_ID = 120;

/** What is wrong with a name, or undefined. Half of a character cannot be written in UTF-8, and so not in an id. */
export function nameProblem(name: string): string | undefined {
  if (wellFormed(name) === name) return undefined;
  return 'has half of a character in it (such as "\\ud800", a surrogate without its other half); write the whole character, or remove it';
}

/**
 * A name as it is written in ids. Letters, digits, ".", "_" and "-" stay. Every other character is percent-encoded in
 * UTF-8: "site 1" is "site%201". If the result is longer than 190 characters, its first 120 are followed by "~" and the
 * sha256 of the name. "%" and "~" are encoded too, so two names that {@link nameProblem} accepts never share an id.
 */
export function nameInId(name: string): string {
  const encoded = encodeURIComponent(wellFormed(name)).replace(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (encoded.length <= MAX_IN_ID) return encoded;
  const hash = createHash('sha256').update(wellFormed(name)).digest('hex');
  // Without half of an encoded character at the end.
  return `${encoded.slice(0, BEGINNING_IN_ID).replace(/%.?$/, '')}~${hash}`;
}

/**
 * A name as it is shown and stored. It is quoted as in JSON if it has characters that a terminal or a log does not show
 * as they are, or if it begins with a quote, so that two names never become one.
 */
export function printableName(name: string): string {
  if (!/^"|[\p{C}\p{Zl}\p{Zp}]/u.test(name)) return name;
  return JSON.stringify(wellFormed(name)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) =>
    [...Array(char.length).keys()]
      .map((at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Id of the schedule that starts the cycles. The cycles' workflow ids begin with it. */
export function scheduleId(role: Role, name: string): string {
  return `vsync-${role}-${nameInId(name)}`;
}

export function watchId(name: string): string {
  return `vsync-watch-${nameInId(name)}`;
}

/** Workflow id of a destination's verify. Only one runs at a time. */
export function verifyId(name: string): string {
  return `vsync-verify-${nameInId(name)}`;
}

/** Workflow id of the one that takes changed paths for a destination. */
export function pushId(name: string): string {
  return `vsync-push-${nameInId(name)}`;
}

/** Task queue of a role's workflows and activities. The watch and the push are on the destination's queue. */
export function taskQueue(role: Role, name: string): string {
  return `vsync-${role}-${nameInId(name)}`;
}
