import { FEED_HEAD_BYTES, FEED_LINE_BYTES } from '../limits';

const LINE_END = 0x0a;
/** First size of the buffer for the beginning of a line whose end has not arrived. It doubles. */
const FIRST_HELD_BYTES = 4 * 1024;
/**
 * The operations whose lines change nothing. Lines of listings and reads are the ones that get this long: a full scan of
 * a folder with 100,000 names must not lead to the next scan. Forwarders may add a blank.
 */
const CHANGES_NOTHING = /"operation":\s?"(?:list|read|scan)"/;
/** Several lines in one, of which the first says nothing about the others. */
const IS_ARRAY = /^\s*\[/;

/**
 * Cuts a stream into lines. The part of a line that has arrived is copied once, into one buffer that grows up to the
 * longest line: a peer that sends single bytes costs no more memory than one that sends lines. A longer line is skipped
 * to its end without being kept.
 */
export class LineSplitter {
  private held = Buffer.alloc(0);
  private heldBytes = 0;
  /** Inside a line that is too long. */
  private isSkipping = false;

  /**
   * @param onLine without the line end; the buffer is valid during the call only. Empty lines are left out
   * @param onGap a line was lost, because it was too long or had no end
   */
  constructor(
    private readonly onLine: (line: Buffer) => void,
    private readonly onGap: (why: 'too-long' | 'unparsable') => void,
    private readonly maxBytes = FEED_LINE_BYTES,
  ) {}

  push(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, from)) {
      this.endLine(chunk.subarray(from, end));
      from = end + 1;
    }
    if (from < chunk.length) this.keep(chunk.subarray(from));
  }

  /** The stream has ended. What remains is half a line. */
  end(): void {
    const isHalf = this.heldBytes > 0;
    this.forget();
    this.isSkipping = false;
    if (isHalf) this.onGap('unparsable');
  }

  /** The same, for a stream whose last line needs no line end. */
  endOfBody(): void {
    if (!this.isSkipping) this.endLine(Buffer.alloc(0));
    this.end();
  }

  private endLine(rest: Buffer): void {
    if (this.isSkipping) {
      this.isSkipping = false;
      return;
    }
    if (this.heldBytes === 0 && rest.length <= this.maxBytes) {
      if (rest.length > 0) this.onLine(rest);
      return;
    }
    if (!this.keep(rest)) {
      this.isSkipping = false;
      return;
    }
    const line = this.held.subarray(0, this.heldBytes);
    this.heldBytes = 0;
    this.onLine(line);
    // The buffer stays as long as its connection, and a line may hold numbers of a value.
    line.fill(0);
    if (this.held.length > FEED_HEAD_BYTES) this.forget();
  }

  /** @returns false if the line is skipped */
  private keep(bytes: Buffer): boolean {
    if (this.isSkipping) return false;
    const whole = this.heldBytes + bytes.length;
    if (whole > this.maxBytes) {
      this.skip(bytes);
      return false;
    }
    if (whole > this.held.length) this.grow(whole);
    bytes.copy(this.held, this.heldBytes);
    this.heldBytes = whole;
    return true;
  }

  private skip(bytes: Buffer): void {
    const held = this.held.subarray(0, Math.min(this.heldBytes, FEED_HEAD_BYTES));
    const head = Buffer.concat([held, bytes.subarray(0, FEED_HEAD_BYTES - held.length)]);
    this.forget();
    this.isSkipping = true;
    const text = head.toString('latin1');
    if (IS_ARRAY.test(text) || !CHANGES_NOTHING.test(text)) this.onGap('too-long');
  }

  private grow(atLeast: number): void {
    let size = Math.max(this.held.length, FIRST_HELD_BYTES);
    while (size < atLeast) size *= 2;
    const grown = Buffer.allocUnsafeSlow(Math.min(size, this.maxBytes));
    this.held.copy(grown, 0, 0, this.heldBytes);
    this.held = grown;
  }

  private forget(): void {
    this.held = Buffer.alloc(0);
    this.heldBytes = 0;
  }
}
