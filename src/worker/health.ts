import type { Clients } from '../activities/clients';
import { withinMs } from '../concurrency/abort';
import { ExplainedError } from '../errors';
import { METRICS_REFRESH_MS, METRICS_TIMEOUT_MS } from '../limits';

/** What a cycle of one sync needs, and why it could not run now. */
export interface Problem {
  readonly sync: string;
  readonly role: string;
  readonly dependency: 'temporal' | 'consul' | 'origin vault' | 'destination vault';
  /** RFC 3339. When this process noticed it. */
  readonly since: string;
  readonly reason: string;
}

/** A sync, and whether its Temporal answers. */
export interface Dependencies {
  readonly clients: Clients;
  readonly askTemporal: () => Promise<unknown>;
}

type Question = (signal: AbortSignal) => Promise<unknown>;

/** Whether cycles could run, for `/readyz`. Asks each server at most once in METRICS_REFRESH_MS. */
export class Health {
  private readonly checks: Check[] = [];
  /** Syncs that have not begun: their Vault or Consul is away. */
  private readonly waiting = new Map<string, Problem>();

  waits(problem: Problem): void {
    this.waiting.set(`${problem.role} ${problem.sync}`, problem);
  }

  add({ clients, askTemporal }: Dependencies): void {
    const { role, deps } = clients;
    const { name: sync } = deps.config;
    this.waiting.delete(`${role} ${sync}`);
    const check = (dependency: Problem['dependency'], ask: Question): void => {
      this.checks.push(new Check({ sync, role, dependency }, ask));
    };
    check('temporal', askTemporal);
    check('consul', async (signal) => {
      await deps.info.readIndex(signal);
      if (role === 'destination') await deps.originInfo.readIndex(signal);
    });
    check(`${role} vault`, (signal) => deps.vault.clusterId(signal));
    if (role === 'destination') check('origin vault', (signal) => deps.originVault.clusterId(signal));
  }

  /** @returns nothing if a cycle of each sync could run */
  async problems(): Promise<Problem[]> {
    const found = await Promise.all(this.checks.map((check) => check.problem()));
    return [...this.waiting.values(), ...found.filter((problem) => problem !== undefined)];
  }
}

class Check {
  private askedMs = -Infinity;
  private answer: Promise<Problem | undefined> = Promise.resolve(undefined);
  private since: string | undefined;

  constructor(
    private readonly what: Pick<Problem, 'sync' | 'role' | 'dependency'>,
    private readonly ask: Question,
  ) {}

  problem(): Promise<Problem | undefined> {
    const nowMs = performance.now();
    if (nowMs >= this.askedMs + METRICS_REFRESH_MS) {
      this.askedMs = nowMs;
      this.answer = this.find();
    }
    return this.answer;
  }

  private async find(): Promise<Problem | undefined> {
    const { signal: never } = new AbortController();
    try {
      await withinMs(METRICS_TIMEOUT_MS, never, this.ask);
      this.since = undefined;
      return undefined;
    } catch (error) {
      this.since ??= new Date().toISOString();
      // Of a foreign error only the name: its message may hold a secret.
      const name = error instanceof Error ? error.name : typeof error;
      const reason = error instanceof ExplainedError ? error.message : `does not answer (${name})`;
      return { ...this.what, since: this.since, reason };
    }
  }
}
