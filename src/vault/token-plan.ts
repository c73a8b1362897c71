import { TOKEN_WARNING_GAP_MS } from '../limits';

/** A token with an end. Times are Unix milliseconds. */
export interface TokenPlan {
  /** When it ends, as far as is known. */
  endMs: number;
  /** What it was given last, in milliseconds: two thirds of it are used before the next step. */
  grantedMs: number;
  /** Whether a renewal is worth a try; else only a new login, or a new token, helps. */
  renewable: boolean;
  /** When it ends whatever renewals do, if that is known. */
  lastEndMs: number | undefined;
}

/** Vault counts in whole seconds. */
const ROUNDING_MS = 1_000;

/** Plan for a token that was just looked up, or given by a login. */
export function planOf(
  life: { ttlS: number; grantedS?: number; renewable: boolean; lastEndS?: number | undefined },
  nowMs: number,
): TokenPlan {
  const endMs = nowMs + life.ttlS * 1000;
  const lastEndMs = life.lastEndS === undefined ? undefined : life.lastEndS * 1000;
  return {
    endMs,
    grantedMs: (life.grantedS ?? life.ttlS) * 1000,
    renewable: life.renewable,
    lastEndMs: life.renewable ? lastEndMs : endMs,
  };
}

/** Plan after a renewal. One that gave less than was asked for has met a max TTL: no other will give more. */
export function afterRenewal(
  plan: TokenPlan,
  grant: { ttlS: number; renewable: boolean },
  nowMs: number,
): TokenPlan {
  const givenMs = grant.ttlS * 1000;
  const endMs = nowMs + givenMs;
  const isCapped = givenMs + ROUNDING_MS <= plan.grantedMs;
  if (isCapped || !grant.renewable) {
    return { ...plan, endMs, renewable: false, lastEndMs: Math.min(plan.lastEndMs ?? endMs, endMs) };
  }
  return { ...plan, endMs };
}

/** When the next renewal or login is due: at two thirds of what the token was given. */
export function dueAtMs({ endMs, grantedMs }: TokenPlan): number {
  return endMs - grantedMs / 3;
}

/** When to warn again of an end: at half of what is left, and never more often than each minute, but at the end. */
export function nextWarningMs(lastEndMs: number, nowMs: number): number {
  return Math.min(lastEndMs, nowMs + Math.max(TOKEN_WARNING_GAP_MS, (lastEndMs - nowMs) / 2));
}
