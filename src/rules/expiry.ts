import { readableTime } from './time';

/** When a copy ends by itself (`delete_version_after`), and when its original ends. RFC 3339; "" for never. */
export interface Ends {
  readonly copy: string;
  readonly original: string;
}

export interface ExpirySummary {
  /** When the next of the copies that are not due becomes due, in milliseconds since 1970; undefined if there is none. */
  readonly nextMs?: number;
  /** Ids of the buckets in which copies are due now, in their order; undefined if there are none. */
  readonly due?: number[];
  /** Number of copies that end. */
  readonly copies: number;
  /** How many of them end before their originals. */
  readonly early: number;
}

export const NO_EXPIRY: ExpirySummary = { copies: 0, early: 0 };

/** It is unknown what changed: all stored ends have to be counted. */
export const NOT_COUNTED: ExpirySummary = { ...NO_EXPIRY, nextMs: 0 };

/** The ends of one version may differ by so much: the copy is written later, and the clocks of two servers differ. */
const SLACK_S = 300;

/** Whether the copy ends while the original lives on. */
export function isEarly({ copy, original }: Ends): boolean {
  return original === '' || secondsBetween(copy, original) > SLACK_S;
}

/**
 * When the secret is due for a check, in milliseconds since 1970: after the end of the copy, and also of the original if
 * both end at about the same time. A time that cannot be read counts as passed.
 */
export function dueAtMs(ends: Ends): number {
  const isSoonAfter = !isEarly(ends) && secondsBetween(ends.copy, ends.original) > 0;
  const instant = readableTime(isSoonAfter ? ends.original : ends.copy);
  return instant === undefined ? 0 : instant.seconds * 1000 + Math.ceil(instant.nanos / 1e6);
}

export function summaryOf(all: Iterable<Ends>): ExpirySummary {
  let summary = NO_EXPIRY;
  for (const ends of all)
    summary = sumOf(summary, { nextMs: dueAtMs(ends), copies: 1, early: isEarly(ends) ? 1 : 0 });
  return summary;
}

export function sumOf(a: ExpirySummary, b: ExpirySummary): ExpirySummary {
  const times = [a.nextMs, b.nextMs].filter((time) => time !== undefined);
  const due = [...new Set([...(a.due ?? []), ...(b.due ?? [])])].sort((one, other) => one - other);
  return {
    ...(times.length > 0 && { nextMs: Math.min(...times) }),
    ...(due.length > 0 && { due }),
    copies: a.copies + b.copies,
    early: a.early + b.early,
  };
}

function secondsBetween(from: string, to: string): number {
  const [begin, end] = [readableTime(from), readableTime(to)];
  return begin === undefined || end === undefined ? 0 : end.seconds - begin.seconds;
}
