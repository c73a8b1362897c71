import { isIP } from 'node:net';
import { z } from 'zod';
import { expecting, type Checked } from '../config/fields';
import { DurationError, formatDuration, parseDuration } from '../rules/time';
import type { Instance } from './instances/instance';

/* Building blocks of the schema of Syncer's configuration. No message quotes a value. */

/** No time of Syncer is longer. A timer of Node with more than 2^31 ms ends at once. */
const LONGEST_MS = 3_600_000;

/** A time in whole milliseconds: a number as the original writes it, or a Go duration. */
export function milliseconds(minimumMs: number): z.ZodType<number> {
  const what = 'a number of milliseconds, or a duration such as "150ms" or "2s"';
  return z.union([z.number(), z.string()], expecting(what)).transform((given, context) => {
    const checked = readMilliseconds(given);
    const problem = 'problem' in checked ? checked.problem : boundsProblem(checked.value, minimumMs);
    if (problem === undefined && 'value' in checked) return checked.value;
    context.addIssue({ code: 'custom', message: problem ?? `must be ${what}` });
    return z.NEVER;
  });
}

function boundsProblem(ms: number, minimumMs: number): string | undefined {
  if (ms < minimumMs) return `must be at least ${minimumMs} ms`;
  return ms > LONGEST_MS ? `must be at most ${formatDuration(LONGEST_MS)}` : undefined;
}

function readMilliseconds(given: number | string): Checked<number> {
  if (typeof given === 'number' || /^\d+$/.test(given)) {
    const ms = Number(given);
    return Number.isSafeInteger(ms) && ms >= 0 ? { value: ms } : { problem: 'must be a whole number' };
  }
  try {
    return { value: Math.ceil(parseDuration(given)) };
  } catch (error) {
    if (error instanceof DurationError) return { problem: error.message };
    throw error;
  }
}

/** A whole number, also as text: the original writes its port in quotes. */
export function wholeNumber(least: number, most: number): z.ZodType<number> {
  const message = `must be a whole number from ${least} to ${most}`;
  return z
    .union([z.number(), z.string().regex(/^\d+$/, message).transform(Number)], expecting(message.slice(8)))
    .refine((value) => Number.isInteger(value) && value >= least && value <= most, message);
}

export const port = () => wholeNumber(1, 65_535);

/** An address to listen on. Without a host: all addresses of the machine. */
export interface Listen {
  readonly host?: string;
  readonly port: number;
}

/** ":8080", "127.0.0.1:8080", "[::1]:8080", or a port alone. */
export const listen = (): z.ZodType<Listen> =>
  z
    .union([z.number().transform(String), z.string()], expecting('host:port, such as :8080'))
    .transform((given, context) => {
      const place = splitPlace(/^\d+$/.test(given) ? `:${given}` : given, { noHost: true });
      if (place?.port !== undefined) {
        const { address, port } = place;
        return address === '' ? { port } : { host: address, port };
      }
      context.addIssue({
        code: 'custom',
        message: 'must be host:port, such as :8080, 127.0.0.1:8080 or [::1]:8080',
      });
      return z.NEVER;
    });

/** One instance: "10.0.0.1", "10.0.0.1:8443", "pod-1=10.0.0.1:8443", or a section with these as keys. */
export const instance = (): z.ZodType<Instance> =>
  z
    .union(
      [
        z.string(),
        z.strictObject({
          name: z.string(expecting('a name as text')).min(1).optional(),
          address: z.string(expecting('an address')),
          port: port().optional(),
        }),
      ],
      expecting('an address, name=address, or a section with name, address and port'),
    )
    .transform((given, context): Instance => {
      const found = typeof given === 'string' ? instanceOfText(given) : instanceOfSection(given);
      if (found !== undefined && hostInUrl(found.address) !== undefined) return found;
      context.addIssue({
        code: 'custom',
        message:
          found === undefined
            ? 'must be an address, such as 10.0.0.1, 10.0.0.1:8443, [::1]:8443 or pod-1=10.0.0.1'
            : 'must be a whole IP address, such as 10.0.0.1, or a host name: this one is read as another address, or as none',
      });
      return z.NEVER;
    });

/**
 * An address as it is in a URL; undefined if it would be another one there: "10.1" would become 10.0.0.1, which would get
 * the tokens, and 10.0.0.256 is none.
 */
export function hostInUrl(address: string): string | undefined {
  const isIPv6 = isIP(address) === 6;
  const url = URL.parse(`http://${isIPv6 ? `[${address}]` : address}`);
  return isIPv6 || url?.hostname === address.toLowerCase() ? url?.hostname : undefined;
}

function instanceOfText(text: string): Instance | undefined {
  const [, name, rest = ''] = /^(?:([^=]+)=)?(.*)$/.exec(text) ?? [];
  const place = splitPlace(rest);
  return place && { name: name ?? rest.replace(/^\[(.*)\]$/, '$1'), ...place };
}

function instanceOfSection({
  name,
  address,
  port,
}: {
  name?: string | undefined;
  address: string;
  port?: number | undefined;
}): Instance | undefined {
  const place = splitPlace(address);
  if (place === undefined || (place.port !== undefined && port !== undefined)) return undefined;
  return { name: name ?? address, ...place, ...(port === undefined ? {} : { port }) };
}

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9.])?$/;

/** Splits "host:port", "[ipv6]:port" or a host alone. @returns undefined if it is none of them */
function splitPlace(
  text: string,
  { noHost = false } = {},
): { readonly address: string; readonly port?: number } | undefined {
  if (isIP(text) === 6) return { address: text };
  const [, inBrackets, plain = '', digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = inBrackets ?? plain;
  const isHost = inBrackets === undefined ? HOST_NAME.test(plain) : isIP(inBrackets) === 6;
  if (!isHost && !(noHost && address === '' && text !== '')) return undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  return { address, ...(port === undefined ? {} : { port }) };
}

/** Words in the templates of headers. */
const TEMPLATE_WORDS = ['token', 'domain', 'host'];

/** A header's value, in which {token}, {domain} and {host} are replaced. */
export const headerTemplate = (): z.ZodString =>
  z
    .string(expecting('the value of a header as text'))
    .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII without line ends')
    .refine(
      (text) => [...text.matchAll(/\{(\w*)\}/g)].every(([, word = '']) => TEMPLATE_WORDS.includes(word)),
      'has an unknown word in {}; there are {token}, {domain} and {host}',
    );

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const OWN_HEADERS = /^(host|connection|content-length|transfer-encoding|upgrade|expect|cookie)$/i;

export const headerName = (): z.ZodString =>
  z
    .string()
    .regex(HEADER_NAME, 'is not the name of a header')
    .refine(
      (name) => !OWN_HEADERS.test(name),
      'is set by Syncer itself; "host" and "probe.cookie" have keys',
    );

export const cookieName = (): z.ZodString =>
  z.string(expecting('the name of a cookie')).regex(HEADER_NAME, 'is not the name of a cookie');

/** The path of the protected location. A token does not belong there: paths are in access logs. */
export const requestPath = (): z.ZodString =>
  z
    .string(expecting('the path of the protected location, such as /check'))
    .regex(/^\/[\x21-\x7e]*$/, 'must begin with "/", and have no spaces')
    .refine((path) => !path.includes('{'), 'must not have {}: a token in a path would be in access logs')
    .refine((path) => !path.includes('#'), 'must not have a "#"');
