import { z } from 'zod';
import type { Checked } from './addresses';
import { asNanoseconds, DURATION_PATTERN, DurationError, parseDuration } from '../rules/duration';
import { MAX_REQUEST_TIMEOUT_MS } from '../limits';

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

/**
 * A Go duration; becomes whole milliseconds, rounded up.
 *
 * @param stepMs rounded up to a multiple of it
 */
export function duration(minimumMs: number, minimum: string, stepMs = 1): z.ZodType<number, string> {
  const read = z.string({
    error: ({ input }) => {
      const what = 'a duration in quotes, such as "10s" or "1m30s"';
      if (input === undefined) return `is missing; give ${what}`;
      const isNumber = typeof input === 'number' || typeof input === 'bigint';
      return `must be ${what}${isNumber ? `: it is a number${asNanoseconds(input)}` : ''}`;
    },
  });
  return read.meta({ duration: true, pattern: DURATION_PATTERN }).transform((text, context) => {
    try {
      const ms = Math.ceil(parseDuration(text) / stepMs) * stepMs;
      if (ms >= minimumMs) return ms;
      context.addIssue({ code: 'custom', message: `must be at least ${minimum}` });
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
    }
    return z.NEVER;
  });
}

/** Time for one request to a server, as milliseconds: a second at the least, because the clocks of sockets are that coarse. */
export const requestTimeout = () =>
  duration(1_000, '1s')
    .refine((ms) => ms <= MAX_REQUEST_TIMEOUT_MS, 'must be at most 1h')
    .optional();

/** Text of any kind; `what` is said when it is missing. */
export const text = (what: string): z.ZodString => z.string(expecting(what));
export const flag = (): z.ZodBoolean => z.boolean(expecting('true or false'));

/**
 * Text that a server compares with what it knows: a token, or an id to log in with. Blanks and line ends around it come
 * from copying, or from a file, and are removed. Inside it they are a mistake, which a server would report as a wrong
 * token or not at all.
 *
 * @param allowed a token travels in a header; ids of one's own may hold a space
 */
const credential = (what: string, allowed: RegExp): z.ZodString =>
  text(what)
    .trim()
    .refine((given) => allowed.test(given), {
      error: ({ input }) =>
        input === ''
          ? 'holds nothing but blanks; copy it again'
          : 'holds a space, a line end or another character that cannot be part of it; copy it again',
    });

const TOKEN = /^[\x21-\x7e]+$/;
const ID = /^\P{Cc}+$/u;

/** A token. It must never be shown. */
export const secretToken = (what: string): z.ZodString => credential(what, TOKEN).meta({ secret: true });
export const id = (what: string): z.ZodString => credential(what, ID);
/** An id that must never be shown. */
export const secretId = (what: string): z.ZodString => credential(what, ID).meta({ secret: true });
