import fc from 'fast-check';
import { LineSplitter } from '../../src/feed/line-splitter';
import { FEED_LINE_BYTES } from '../../src/limits';

const MIB = 1024 * 1024;

/** What a splitter makes of these chunks. */
function split(chunks: readonly (string | Buffer)[], maxBytes?: number): { lines: string[]; gaps: string[] } {
  const lines: string[] = [];
  const gaps: string[] = [];
  const splitter = new LineSplitter(
    (line) => void lines.push(line.toString('latin1')),
    (why) => void gaps.push(why),
    maxBytes,
  );
  for (const chunk of chunks) splitter.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk);
  splitter.end();
  return { lines, gaps };
}

/** Cuts at these places. */
function cut(text: string, places: readonly number[]): string[] {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

const streams = fc.array(fc.string({ unit: fc.constantFrom('a', '"', '{', '\n', '\r'), maxLength: 40 }), {
  maxLength: 20,
});

test('LineSplitter gives the same lines and gaps wherever the stream is cut', () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat(), { maxLength: 30 }), (parts, places) => {
      const text = parts.join('\n');
      const whole = split([text], 16);
      expect(split(cut(text, places), 16)).toEqual(whole);
      expect(split(text.split(''), 16)).toEqual(whole);
    }),
  );
});

test('LineSplitter gives each line with an end once, in order, without empty ones; half a line is a gap', () => {
  fc.assert(
    fc.property(streams, (parts) => {
      const all = parts.join('\n').split('\n');
      const half = all.at(-1);
      const { lines, gaps } = split([parts.join('\n')]);
      expect(lines).toEqual(all.slice(0, -1).filter((line) => line !== ''));
      expect(gaps).toEqual(half === '' ? [] : ['unparsable']);
    }),
  );
});

test('LineSplitter skips a line over 8 MiB as one gap, and goes on with the next line', () => {
  const chunks = [...Array.from({ length: 10 }, () => Buffer.alloc(MIB, 'x')), '\nnext\n'];
  expect(split(chunks)).toEqual({ lines: ['next'], gaps: ['too-long'] });
  expect(split([Buffer.alloc(FEED_LINE_BYTES, 'x'), '\n'])).toMatchObject({ gaps: [] });
  expect(split([Buffer.alloc(FEED_LINE_BYTES + 1, 'x'), '\n'])).toEqual({ lines: [], gaps: ['too-long'] });
});

test.each([
  ['list', []],
  ['read', []],
  ['scan', []],
  ['update', ['too-long']],
])('LineSplitter skips a line over 8 MiB with the operation %s; gaps: %j', (operation, gaps) => {
  const head = `{"auth":{},"request":{"id":"1","operation":"${operation}"},"response":{"data":"`;
  const chunks = [head, ...Array.from({ length: 10 }, () => Buffer.alloc(MIB, 'x')), '"}}\nnext\n'];
  expect(split(chunks)).toEqual({ lines: ['next'], gaps });
});

test('LineSplitter takes an array over 8 MiB for a gap, whatever its first item is about', () => {
  const head = '[{"request":{"id":"1","operation":"read"}},';
  const body = Buffer.alloc(FEED_LINE_BYTES, 'x');
  expect(split([head, body, ']\nnext\n'])).toEqual({ lines: ['next'], gaps: ['too-long'] });
  expect(split([`\t ${head}`, body, ']\n'])).toEqual({ lines: [], gaps: ['too-long'] });
});

test('LineSplitter looks for the operation in the first 64 KiB only', () => {
  const chunks = ['x'.repeat(70_000), '"operation":"list"', Buffer.alloc(FEED_LINE_BYTES, 'x'), '\n'];
  expect(split(chunks)).toEqual({ lines: [], gaps: ['too-long'] });
});

test('LineSplitter holds at most one line of the longest length, whatever the size of the chunks', () => {
  const splitter = new LineSplitter(
    () => undefined,
    () => undefined,
    100_000,
  );
  const held = (): number => (splitter as unknown as { held: Buffer }).held.length;
  for (let sent = 0; sent < 100_000; sent++) splitter.push(Buffer.from('x'));
  expect(held()).toBe(100_000);
  splitter.push(Buffer.from('x'));
  expect(held()).toBe(0);
});

test('LineSplitter keeps nothing of a line that it has passed on, which may hold numbers of a value', () => {
  const splitter = new LineSplitter(
    () => undefined,
    () => undefined,
  );
  const held = (): Buffer => (splitter as unknown as { held: Buffer }).held;
  const line = '{"pin":12345678}';
  splitter.push(Buffer.from(line));
  expect(held().subarray(0, line.length).toString('latin1')).toBe(line);
  splitter.push(Buffer.from('\n'));
  // What follows the line was never set: it is whatever the process had there.
  expect(held().subarray(0, line.length)).toEqual(Buffer.alloc(line.length));
});

test('LineSplitter.endOfBody takes a last line without an end', () => {
  const lines: string[] = [];
  const gaps: string[] = [];
  const splitter = new LineSplitter(
    (line) => void lines.push(line.toString()),
    (why) => void gaps.push(why),
  );
  for (const chunk of ['a\nb', 'c']) splitter.push(Buffer.from(chunk));
  splitter.endOfBody();
  expect({ lines, gaps }).toEqual({ lines: ['a', 'bc'], gaps: [] });
});
