import { readAuditLine, type FeedScope } from '../../src/rules/audit-line';
import { CollectedSink } from './collected-sink';

/** Reads each line as a receiver does, and notes only what comes out: "hint value secret/ a", "own-proof", … */
export class ReadingSink extends CollectedSink {
  /** Lines of all kinds. */
  lineCount = 0;

  constructor(private readonly scope: FeedScope) {
    super();
  }

  override line(line: Buffer): void {
    this.lineCount++;
    const result = readAuditLine(line, this.scope);
    if (result.is === 'nothing') return;
    const about = 'rel' in result ? ` ${result.kind} ${result.mount} ${result.rel}` : '';
    this.note(`${result.is}${about}`);
  }

  /** "kind path" of each hint. */
  get hints(): string[] {
    return this.events.flatMap((event) => /^hint (\S+) \S+ (.*)$/.exec(event)?.slice(1).join(' ') ?? []);
  }
}
