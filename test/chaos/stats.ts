import type { Outcome } from '../../src/contract/cycle';

/** Counts what a test did, for its summary. */
export class Stats {
  private readonly counts = new Map<string, number>();

  fault(where: string, kind: string): void {
    this.count(`fault ${kind}`);
    this.count(`fault at ${where}`);
  }

  cycle(role: string, outcome: Outcome): void {
    this.count(`cycle of ${role}: ${outcome}`);
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** The sum of all counts whose name begins like this. */
  of(prefix: string): number {
    const matching = [...this.counts].filter(([what]) => what.startsWith(prefix));
    return matching.reduce((sum, [, count]) => sum + count, 0);
  }

  toString(): string {
    const lines = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines.map(([what, count]) => `  ${what}: ${count}`).join('\n');
  }
}
