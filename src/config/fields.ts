import { z } from 'zod';
import { asNanoseconds, DURATION_PATTERN, DurationError, parseDuration } from '../rules/time';
import { MAX_REQUEST_TIMEOUT_MS } from '../limits';

/* Building blocks of the schema. A message never quotes a value. The loader adds the key and the source of the value. */

/** The normal form of a value, or what is wrong with it; a problem does not quote the value. */
export type Checked<T> = { readonly value: T } | { readonly problem: string };

/** The message of a schema for a value that is missing or of another type. */
export function expecting(what: string): { error: (issue: { input?: unknown }) => string } {
  return { error: ({ input }) => (input === undefined ? `is missing; give ${what}` : `must be ${what}`) };
}

/** Text that a function normalizes or refuses. The pattern is for {@link hinted}. */
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

/** Adds a pattern to the JSON Schema. The value itself is checked elsewhere, with messages that say what to do. */
export function hinted(schema: z.ZodString, pattern: string): z.ZodString {
  return schema.meta({ pattern });
}

/** A Go duration. Becomes milliseconds, rounded up to a multiple of `stepMs`. @param minimum `minimumMs`, for the message */
export function duration(minimumMs: number, minimum: string, stepMs = 1): z.ZodType<number, string> {
  const { error } = expecting('a duration in quotes, such as "10s" or "1m30s"');
  const read = z.string({
    error: (issue) => {
      const { input } = issue;
      const isNumber = typeof input === 'number' || typeof input === 'bigint';
      return `${error(issue)}${isNumber ? `: it is a number${asNanoseconds(input)}` : ''}`;
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

/** Timeout of one request to a server, in milliseconds. At least a second: socket timers are that coarse. */
export const requestTimeout = () =>
  duration(1_000, '1s')
    .refine((ms) => ms <= MAX_REQUEST_TIMEOUT_MS, 'must be at most 1h')
    .optional();

export const text = (what: string): z.ZodString => z.string(expecting(what));
export const positive = () => z.int(expecting('a whole number, at least 1')).min(1, 'must be at least 1');
export const flag = (): z.ZodBoolean => z.boolean(expecting('true or false'));

/**
 * A token, or an id to log in with. Blanks and line ends around it come from copying or from a file, and are removed.
 * Inside it they are a mistake: a server would report a wrong token, or nothing. Only ids may contain a space.
 */
const credential = (what: string, allowed: RegExp): z.ZodString =>
  text(what)
    .trim()
    .refine((given) => allowed.test(given), {
      error: ({ input }) =>
        input === ''
          ? 'contains only blanks; copy it again'
          : 'contains a space, a line end or another invalid character; copy it again',
    });

const TOKEN = /^[\x21-\x7e]+$/;
const ID = /^\P{Cc}+$/u;

export const secretToken = (what: string): z.ZodString => credential(what, TOKEN).meta({ secret: true });
export const id = (what: string): z.ZodString => credential(what, ID);
export const secretId = (what: string): z.ZodString => credential(what, ID).meta({ secret: true });

export const pemFile = (what: string) => text('the path of a PEM file').optional().describe(what);

export const tlsKeys = {
  caFile: pemFile("PEM file with the certificate authorities to trust instead of the system's"),
  certFile: pemFile('PEM file with the client certificate; needs keyFile'),
  keyFile: pemFile('PEM file with the key of certFile'),
  serverName: text('a host name')
    .optional()
    .describe('expected name in the certificate of the server, if it is not the host of the address'),
};

/** For `superRefine`: a certificate needs its key, and a key its certificate. */
export function bothOrNone(
  { certFile, keyFile }: { certFile?: string | undefined; keyFile?: string | undefined },
  context: z.core.$RefinementCtx,
): void {
  if ((certFile === undefined) === (keyFile === undefined)) return;
  const path = [certFile === undefined ? 'certFile' : 'keyFile'];
  context.addIssue({ code: 'custom', path, message: 'is missing; give both certFile and keyFile' });
}
