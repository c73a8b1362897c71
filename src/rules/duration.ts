/** A text is not a Go duration. The message contains the problem and an example, and does not quote the text. */
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
 * keys can be negative.
 *
 * @returns milliseconds, with a fraction to the nanosecond
 * @throws DurationError with what is wrong, without the text
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

/**
 * Writes a duration as {@link parseDuration} reads it, without the zero parts that Go would add: 3600000 is "1h".
 *
 * @param ms milliseconds, not negative; a fraction is kept to the nanosecond
 */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`not a length of time: ${ms}`);
  if (ms < 1000) return ms === 0 ? '0s' : `${decimal(ms)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1000;
  return [
    [hours, 'h'],
    [minutes, 'm'],
    [seconds, 's'],
  ]
    .filter(([amount]) => amount !== 0)
    .map(([amount, unit]) => `${decimal(Number(amount))}${String(unit)}`)
    .join('');
}

/** Without an exponent, and without zeros behind the point. */
function decimal(amount: number): string {
  return amount.toFixed(9).replace(/\.?0+$/, '');
}
