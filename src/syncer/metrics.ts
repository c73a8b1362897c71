import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { InstanceSource } from './instances/instance';
import type { ProbeAnswer } from './probe';
import { steadyNowMs } from './steady-clock';
import type { Verdict } from './verdict';

/** Why a question had no verdict. */
export type Refusal = 'malformed' | 'no_list' | 'too_many_requests' | 'too_many_probes';

/** From a quick answer of a near instance up to the usual deadlines. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];

/** What the gauges read when they are asked. */
export interface Observed {
  readonly source: InstanceSource;
  readonly probesInFlight: () => number;
}

/**
 * The metrics of one Syncer, in a registry of its own. No label holds a token, a path or a text of a client: their values are
 * words of the code, statuses, and names of instances.
 */
export class SyncerMetrics {
  readonly registry = new Registry();
  private readonly verdicts = this.counter('verdicts_total', 'Verdicts about tokens', ['verdict']);
  private readonly refusals = this.counter('refusals_total', 'Questions without a verdict', ['reason']);
  /** By detail, for each kind. Added to the counter when it is read: its labels cost more than the rest of a probe's end. */
  private readonly answered: Readonly<Record<ProbeAnswer['kind'], Map<string, number>>> = {
    present: new Map(),
    absent: new Map(),
    refused: new Map(),
    failed: new Map(),
  };
  private readonly secretVerdicts = this.counter('secret_verdicts_total', 'Verdicts about secrets', [
    'verdict',
  ]);
  private readonly secretRefusals = this.counter(
    'secret_refusals_total',
    'Questions about secrets that were too many',
  );
  private readonly shared = this.counter('shared_rounds_total', 'Questions that joined a round in progress');
  private readonly verdictSeconds = this.histogram('verdict_seconds', 'Time of one verdict');
  private readonly probeSeconds = this.histogram('probe_seconds', 'Time of one probe');
  readonly nodesOnline = this.gauge('zone_sync_nodes_online', 'Other nodes that an instance sees', [
    'instance',
  ]);
  readonly recordsPending = this.gauge('zone_sync_records_pending', 'Records that an instance has to send', [
    'instance',
  ]);

  /** Set by the route that counts them. */
  requestsInFlight = (): number => 0;

  /** Ends the metrics of the process itself too. */
  close(): void {
    this.registry.clear();
  }

  observe({ source, probesInFlight }: Observed): void {
    collectDefaultMetrics({ register: this.registry });
    this.countProbes();
    this.gauge('instances', 'Instances in the list', [], (gauge) => {
      gauge.set(source.current().instances.length);
    });
    this.gauge('list_age_seconds', 'Age of the list of instances; -1 before the first', [], (gauge) => {
      const { freshAtMs } = source.current();
      gauge.set(freshAtMs === undefined ? -1 : (steadyNowMs() - freshAtMs) / 1000);
    });
    this.gauge('in_flight', 'Questions and probes in progress', ['of'], (gauge) => {
      gauge.set({ of: 'requests' }, this.requestsInFlight());
      gauge.set({ of: 'probes' }, probesInFlight());
    });
  }

  private countProbes(): void {
    const { answered } = this;
    new Counter({
      name: 'syncer_probes_total',
      help: 'Answers of instances to probes',
      labelNames: ['answer', 'detail'],
      registers: [this.registry],
      collect() {
        for (const [answer, counts] of Object.entries(answered)) {
          for (const [detail, count] of counts) this.inc({ answer, detail }, count);
          counts.clear();
        }
      },
    });
  }

  verdict(verdict: Verdict, ms: number): void {
    this.verdicts.inc({ verdict });
    this.verdictSeconds.observe(ms / 1000);
  }

  refusal(reason: Refusal): void {
    this.refusals.inc({ reason });
  }

  secretVerdict(verdict: Verdict): void {
    this.secretVerdicts.inc({ verdict });
  }

  secretRefusal(): void {
    this.secretRefusals.inc();
  }

  joined(): void {
    this.shared.inc();
  }

  probe(answer: ProbeAnswer, ms: number): void {
    const detail = detailOf(answer);
    const counts = this.answered[answer.kind];
    counts.set(detail, (counts.get(detail) ?? 0) + 1);
    this.probeSeconds.observe(ms / 1000);
  }

  private counter<T extends string>(name: string, help: string, labelNames: readonly T[] = []): Counter<T> {
    return new Counter({ name: `syncer_${name}`, help, labelNames, registers: [this.registry] });
  }

  private histogram(name: string, help: string): Histogram {
    return new Histogram({ name: `syncer_${name}`, help, buckets: SECONDS, registers: [this.registry] });
  }

  private gauge<T extends string>(
    name: string,
    help: string,
    labelNames: readonly T[] = [],
    read?: (gauge: Gauge<T>) => void,
  ): Gauge<T> {
    const registers = [this.registry];
    const base = { name: `syncer_${name}`, help, labelNames, registers };
    if (read === undefined) return new Gauge(base);
    return new Gauge({
      ...base,
      collect() {
        read(this);
      },
    });
  }
}

/** What an answer was in one word: the status of a refusal, the reason of a failure. */
export function detailOf(answer: ProbeAnswer): string {
  if (answer.kind === 'refused') return String(answer.status);
  return answer.kind === 'failed' ? answer.reason : '';
}
