import type { SyncerConfig } from './config';
import { MAX_TOKEN_LENGTH } from './limits';

/** A cookie's value, which has no space, quote, comma, semicolon or backslash (RFC 6265). */
const COOKIE_TOKEN = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;
const TOKEN = /^[\x21-\x7e]+$/;

/** Why a token cannot be sent to instances; undefined if it can. The text does not quote it. */
export function tokenProblem(token: string, mode: SyncerConfig['probe']['mode']): string | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return `has more than ${MAX_TOKEN_LENGTH} characters`;
  if (mode === 'cookie')
    return COOKIE_TOKEN.test(token)
      ? undefined
      : 'must be a value that a cookie can have: visible ASCII without quotes, commas, semicolons and backslashes';
  return TOKEN.test(token) ? undefined : 'must be visible ASCII without spaces';
}
