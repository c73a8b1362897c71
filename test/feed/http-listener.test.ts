import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { listenHttp } from '../../src/feed/http-listener';
import type { FeedListener, HttpOptions } from '../../src/feed/listener';
import { LISTEN_RETRY_MS } from '../../src/limits';
import { readTls } from '../../src/tls';
import { makeCertificates } from '../support/certificates';
import { debugLog } from '../support/collected-log';
import { CollectedSink } from '../support/collected-sink';

const TOKEN = 'planted-token-of-the-feed';
const TICK_MS = 180_000;
const ALLOWED = { authorization: `Bearer ${TOKEN}` };

let sink: CollectedSink;
let listener: FeedListener;
let logged: string[];

async function start(options: Partial<HttpOptions> = {}): Promise<void> {
  sink = new CollectedSink();
  const { log, lines } = debugLog();
  logged = lines;
  listener = await listenHttp({
    listen: { host: '127.0.0.1', port: 0 },
    token: TOKEN,
    sink,
    tickMs: TICK_MS,
    log,
    ...options,
  });
}

beforeEach(() => start());
afterEach(() => listener.close());

const portOf = (address: string): number => Number(address.split(':').at(-1));

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

async function send({ method = 'POST', headers = ALLOWED, body = '' }: Sent): Promise<number> {
  const { status } = await fetch(`http://${listener.address}/any/path`, {
    method,
    headers,
    ...(method === 'POST' ? { body } : {}),
  });
  return status;
}

/** Without the one that the first line is. */
function gaps(): string[] {
  const isFirst = (at: number): boolean =>
    sink.events.findIndex((event) => event.startsWith('line')) === at + 1;
  return sink.events.filter((event, at) => event.startsWith('gap') && !isFirst(at));
}

const audit = (id: number): string => JSON.stringify({ type: 'response', request: { id: String(id) } });

test.each<[what: string, body: string, lines: string[]]>([
  ['one line', `${audit(1)}\n`, [audit(1)]],
  ['one object without a line end', audit(1), [audit(1)]],
  ['many lines', `${audit(1)}\n\n${audit(2)}\r\n${audit(3)}`, [audit(1), `${audit(2)}\r`, audit(3)]],
  ['an array of objects', JSON.stringify([JSON.parse(audit(1)), JSON.parse(audit(2))]), [audit(1), audit(2)]],
  ['an array of texts', JSON.stringify([audit(1), audit(2)]), [audit(1), audit(2)]],
  ['objects with the line as message', JSON.stringify({ host: 'x', message: audit(1) }), [audit(1)]],
  [
    'an array of such objects',
    JSON.stringify([{ message: audit(1) }, { message: audit(2) }]),
    [audit(1), audit(2)],
  ],
  ['no line', '', []],
])('listenHttp takes %s, and answers 204 when all are taken', async (_what, body, lines) => {
  expect(await send({ body })).toBe(204);
  expect(sink.lines).toEqual(lines);
  expect(gaps()).toEqual([]);
});

test.each<[what: string, body: string, gap: string]>([
  ['a report of lost lines', '{"gap": true}', 'gap reported'],
  ['an array that is not JSON', `[${audit(1)},`, 'gap unparsable'],
  ['a line of 10 MB', 'x'.repeat(10_000_000), 'gap too-long'],
  ['an array that is nested too deeply', '['.repeat(100_000) + ']'.repeat(100_000), 'gap unparsable'],
])('listenHttp answers 204 to %s, and reports a gap', async (_what, body, gap) => {
  expect(await send({ body })).toBe(204);
  expect(gaps()).toEqual([gap]);
});

test('listenHttp passes on what is not an audit line, for the reader of lines to decide', async () => {
  expect(await send({ body: 'garbage\n{"message":5}\nnull\n' })).toBe(204);
  expect(sink.lines).toEqual(['garbage', '{"message":5}', 'null']);
});

test.each<[what: string, headers: Record<string, string>]>([
  ['without a token', {}],
  ['with another token', { authorization: 'Bearer planted-token-of-the-feeD' }],
  ['with an empty token', { authorization: 'Bearer ' }],
  ['with another scheme', { authorization: `Basic ${TOKEN}` }],
])(
  'listenHttp answers 401 to a request %s; it takes nothing, counts no gap, and logs it once',
  async (_what, headers) => {
    for (let round = 0; round < 3; round++) expect(await send({ headers, body: `${audit(1)}\n` })).toBe(401);
    expect(sink.events).toEqual([]);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain('origin.feed.http.token');
    expect(logged[0]).not.toContain('planted');
  },
);

test('listenHttp answers 405 to another method, and 415 with a gap to a compressed body', async () => {
  expect(await send({ method: 'GET' })).toBe(405);
  expect(sink.events).toEqual([]);
  expect(await send({ headers: { ...ALLOWED, 'content-encoding': 'gzip' }, body: 'x' })).toBe(415);
  expect(sink.events).toEqual(['gap unparsable']);
});

test('listenHttp reports a request that ends early as a gap, and takes its whole lines', async () => {
  const { hostname, port } = new URL(`http://${listener.address}`);
  const request = http.request({ host: hostname, port, method: 'POST', headers: ALLOWED });
  request.on('error', () => undefined);
  request.write(`${audit(1)}\n{"half":`);
  await sink.until(({ lines }) => lines.length === 1);
  request.destroy();
  await sink.until((events) => events.count('gap connection') === 2);
  expect(sink.lines).toEqual([audit(1)]);
});

test('listenHttp takes hundreds of connections at the same time, as OpenBao opens them', async () => {
  const { hostname, port } = new URL(`http://${listener.address}`);
  const requests = Array.from({ length: 300 }, () => {
    const request = http.request({ host: hostname, port, method: 'POST', headers: ALLOWED, agent: false });
    request.flushHeaders();
    return request;
  });
  await Promise.all(requests.map((request) => once(request, 'socket')));
  const statuses = requests.map(async (request, at) => {
    request.end(audit(at));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    return response.statusCode;
  });
  expect(await Promise.all(statuses)).toEqual(Array(300).fill(204));
  expect(sink.lines).toHaveLength(300);
  expect(gaps()).toEqual([]);
});

test('listenHttp counts connections that bring lines, and takes their end for no gap', async () => {
  const agent = new http.Agent({ keepAlive: true });
  const { hostname, port } = new URL(`http://${listener.address}`);
  for (let round = 0; round < 2; round++) {
    const request = http.request({ host: hostname, port, method: 'POST', headers: ALLOWED, agent });
    request.end(audit(round));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'close');
    // The agent takes a socket back after the answer has ended.
    await new Promise((resolve) => setImmediate(resolve));
  }
  agent.destroy();
  await sink.until(({ events }) => events.includes('connected 0'));
  expect(sink.events).toEqual([
    'connected 1',
    'gap connection',
    `line ${audit(0)}`,
    `line ${audit(1)}`,
    'connected 0',
  ]);
});

test('listenHttp takes the first line for a gap: before it, lines went to another process or to none', async () => {
  expect(await send({ body: `${audit(1)}\n${audit(2)}\n` })).toBe(204);
  expect(await send({ body: audit(3) })).toBe(204);
  expect(sink.events.filter((event) => !event.startsWith('connected'))).toEqual([
    'gap connection',
    `line ${audit(1)}`,
    `line ${audit(2)}`,
    `line ${audit(3)}`,
  ]);
});

test.each<[what: string, tickMs: number, silenceMs: number, expected: string[]]>([
  ['no gap: two ticks', 180_000, 360_000, []],
  ['a gap: more than two ticks', 180_000, 360_001, ['gap connection']],
  ['no gap: two minutes, with a short tick', 1_000, 120_000, []],
  ['a gap: more than two minutes, with a short tick', 1_000, 120_001, ['gap connection']],
])('listenHttp takes a line after a silence for %s', async (_what, tickMs, silenceMs, expected) => {
  await listener.close();
  const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000);
  try {
    await start({ tickMs });
    await send({ body: audit(1) });
    // The silence begins with the last line.
    now.mockReturnValue(1_100_000);
    await send({ body: audit(2) });
    now.mockReturnValue(1_100_000 + silenceMs);
    await send({ body: audit(3) });
    await send({ body: audit(4) });
    expect(sink.lines).toHaveLength(4);
    expect(gaps()).toEqual(expected);
  } finally {
    now.mockRestore();
  }
});

test('listenHttp reports a gap when it takes an address over: until then, POSTs were refused', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
  try {
    const { hostname, port } = new URL(`http://${listener.address}`);
    const later = new CollectedSink();
    const { log } = debugLog();
    const listen = { host: hostname, port: Number(port) };
    const second = await listenHttp({ listen, token: TOKEN, sink: later, tickMs: TICK_MS, log });
    expect(later.events).toEqual([]);
    await listener.close();
    listener = second;
    for (let round = 0; round < 100 && later.events.length === 0; round++) {
      jest.advanceTimersByTime(LISTEN_RETRY_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(later.events).toEqual(['gap connection']);
  } finally {
    jest.useRealTimers();
  }
});

describe('with a certificate, listenHttp', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-feed-'));
  let certificates: Awaited<ReturnType<typeof makeCertificates>>;

  beforeAll(async () => {
    certificates = await makeCertificates(folder);
  });
  beforeEach(async () => {
    await listener.close();
    await start({ tls: readTls(certificates.server, 'origin.feed.http') });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Sends a line over TLS. @returns the status */
  async function sendOverTls(): Promise<number | undefined> {
    const { hostname, port } = new URL(`https://${listener.address}`);
    const { caFile, serverName } = certificates;
    const options = { host: hostname, port, servername: serverName, ca: readFileSync(caFile), agent: false };
    const request = https.request({ ...options, method: 'POST', headers: ALLOWED });
    request.end(audit(1));
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    return response.statusCode;
  }

  test('serves TLS, and counts its connections', async () => {
    expect(await sendOverTls()).toBe(204);
    await sink.until(({ events }) => events.includes('connected 0'));
    expect(sink.events).toEqual(['connected 1', 'gap connection', `line ${audit(1)}`, 'connected 0']);
  });

  test('ends without waiting for a peer that never begins TLS', async () => {
    const silent = net.connect(portOf(listener.address), '127.0.0.1');
    await once(silent, 'connect');
    // The listener takes connections in their order.
    await sendOverTls();
    const closed = listener.close().then(() => 'closed');
    // The time for a handshake would end the connection too, 10 s later.
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, 'late').unref());
    expect(await Promise.race([closed, late])).toBe('closed');
  });
});
