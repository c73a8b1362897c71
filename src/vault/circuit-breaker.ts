import { z } from 'zod';
import {
  FAILURES_BEFORE_HEALTH_CHECK,
  FIRST_HEALTH_PAUSE_MS,
  MAX_HEALTH_PAUSE_MS,
  REMEMBERED_OUTAGES,
} from '../limits';
import { VaultError, type VaultErrorKind } from './errors';
import type { TransportResponse } from './transport';

/** A Vault that cannot serve requests. Times are milliseconds since the epoch. */
export interface Outage {
  kind: VaultErrorKind;
  /** What is wrong with the Vault, and what to do, in words. */
  detail: string;
  sinceMs: number;
  /** Undefined while the outage lasts. */
  untilMs?: number;
}

export type Health = { up: true } | { up: false; kind: VaultErrorKind; detail: string };

/**
 * Decides whether a Vault is down. Failed requests only lead to a health check; only its result is evidence, because a
 * few bad paths that always answer 500 are not an outage. Has no timer and sends nothing: see VaultTraffic.
 */
export class CircuitBreaker {
  private failures = 0;
  private firstFailureMs = 0;
  private checks = 0;
  private readonly outages: Outage[] = [];

  /** Undefined while the Vault is up. */
  get outage(): Outage | undefined {
    const last = this.outages.at(-1);
    return last?.untilMs === undefined ? last : undefined;
  }

  /** A request has failed since the last answer. */
  get isDoubtful(): boolean {
    return this.failures > 0;
  }

  /** A request got no answer, or one that may mean an outage. @returns whether the health has to be checked now */
  failed(nowMs: number): boolean {
    if (this.failures === 0) this.firstFailureMs = nowMs;
    this.failures += 1;
    return this.outage === undefined && this.failures >= FAILURES_BEFORE_HEALTH_CHECK;
  }

  /** A request was answered, whatever the answer was. That does not end an outage: it may have been sent before. */
  answered(): void {
    this.failures = 0;
  }

  /** @returns what a health check has changed: the Vault was found down, or is back */
  judged(health: Health, nowMs: number): 'down' | 'back' | undefined {
    const { outage } = this;
    if (health.up) {
      this.failures = 0;
      this.checks = 0;
      if (outage === undefined) return undefined;
      outage.untilMs = nowMs;
      return 'back';
    }
    const { kind, detail } = health;
    if (outage !== undefined) {
      // A Vault that was stopped is sealed after its start: the present reason is the useful one.
      Object.assign(outage, { kind, detail });
      return undefined;
    }
    this.outages.push({ kind, detail, sinceMs: this.isDoubtful ? this.firstFailureMs : nowMs });
    if (this.outages.length > REMEMBERED_OUTAGES) this.outages.shift();
    return 'down';
  }

  /** Before the next health check. @param random 0 ≤ random < 1: many workers must not check at the same moment */
  nextPauseMs(random: number): number {
    const pauseMs = Math.min(FIRST_HEALTH_PAUSE_MS * 2 ** this.checks++, MAX_HEALTH_PAUSE_MS);
    return Math.max(FIRST_HEALTH_PAUSE_MS, pauseMs * (0.75 + random / 4));
  }

  /** Outages that lasted at that time, or began after it. */
  outagesSince(sinceMs: number): Outage[] {
    return this.outages.filter(({ untilMs }) => untilMs === undefined || untilMs >= sinceMs);
  }
}

/** A standby is up: it forwards requests. The status shows the rest. */
const HEALTH_PATH = 'sys/health?standbyok=true&perfstandbyok=true';

const HealthBody = z.object({ initialized: z.boolean(), sealed: z.boolean(), standby: z.boolean() });
const LeaderBody = z.object({ leader_address: z.string() });

/** Statuses of sys/health other than 200 and 503, from Vault's API documentation. */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  472: 'the Vault is a disaster recovery secondary (472): it serves nothing until it is promoted',
  474: 'the Vault is a standby that cannot reach its active node (474)',
  501: 'the Vault is not initialised (501): run vault operator init',
  530: 'the Vault was removed from its cluster (530)',
};

/** Explains an answer of sys/health that is not 200; undefined if it is not the answer of a Vault. */
export function explainHealth(status: number, body: unknown): string | undefined {
  return HealthBody.safeParse(body).success ? statusWords(status) : undefined;
}

function statusWords(status: number): string {
  return STATUS_WORDS[status] ?? `the Vault is not healthy (${status})`;
}

/**
 * @param ask sends a GET without a token and without a namespace: in Enterprise sys/health is in the root namespace only
 * @returns up also if the health is unknown, for example where a gateway refuses sys/
 * @throws VaultError of kind `cancelled`
 */
export async function askHealth(ask: (path: string) => Promise<TransportResponse>): Promise<Health> {
  try {
    const { statusCode: status, body } = await ask(HEALTH_PATH);
    const health = HealthBody.safeParse(body);
    if (!health.success) {
      const detail = `sys/health is answered with ${status}, but not by a Vault: check the proxy or gateway in between`;
      return status < 500 ? { up: true } : down(detail);
    }
    if (health.data.sealed && health.data.initialized)
      return { up: false, kind: 'sealed', detail: 'the Vault is sealed (503): unseal it' };
    if (status !== 200) return down(statusWords(status));
    return health.data.standby ? await askForLeader(ask) : { up: true };
  } catch (error) {
    if (!(error instanceof VaultError) || error.kind === 'cancelled') throw error;
    return down(error.detail);
  }
}

/** A standby needs an active node to forward requests to. */
async function askForLeader(ask: (path: string) => Promise<TransportResponse>): Promise<Health> {
  const { statusCode, body } = await ask('sys/leader');
  const leader = LeaderBody.safeParse(body);
  if (statusCode !== 200 || !leader.success || leader.data.leader_address !== '') return { up: true };
  return down('the Vault has no active node: it is electing one, or too few of its nodes are up');
}

function down(detail: string): Health {
  return { up: false, kind: 'unavailable', detail };
}
