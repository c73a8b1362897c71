import { setTimeout as sleep } from 'node:timers/promises';
import { orAborted } from '../concurrency/abort';
import type { Logger } from '../log';
import type { TokenGrant, VaultClient } from './client';
import { VaultError } from './errors';
import { lookupSelf, renewSelf, type TokenLife } from './token';
import {
  FIRST_TOKEN_PAUSE_MS,
  MAX_REFUSED_LOGIN_PAUSE_MS,
  MAX_TIMER_MS,
  MAX_TOKEN_PAUSE_MS,
  TOKEN_WARNING_GAP_MS,
} from '../limits';

/**
 * Keeps the token of one client alive while a worker runs. It renews the token after two thirds of its time. With an
 * AppRole it logs in again where a renewal does not extend the token. If no renewal can extend a configured token, it
 * warns as soon as that is known. Its timers do not keep the process alive.
 */
export class TokenKeeper {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private failures = 0;

  constructor(
    private readonly client: VaultClient,
    /** `section` of the configuration has the token or the AppRole: "origin.vault". */
    private readonly options: { section: string; log: Logger },
  ) {
    this.running = this.keep().catch((error: unknown) => {
      // Only the name: the message of another library's error may hold a token.
      const name = error instanceof Error ? error.name : typeof error;
      this.options.log.error(
        `Vault ${client.address}: unexpected ${name} while renewing the token: it is not renewed any more; restart the worker`,
      );
    });
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async keep(): Promise<void> {
    let plan = await this.persistently(() => this.begin());
    let warnAtMs = 0;
    while (plan !== undefined && !this.isClosed()) {
      const nowMs = Date.now();
      const isToken = this.client.authKind === 'token';
      if (isToken && plan.lastEndMs !== undefined && nowMs >= warnAtMs) {
        if (nowMs >= plan.lastEndMs) {
          this.reportEnded(plan.lastEndMs);
          return;
        }
        this.reportEnd(plan.lastEndMs);
        warnAtMs = nextWarningMs(plan.lastEndMs, nowMs);
      }
      const extendAtMs = isToken && !plan.renewable ? Infinity : dueAtMs(plan);
      if (nowMs >= extendAtMs) {
        const before: TokenPlan = plan;
        plan = await this.persistently(() => this.extend(before));
        continue;
      }
      const nextMs = isToken && plan.lastEndMs !== undefined ? Math.min(warnAtMs, extendAtMs) : extendAtMs;
      await this.pause(Math.min(nextMs - nowMs, MAX_TIMER_MS));
    }
  }

  /** @returns undefined if nothing has to be done, or nothing can be */
  private async begin(): Promise<TokenPlan | undefined> {
    const login = await orAborted(this.client.ensureLogin(), this.stopping.signal);
    if (login !== undefined) return planIfEnds(login);
    try {
      return planIfEnds(await lookupSelf(this.client, this.stopping.signal));
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.warn(
        'the token can neither be looked up nor renewed (403), so its end is unknown: it is dead, or lacks ' +
          `Vault's default policy; put a valid token with that policy into ${this.options.section}.token, and restart the worker`,
      );
      return undefined;
    }
  }

  private async extend(plan: TokenPlan): Promise<TokenPlan | undefined> {
    if (plan.renewable) {
      try {
        const grant = await renewSelf(this.client, plan.grantedMs / 1000, this.stopping.signal);
        this.options.log.debug({ vault: this.client.address, ttlS: grant.ttlS }, 'token renewed');
        return afterRenewal(plan, grant, Date.now());
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    }
    if (this.client.authKind === 'token') return this.afterRefusal(plan);
    const grant = await orAborted(this.client.logInAgain(), this.stopping.signal);
    this.options.log.debug({ vault: this.client.address, ttlS: grant.ttlS }, 'logged in again');
    return planIfEnds(grant);
  }

  /** A renewal of a configured token was refused: the token may not renew itself, or is dead. */
  private async afterRefusal(plan: TokenPlan): Promise<TokenPlan | undefined> {
    try {
      const life = await lookupSelf(this.client, this.stopping.signal);
      return planOf({ ...life, renewable: false }, Date.now());
    } catch (error) {
      if (!isRefused(error)) throw error;
      this.reportEnded(Math.min(plan.endMs, Date.now()));
      return undefined;
    }
  }

  /** Repeats the work until it succeeds or the keeper is closed. */
  private async persistently(work: () => Promise<TokenPlan | undefined>): Promise<TokenPlan | undefined> {
    for (;;) {
      try {
        const plan = await work();
        this.failures = 0;
        return plan;
      } catch (error) {
        if (this.isClosed()) return undefined;
        if (!(error instanceof VaultError)) throw error;
        const refused = isRefused(error);
        if (refused) {
          this.warn(
            `the AppRole of ${this.options.section} cannot log in again (${error.message}); put a valid role_id and ` +
              'secret_id there, and restart the worker',
          );
        } else this.options.log.debug(`renewing the token: ${error.message}; trying again`);
        const mostMs = refused ? MAX_REFUSED_LOGIN_PAUSE_MS : MAX_TOKEN_PAUSE_MS;
        await this.pause(Math.min(mostMs, FIRST_TOKEN_PAUSE_MS * 2 ** this.failures++));
        if (this.isClosed()) return undefined;
      }
    }
  }

  private reportEnd(endMs: number): void {
    const { section } = this.options;
    this.warn(
      `the token of ${section}.token ends at ${new Date(endMs).toISOString()}, and no renewal can extend it: before ` +
        `then, put a new one into ${section}.token and restart the worker. A periodic token or an AppRole does not end`,
    );
  }

  private reportEnded(endMs: number): void {
    const { section } = this.options;
    this.warn(
      `the token of ${section}.token has ended or was revoked (${new Date(endMs).toISOString()}): put a new one into ` +
        `${section}.token and restart the worker; until then its cycles fail`,
    );
  }

  /** A method: the flag changes during a wait, and the compiler would assume that it does not. */
  private isClosed(): boolean {
    return this.stopping.signal.aborted;
  }

  private warn(text: string): void {
    this.options.log.warn({ vault: this.client.address }, `Vault ${this.client.address}: ${text}`);
  }

  private async pause(ms: number): Promise<void> {
    const { signal } = this.stopping;
    await sleep(ms, undefined, { ref: false, signal }).catch(() => undefined);
  }
}

/** Not an outage: Vault refuses, and will refuse again. */
function isRefused(error: unknown): boolean {
  return error instanceof VaultError && (error.status === 403 || error.kind === 'rejected');
}

/** When to renew a token with an end. Times are Unix milliseconds. */
export interface TokenPlan {
  /** When it ends, as far as is known. */
  endMs: number;
  /** Time that it got last. Two thirds of it pass before the next step. */
  grantedMs: number;
  /** A renewal may help; else only a new login, or a new token. */
  renewable: boolean;
  /** When it ends whatever renewals do, if that is known. */
  lastEndMs: number | undefined;
}

/** Vault counts in whole seconds. */
const ROUNDING_MS = 1_000;

/** Plan for a token that was just looked up, or given by a login. */
export function planOf(life: TokenGrant & Partial<TokenLife>, nowMs: number): TokenPlan {
  const endMs = nowMs + life.ttlS * 1000;
  const lastEndMs = life.lastEndS === undefined ? undefined : life.lastEndS * 1000;
  return {
    endMs,
    grantedMs: (life.grantedS ?? life.ttlS) * 1000,
    renewable: life.renewable,
    lastEndMs: life.renewable ? lastEndMs : endMs,
  };
}

function planIfEnds(life: TokenGrant): TokenPlan | undefined {
  return life.ttlS === 0 ? undefined : planOf(life, Date.now());
}

/** Plan after a renewal. One that gave less than it was asked for has reached a max TTL: no other will give more. */
export function afterRenewal(plan: TokenPlan, grant: TokenGrant, nowMs: number): TokenPlan {
  const givenMs = grant.ttlS * 1000;
  const endMs = nowMs + givenMs;
  const isCapped = givenMs + ROUNDING_MS <= plan.grantedMs;
  if (isCapped || !grant.renewable) {
    return { ...plan, endMs, renewable: false, lastEndMs: Math.min(plan.lastEndMs ?? endMs, endMs) };
  }
  return { ...plan, endMs };
}

/** When the next renewal or login is due: after two thirds of the time that the token got. */
export function dueAtMs({ endMs, grantedMs }: TokenPlan): number {
  return endMs - grantedMs / 3;
}

/** When to warn of an end again: after half of the time left, at most once a minute, and at the end. */
export function nextWarningMs(lastEndMs: number, nowMs: number): number {
  return Math.min(lastEndMs, nowMs + Math.max(TOKEN_WARNING_GAP_MS, (lastEndMs - nowMs) / 2));
}
