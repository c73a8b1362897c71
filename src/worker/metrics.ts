import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Clients } from '../activities/clients';
import type { DestinationDeps } from '../activities/destination/base/deps';
import { destinationLag } from '../activities/destination/lag';
import { withinMs } from '../concurrency/abort';
import { ExplainedError } from '../errors';
import { METRICS_REFRESH_MS, METRICS_TIMEOUT_MS } from '../limits';
import type { Lag } from '../sync-info/lag';
import { readDestinationState } from '../sync-info/state';
import type { VaultClient } from '../vault/client';
import { onCycleEnd } from './cycle-ends';
import { Health } from './health';
import { CycleMetrics } from './metrics-cycles';
import { RequestMetrics } from './metrics-requests';

/** What Consul holds about a destination. */
interface Standing {
  /** Absent if it is unknown now. */
  readonly lag?: Lag | undefined;
  /** Deletes that wait for an approval. Absent if it is unknown now. */
  readonly held?: number;
}

/**
 * The metrics of a worker process, in a registry of its own. No label holds a path or a text of a server: they are names of
 * syncs and addresses of Vaults. What is unknown at the moment has no sample.
 */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly health = new Health();
  /** No further cycle is counted. */
  readonly close: () => void;

  private readonly destinations: Asked[] = [];
  private readonly vaults: VaultClient[] = [];
  private readonly cycles = new CycleMetrics(this.registry);
  private readonly requests = new RequestMetrics(this.registry);

  constructor(syncs: readonly Clients[] = []) {
    for (const sync of syncs) this.add(sync);
    this.close = onCycleEnd((end) => {
      this.cycles.ended(end);
    });
    collectDefaultMetrics({ register: this.registry });
    const { destinations } = this;
    const gauge = (name: string, help: string, of: (standing: Standing) => number | undefined): void => {
      new Gauge({
        name,
        help,
        labelNames: ['sync'],
        registers: [this.registry],
        async collect() {
          const standings = await Promise.all(destinations.map((destination) => destination.standing()));
          this.reset();
          for (const [at, standing] of standings.entries()) {
            const value = of(standing);
            if (value !== undefined) this.set({ sync: destinations[at]?.name ?? '' }, value);
          }
        },
      });
    };
    gauge(
      'vsync_replication_lag_seconds',
      'Age of the oldest change that the origin has published and the destination has not claimed',
      ({ lag }) => lag && lag.ms / 1000,
    );
    gauge(
      'vsync_secrets_behind',
      'Secrets of the origin that the destination has not claimed in their published version',
      ({ lag }) => lag?.secrets,
    );
    gauge('vsync_deletes_held', 'Deletes that wait for vsync approve', ({ held }) => held);
    this.showVaults();
  }

  /** From now on they are about this sync too. */
  add(sync: Clients): void {
    const { name } = sync.deps.config;
    this.cycles.add(sync.deps.config);
    this.requests.watch(name, sync.deps.vault.client);
    if (sync.role === 'destination') {
      this.destinations.push(new Asked(sync.deps));
      this.vaults.push(sync.deps.originVault.client);
      this.requests.watch(name, sync.deps.originVault.client);
    }
    this.vaults.push(sync.deps.vault.client);
  }

  private showVaults(): void {
    const { vaults } = this;
    new Gauge({
      name: 'vsync_vault_up',
      help: 'Whether a Vault serves requests: 1, or 0 during an outage',
      labelNames: ['vault'],
      registers: [this.registry],
      collect() {
        for (const vault of vaults) {
          const isDown = vault.outagesSince(Infinity).length > 0;
          this.set({ vault: vault.address }, isDown ? 0 : 1);
        }
      },
    });
  }
}

/** Asks Consul at most once in METRICS_REFRESH_MS, however often the metrics are read. */
class Asked {
  private askedMs = -Infinity;
  private answer: Promise<Standing> = Promise.resolve({});

  constructor(private readonly deps: DestinationDeps) {}

  get name(): string {
    return this.deps.config.name;
  }

  standing(): Promise<Standing> {
    const nowMs = performance.now();
    if (nowMs >= this.askedMs + METRICS_REFRESH_MS) {
      this.askedMs = nowMs;
      this.answer = this.ask();
    }
    return this.answer;
  }

  private async ask(): Promise<Standing> {
    const { signal: never } = new AbortController();
    try {
      return await withinMs(METRICS_TIMEOUT_MS, never, async (signal) => {
        const { state } = await readDestinationState(this.deps.info, signal);
        return { held: state?.held?.count ?? 0, lag: await destinationLag(this.deps, state, signal) };
      });
    } catch (error) {
      // Also an answer that is too late.
      if (error instanceof ExplainedError) return {};
      throw error;
    }
  }
}
