import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { SyncerConfig } from './config';
import type { Instance, InstanceSource } from './instances/instance';
import type { SyncerMetrics } from './metrics';
import { describeAnswer, type Prober } from './probe';
import { apiPortOf, headersOf, parsed } from './probe-modes';

/*
 * In mode keyval: whether the instances synchronize their zones at all. Asks each for `stream/zone_sync` and for a key that
 * does not exist. Also the place where a wrong zone or version of the API is found before a token is asked for.
 */

/** What one instance reports. */
export interface ZoneSyncRow {
  readonly instance: Instance;
  /** Other nodes that it sees; undefined if it did not answer. */
  readonly nodesOnline?: number;
  /** Records of all zones that it has to send. */
  readonly recordsPending?: number;
  readonly problem?: string;
  /** The problem is a setting, and does not end by waiting. */
  readonly isMisconfigured?: boolean;
}

/** Response of `GET /api/9/stream/zone_sync/`. */
const ZoneSyncSchema = z.object({
  status: z.object({ nodes_online: z.int().min(0) }),
  zones: z.record(z.string(), z.object({ records_pending: z.int().min(0) })).default({}),
});

/** Asks all instances once. */
export async function readZoneSync(
  instances: readonly Instance[],
  config: SyncerConfig,
  prober: Prober,
  signal: AbortSignal,
): Promise<ZoneSyncRow[]> {
  return Promise.all(
    instances.map(async (instance) => {
      const row = await readOne(instance, config, prober, signal);
      if (row.problem !== undefined || row.nodesOnline === instances.length - 1) return row;
      return { ...row, problem: differingNodes(row.nodesOnline, instances.length) };
    }),
  );
}

async function readOne(
  instance: Instance,
  config: SyncerConfig,
  prober: Prober,
  signal: AbortSignal,
): Promise<ZoneSyncRow> {
  const unknown = randomUUID();
  const key = await prober.ask(instance, unknown, signal);
  if (key.kind !== 'absent') {
    const problem = describeAnswer(key, config);
    const isMisconfigured = key.kind === 'refused' && key.problem !== undefined;
    return { instance, problem, isMisconfigured };
  }
  const { apiPath, apiVersion } = config.probe;
  const answer = await prober.send(
    instance,
    apiPortOf(config, instance),
    {
      method: 'GET',
      path: `${apiPath}/${apiVersion}/stream/zone_sync/`,
      // The same as of the question before: the location with "api;" may ask for a password.
      headers: headersOf(config, unknown),
      readsBody: (status) => status === 200,
    },
    signal,
  );
  if ('kind' in answer) return { instance, problem: describeAnswer(answer, config) };
  const found = answer.status === 200 ? parsed(ZoneSyncSchema, answer.body) : undefined;
  if (found === undefined) {
    const problem =
      answer.status === 404
        ? 'zone_sync is not on there (404): add "zone_sync;" and "zone_sync_server" to a stream server, and "sync" to the zone'
        : `stream/zone_sync answers ${answer.status}, in a form that the NGINX Plus API does not have`;
    return { instance, problem, isMisconfigured: answer.status === 404 };
  }
  const pending = Object.values(found.zones).map(({ records_pending: records }) => records);
  return {
    instance,
    nodesOnline: found.status.nodes_online,
    recordsPending: pending.reduce((sum, records) => sum + records, 0),
  };
}

function differingNodes(online: number | undefined, count: number): string {
  return (
    `zone_sync sees ${online ?? 0} other nodes, and ${count - 1} are in the list: unless the gateway is being updated, check ` +
    'zone_sync_server of that instance, and whether the instances reach each other'
  );
}

export interface ZoneSyncOptions {
  readonly config: SyncerConfig;
  readonly source: InstanceSource;
  readonly prober: Prober;
  readonly metrics: SyncerMetrics;
}

/** Asks all instances again and again, in the background. */
export class ZoneSyncWatch {
  private timer: NodeJS.Timeout | undefined;
  private readonly stop = new AbortController();
  /** Those with a problem, in the last check. */
  private found: readonly ZoneSyncRow[] = [];

  constructor(private readonly options: ZoneSyncOptions) {}

  /** Resolves after the first check. */
  async start(): Promise<void> {
    const { config, source, prober } = this.options;
    const { instances } = source.current();
    // A round does so too, but there may be no questions for a long time.
    prober.retain(instances);
    const rows = await readZoneSync(instances, config, prober, this.stop.signal);
    if (this.stop.signal.aborted) return;
    this.note(rows);
    this.timer = setTimeout(() => void this.start(), config.probe.zoneSyncEveryMs);
  }

  close(): void {
    clearTimeout(this.timer);
    this.stop.abort();
  }

  /**
   * What fails readiness: a wrong setting. An instance that is down, and a number of nodes that differs, do not. During a
   * rolling update of the gateway the old pods are nodes too, and the verdicts about the new ones are still right.
   */
  problems(): string[] {
    return this.found.filter(({ isMisconfigured }) => isMisconfigured === true).map(describeRow);
  }

  /** Problems that were found in the last check. */
  warnings(): string[] {
    return this.found.map(describeRow);
  }

  private note(rows: readonly ZoneSyncRow[]): void {
    const { nodesOnline, recordsPending } = this.options.metrics;
    this.found = rows.filter(({ problem }) => problem !== undefined);
    nodesOnline.reset();
    recordsPending.reset();
    for (const row of rows) {
      const { name } = row.instance;
      if (row.nodesOnline !== undefined) nodesOnline.set({ instance: name }, row.nodesOnline);
      if (row.recordsPending !== undefined) recordsPending.set({ instance: name }, row.recordsPending);
    }
  }
}

function describeRow({ instance, problem = '' }: ZoneSyncRow): string {
  return `instance ${instance.name}: ${problem}`;
}
