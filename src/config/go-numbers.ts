/*
 * Numbers as Go reads and prints them: the original vsync turns text into numbers, and numbers into text, by these
 * rules (spf13/cast 1.3 over strconv).
 */

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

const INTEGER =
  /^([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]((?:_?[0-7])+)|0((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/;

/**
 * Reads an integer as strconv.ParseInt(text, 0, 64) does: "017" is 15, "0x10" is 16, "0b11" is 3, "1_000" is 1000.
 *
 * @returns undefined if the text is not one, or needs more than 64 bits
 */
export function goInteger(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (!match) return undefined;
  const [, sign, hex, binary, octal, oldOctal, decimal] = match;
  const digits = (part: string): string => part.replaceAll('_', '');
  const literal =
    hex !== undefined
      ? `0x${digits(hex)}`
      : binary !== undefined
        ? `0b${digits(binary)}`
        : (octal ?? oldOctal) !== undefined
          ? `0o${digits(octal ?? oldOctal ?? '')}`
          : digits(decimal ?? '');
  const value = sign === '-' ? -BigInt(literal) : BigInt(literal);
  return value < MIN_INT64 || value > MAX_INT64 ? undefined : value;
}

/** As a number if that loses nothing. */
export function plainNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Writes a number as text as strconv.FormatFloat(value, 'f', -1, 64) does: all digits, no exponent. */
export function goText(value: number | bigint): string {
  // JSON has a zero with a sign.
  const text = Object.is(value, -0) ? '-0' : String(value);
  const match = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}
