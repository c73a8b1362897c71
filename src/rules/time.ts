import { TimeError } from './errors';

/** A point in time, exact to the nanosecond: a JavaScript Date is exact to milliseconds only. */
export interface Instant {
  /** Whole seconds since 1970-01-01T00:00:00Z; negative before. */
  readonly seconds: number;
  /** 0 to 999,999,999, always added to `seconds`, also before 1970. */
  readonly nanos: number;
}

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/**
 * Reads an RFC 3339 time as Vault writes it ("2019-05-14T23:41:52.904927369Z"), also with a zone offset.
 * As in Go, digits after the nanoseconds are dropped and a leap second (":60") is refused.
 *
 * @throws TimeError if it is not such a time, or names a day or hour that does not exist
 */
export function parseTime(text: string): Instant {
  const match = RFC3339.exec(text);
  if (!match) throw new TimeError(text);
  const field = (group: number): number => Number(match[group] ?? '0');
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(field) as SixNumbers;
  const [offsetHours, offsetMinutes] = [field(9), field(10)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59)
    throw new TimeError(text);

  // Not Date.UTC: it reads the years 0 to 99 as 1900 to 1999, and Go's zero time is in the year 1.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) throw new TimeError(text);

  const offset = (match[8] === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60);
  return {
    seconds: date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset,
    nanos: Number((match[7] ?? '').slice(0, 9).padEnd(9, '0')),
  };
}

type SixNumbers = [number, number, number, number, number, number];

/** The instant of a millisecond clock such as Date.now(). */
export function instantOfMs(ms: number): Instant {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

/** Negative if `a` is earlier than `b`, 0 at the same nanosecond, else positive. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/**
 * Compares two RFC 3339 times to the nanosecond: negative if `a` is earlier, 0 at the same instant (zone
 * offsets may differ), else positive.
 *
 * @throws TimeError if either is not an RFC 3339 time
 */
export function compareTimes(a: string, b: string): number {
  return compareInstants(parseTime(a), parseTime(b));
}

/** Whether `a` is later. If a time cannot be read, it is not: the path is then verified, which is right for every time. */
export function isLater(a: string, b: string): boolean {
  const [instantA, instantB] = [readableTime(a), readableTime(b)];
  return instantA !== undefined && instantB !== undefined && compareInstants(instantA, instantB) > 0;
}

/** {@link parseTime}, but undefined if the time cannot be read. */
export function readableTime(text: string): Instant | undefined {
  try {
    return parseTime(text);
  } catch (error) {
    if (error instanceof TimeError) return undefined;
    throw error;
  }
}
