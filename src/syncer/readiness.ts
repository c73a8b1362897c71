/** One part of Syncer that can keep it from answering. */
export interface ReadinessPart {
  /** Why it cannot answer now. */
  readonly problems: () => readonly string[];
  /** What an operator should know although it can answer. */
  readonly warnings?: () => readonly string[];
}

/** Whether this Syncer can answer, by what its parts report. */
export class Readiness {
  private isStopping = false;

  constructor(private readonly parts: readonly ReadinessPart[]) {}

  /** From now on it is not ready: a shutdown has begun. */
  stop(): void {
    this.isStopping = true;
  }

  state(): { problems: string[]; warnings: string[] } {
    const found = this.parts.flatMap(({ problems }) => problems());
    return {
      problems: this.isStopping ? ['it is stopping', ...found] : found,
      warnings: this.parts.flatMap(({ warnings }) => warnings?.() ?? []),
    };
  }
}
