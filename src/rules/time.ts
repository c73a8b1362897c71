/** A point in time, exact to the nanosecond: a JavaScript Date is exact to milliseconds only. */
export interface Instant {
  /** Whole seconds since 1970-01-01T00:00:00Z; negative before. */
  readonly seconds: number;
  /** 0 to 999,999,999, always added to `seconds`, also before 1970. */
  readonly nanos: number;
}

/** A text is not an RFC 3339 time. It is quoted, because times are not secret. */
export class TimeError extends Error {
  override readonly name = 'TimeError';

  constructor(readonly text: string) {
    super(`${JSON.stringify(text)} is not an RFC 3339 time like 2019-05-14T23:41:52.904927369Z`);
  }
}

const RFC3339 = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/**
 * Reads an RFC 3339 time as Vault writes it ("2019-05-14T23:41:52.904927369Z"), also with a zone offset.
 * As in Go, digits after the nanoseconds are dropped and a leap second (":60") is refused.
 *
 * @throws TimeError if it is not such a time, or names a day or hour that does not exist
 */
export function parseTime(text: string): Instant {
  const [, local = '', fraction = '', sign, hours = '0', minutes = '0'] = RFC3339.exec(text) ?? [];
  const ms = local === '' ? NaN : Date.parse(`${local}Z`);
  const [offsetHours, offsetMinutes] = [Number(hours), Number(minutes)];
  // Date reads February 30 as March 2, and hour 24 as the next day.
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(local)) throw new TimeError(text);
  if (offsetHours > 23 || offsetMinutes > 59) throw new TimeError(text);
  const offset = (sign === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60);
  return { seconds: ms / 1000 - offset, nanos: Number(fraction.slice(0, 9).padEnd(9, '0')) };
}

/** The instant of a millisecond clock such as Date.now(). */
export function instantOfMs(ms: number): Instant {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

/** Negative if `a` is earlier than `b`, 0 at the same nanosecond, else positive. */
export function compareInstants(a: Instant, b: Instant): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/** {@link compareInstants} for two RFC 3339 times; their zone offsets may differ. Throws TimeError. */
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

/** A text is not a Go duration. The message does not quote it. */
export class DurationError extends Error {
  override readonly name = 'DurationError';

  constructor(problem: string) {
    super(`${problem}; write a duration such as 500ms, 10s, 1m30s or 2h`);
  }
}

const NANOS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  // As in Go, both characters that look alike: the micro sign and the Greek letter.
  '\u00B5s': 1_000n,
  '\u03BCs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Go counts a duration in 64-bit nanoseconds: about 292 years. */
const MAX_NANOS = 2n ** 63n - 1n;

const PART = /(\d*)(?:\.(\d*))?(ns|us|\u00B5s|\u03BCs|ms|s|m|h)/y;

/** For editors, through the JSON Schema: the form that {@link parseDuration} reads. */
export const DURATION_PATTERN = '^\\+?(0|((\\d+\\.?\\d*|\\.\\d+)(ns|us|\u00B5s|\u03BCs|ms|s|m|h))+)$';

/**
 * Reads a duration as Go's time.ParseDuration does ("1m30s", "1.5h", ".5s", "+5s", "0"). Only a "-" is refused: none of our
 * keys can be negative. Returns milliseconds, with a fraction to the nanosecond.
 *
 * @throws DurationError
 */
export function parseDuration(withSign: string): number {
  const text = withSign.replace(/^\+/, '');
  if (text === '0') return 0;
  if (text === '') throw new DurationError('is empty');
  if (text.startsWith('-')) throw new DurationError('has a "-"');
  if (/^\d+(\.\d*)?$/.test(text)) throw new DurationError(`has no unit${asNanoseconds(text)}`);
  let nanos = 0n;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const [, whole = '', fraction = '', unit = ''] = PART.exec(text) ?? [];
    const nanosPerUnit = NANOS_PER_UNIT[unit];
    if (nanosPerUnit === undefined || whole + fraction === '') throw new DurationError('is not a duration');
    // As Go: a fraction of a nanosecond is dropped.
    nanos += BigInt(whole || '0') * nanosPerUnit;
    nanos += (BigInt(fraction || '0') * nanosPerUnit) / 10n ** BigInt(fraction.length);
    if (nanos > MAX_NANOS) throw new DurationError('is too long');
  }
  return Number(nanos / 1_000_000n) + Number(nanos % 1_000_000n) / 1e6;
}

/** How the original reads a number without a unit; the end of a message. */
export function asNanoseconds(number: number | bigint | string): string {
  const ms = Number(number) / 1e6;
  if (!(ms >= 0)) return '';
  const words = ms > 0 && Number.isFinite(ms) ? `, that is ${formatDuration(ms)}` : '';
  return `; the original vsync reads nanoseconds${words}`;
}

/** Writes milliseconds as {@link parseDuration} reads them, without the zero parts that Go would add: 3600000 is "1h". */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`not a length of time: ${ms}`);
  if (ms < 1000) return ms === 0 ? '0s' : `${decimal(ms)}ms`;
  const parts = {
    h: Math.floor(ms / 3_600_000),
    m: Math.floor((ms % 3_600_000) / 60_000),
    s: (ms % 60_000) / 1000,
  };
  return Object.entries(parts)
    .map(([unit, amount]) => (amount === 0 ? '' : `${decimal(amount)}${unit}`))
    .join('');
}

/** Without an exponent, and without zeros behind the point. */
function decimal(amount: number): string {
  return amount.toFixed(9).replace(/\.?0+$/, '');
}
