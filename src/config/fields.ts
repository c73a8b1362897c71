import { z } from 'zod';
import type { Checked } from './addresses';
import { DURATION_PATTERN, DurationError, parseDuration } from './duration';

/*
 * What the schema is built of. A message says what is wrong and what to do, and never quotes a value: the
 * loader adds the key and where the value came from.
 */

/** What a string, number, … schema says when the value is missing or of another type. */
export function expecting(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? `is missing; give ${what}` : `must be ${what}`) };
}

/**
 * Text that a function turns into its normal form or refuses.
 *
 * @param pattern what the function takes, for the JSON Schema; it refuses nothing here
 */
export function checkedText(
  what: string,
  check: (text: string) => Checked<string>,
  pattern?: string,
): z.ZodType<string, string> {
  const read = z.string(expecting(what));
  return (pattern === undefined ? read : hinted(read, pattern)).transform((text, context) => {
    const checked = check(text);
    if ('value' in checked) return checked.value;
    context.addIssue({ code: 'custom', message: checked.problem });
    return z.NEVER;
  });
}

/** Says in the JSON Schema what a text looks like. The checks, whose messages say what to do, stand elsewhere. */
export function hinted(schema: z.ZodString, pattern: string): z.ZodString {
  return schema.meta({ pattern });
}

/** A Go duration; becomes whole milliseconds, rounded up. */
export function duration(minimumMs: number, minimum: string): z.ZodType<number, string> {
  const read = z.string(expecting('a duration in quotes, such as "10s" or "1m30s"'));
  return read.meta({ duration: true, pattern: DURATION_PATTERN }).transform((text, context) => {
    try {
      const ms = Math.ceil(parseDuration(text));
      if (ms >= minimumMs) return ms;
      context.addIssue({ code: 'custom', message: `must be at least ${minimum}` });
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
    return z.NEVER;
  });
}

/** Text of any kind; `what` is said when it is missing. */
export const text = (what: string): z.ZodString => z.string(expecting(what));
/** Text that must never be shown. */
export const secret = (what: string): z.ZodString => text(what).meta({ secret: true });
export const flag = (): z.ZodBoolean => z.boolean(expecting('true or false'));
