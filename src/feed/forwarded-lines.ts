import type { FeedSink } from './listener';

const REQUEST = Buffer.from('"request"');
const OPEN_ARRAY = '['.charCodeAt(0);
/** A shorter text than any audit line: the body with which a sender reports that it lost lines. */
const MAX_REPORT_BYTES = 256;

/**
 * The audit lines in one line of a POST. A program that forwards a log may put each line into an object with the text as
 * `message` (Fluentd, Vector), and several of them into an array. OpenBao's own lines are passed on as they are, unparsed.
 * `{"gap": true}` reports that the sender lost lines.
 */
export function forwardedLines(line: Buffer, sink: Pick<FeedSink, 'line' | 'gap'>): void {
  if (line[0] !== OPEN_ARRAY) {
    forwardedLine(line, sink);
    return;
  }
  const items = parsed(line);
  if (!Array.isArray(items)) sink.gap('unparsable');
  else for (const item of items) forwardedItem(item, sink);
}

function forwardedItem(item: unknown, sink: Pick<FeedSink, 'line' | 'gap'>): void {
  const text = textOf(item);
  if (text === undefined) sink.gap('unparsable');
  else forwardedLine(Buffer.from(text), sink);
}

/** Undefined if it is nested too deeply: JSON.parse takes what JSON.stringify has no stack for. */
function textOf(item: unknown): string | undefined {
  if (typeof item === 'string') return item;
  try {
    return JSON.stringify(item);
  } catch {
    return undefined;
  }
}

function forwardedLine(line: Buffer, sink: Pick<FeedSink, 'line' | 'gap'>): void {
  // Inside of a message each quotation mark has a backslash before it, so that this finds a line as it was written.
  if (line.includes(REQUEST)) {
    sink.line(line);
    return;
  }
  const holder = line.includes('"message"') || line.length <= MAX_REPORT_BYTES ? parsed(line) : undefined;
  const { message, gap } = (holder ?? {}) as { message?: unknown; gap?: unknown };
  if (gap === true) sink.gap('reported');
  else sink.line(typeof message === 'string' ? Buffer.from(message) : line);
}

/** Undefined if it is not JSON; the error could quote the line. */
function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}
