import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { VaultClient } from '../vault/client';

/** The requests of the syncs to their Vaults. */
export class RequestMetrics {
  private readonly requests: Counter;
  private readonly durations: Histogram;
  private readonly watched: { sync: string; client: VaultClient }[] = [];

  constructor(registry: Registry) {
    const { watched } = this;
    const registers = [registry];
    this.requests = new Counter({
      name: 'vsync_vault_requests_total',
      help: 'Requests to a Vault, by HTTP status (none: no answer)',
      labelNames: ['sync', 'vault', 'op', 'code'],
      registers,
    });
    this.durations = new Histogram({
      name: 'vsync_vault_request_duration_seconds',
      help: 'Time of a request to a Vault, without the wait in the request queue',
      labelNames: ['sync', 'vault', 'op'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60],
      registers,
    });
    new Gauge({
      name: 'vsync_vault_concurrency',
      help: 'Requests to a Vault that may be in flight now',
      labelNames: ['sync', 'vault'],
      registers,
      collect() {
        for (const { sync, client } of watched)
          this.set({ sync, vault: client.address }, client.requestsAtOnce);
      },
    });
  }

  watch(sync: string, client: VaultClient): void {
    this.watched.push({ sync, client });
    client.onRequest = ({ op, status, latencyMs }) => {
      const labels = { sync, vault: client.address, op };
      this.requests.inc({ ...labels, code: status === undefined ? 'none' : String(status) });
      this.durations.observe(labels, latencyMs / 1000);
    };
  }
}
