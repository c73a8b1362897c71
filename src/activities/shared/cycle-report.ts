import type {
  Counts,
  CycleReport,
  PathFailure,
  ReportOutagesInput,
  ReportOutagesResult,
} from '../../contract/cycle';
import type { PathClass } from '../../contract/failures';
import { MAX_FAILURES, MAX_FAILURE_CHARACTERS, MAX_NOTED_OUTAGES } from '../../limits';
import type { Kv2 } from '../../vault/kv2';
import { describeOutage } from '../../vault/traffic';

/** Collects what an activity did. */
export class CycleReportBuilder {
  private readonly counts: Partial<Counts> = {};
  private readonly failures: CycleReport['failures'] = [];
  private named = 0;
  /** Number of secrets dealt with so far, for the heartbeat. */
  progress = 0;

  count(what: keyof Counts, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
    this.progress += by;
  }

  /** Records a path that went wrong, as `failed` or `unknown`. */
  fail(
    path: string,
    failureClass: PathClass,
    as: 'failed' | 'unknown' = 'failed',
    where: Pick<PathFailure, 'at' | 'to'> = {},
  ): void {
    this.count(as);
    this.name({ path, class: failureClass, ...where });
  }

  /** Records a secret that is not copied because of another path. */
  refuse(path: string, why: PathClass, other: string): void {
    this.count('failed');
    this.name({ path, class: why, with: other });
  }

  /** Names a path of which an operator should know, also if nothing went wrong. */
  note(path: string, what: PathClass): void {
    this.name({ path, class: what });
  }

  private name(failure: PathFailure): void {
    const { path, to = '', with: other = '' } = failure;
    this.named += path.length + to.length + other.length;
    const fits = this.named <= MAX_FAILURE_CHARACTERS || this.failures.length === 0;
    if (this.failures.length >= MAX_FAILURES || !fits) return;
    this.failures.push(failure);
  }

  result(): CycleReport {
    return { counts: this.counts, failures: this.failures };
  }
}

/** Which Vaults were down since a time, in words, as far as this worker has noticed. Asks nothing. */
export function reportOutages(vaults: readonly Kv2[], { sinceMs }: ReportOutagesInput): ReportOutagesResult {
  const clients = new Map(vaults.map(({ client }) => [client.address, client]));
  const outages = [...clients.values()].flatMap((client) =>
    client.outagesSince(sinceMs).map((outage) => ({ address: client.address, outage })),
  );
  outages.sort((a, b) => a.outage.sinceMs - b.outage.sinceMs);
  return {
    v: 1,
    outages: outages.slice(-MAX_NOTED_OUTAGES).map(({ address, outage }) => describeOutage(address, outage)),
  };
}
