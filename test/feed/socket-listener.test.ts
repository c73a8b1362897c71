import { once } from 'node:events';
import net from 'node:net';
import { listenSocket } from '../../src/feed/socket-listener';
import type { FeedListener } from '../../src/feed/listener';
import { FEED_CONNECTIONS, LISTEN_RETRY_MS } from '../../src/limits';
import { UserError } from '../../src/errors';
import { debugLog } from '../support/collected-log';
import { CollectedSink } from '../support/collected-sink';

let sink: CollectedSink;
let listener: FeedListener;
let lines: string[];
const clients: net.Socket[] = [];

beforeEach(async () => {
  sink = new CollectedSink();
  const { log, lines: logged } = debugLog();
  lines = logged;
  listener = await listenSocket({ listen: { host: '127.0.0.1', port: 0 }, sink, log });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await listener.close();
});

const portOf = (address: string): number => Number(address.split(':').at(-1));

async function connect(): Promise<net.Socket> {
  const client = net.connect(portOf(listener.address), '127.0.0.1');
  client.on('error', () => undefined);
  clients.push(client);
  await once(client, 'connect');
  return client;
}

test('listenSocket gives each line in order; the first line and the end of a connection are gaps', async () => {
  const client = await connect();
  client.write('{"a":1}\n{"b"');
  await sink.until(({ lines }) => lines.length === 1);
  client.end(':2}\n');
  await sink.until(({ events }) => events.at(-1) === 'gap connection');
  expect(sink.events).toEqual([
    'connected 1',
    'gap connection',
    'line {"a":1}',
    'line {"b":2}',
    'connected 0',
    'gap connection',
  ]);
});

test('listenSocket takes a connection without a line for a health check: no gap', async () => {
  const check = await connect();
  check.end();
  await once(check, 'close');
  const client = await connect();
  client.write('line\n');
  await sink.until(({ lines }) => lines.length === 1);
  expect(sink.events).toEqual(['connected 1', 'gap connection', 'line line']);
});

test('listenSocket reports half a line at the end as a gap, also without a whole one', async () => {
  const client = await connect();
  client.end('{"half":');
  await sink.until(({ events }) => events.length > 0);
  expect(sink.events).toEqual(['gap unparsable']);
});

test('listenSocket skips a line of 10 MB as one gap, and keeps the connection', async () => {
  const client = await connect();
  client.write(`${'x'.repeat(10_000_000)}\nnext\n`);
  await sink.until(({ lines }) => lines.length === 1);
  expect(sink.events).toEqual(['gap too-long', 'connected 1', 'gap connection', 'line next']);
});

test('listenSocket counts the connections that bring lines', async () => {
  const [first, second] = [await connect(), await connect()];
  first.write('a\n');
  await sink.until(({ lines }) => lines.length === 1);
  second.write('b\n');
  await sink.until(({ lines }) => lines.length === 2);
  first.destroy();
  await sink.until((events) => events.count('gap connection') === 3);
  expect(sink.events.filter((event) => event.startsWith('connected'))).toEqual([
    'connected 1',
    'connected 2',
    'connected 1',
  ]);
});

test('listenSocket answers nothing to a peer that is not a Vault, and logs nothing that it sent', async () => {
  const client = await connect();
  let answered = 0;
  client.on('data', (bytes: Buffer) => (answered += bytes.length));
  client.write('GET /planted-73190248561 HTTP/1.1\r\nHost: x\r\n\r\n');
  await sink.until(({ lines }) => lines.length === 3);
  client.write(Buffer.from([0, 1, 2, 255, 10]));
  client.end();
  await once(client, 'close');
  expect(sink.lines[0]).toBe('GET /planted-73190248561 HTTP/1.1\r');
  expect({ answered, logged: lines.join('\n').includes('73190248561') }).toEqual({
    answered: 0,
    logged: false,
  });
});

test('listenSocket reads on while its process is busy: a writer is never held up for good', async () => {
  const client = await connect();
  const line = `${'x'.repeat(999)}\n`;
  for (let sent = 0; sent < 20_000; sent++) client.write(line);
  client.end();
  await sink.until(({ events }) => events.at(-1) === 'gap connection');
  expect(sink.lines).toHaveLength(20_000);
});

test('listenSocket gives the place of a silent peer to a new one, and logs that once', async () => {
  for (let number = 0; number < FEED_CONNECTIONS; number++) await connect();
  const silent = clients[1];
  clients[0]?.write('first\n');
  await sink.until(({ lines }) => lines.length === 1);
  const late = await connect();
  late.write('late\n');
  await sink.until(({ lines }) => lines.length === 2);
  if (silent?.closed === false) await once(silent, 'close');
  await connect();
  expect(sink.count('connected 2')).toBe(1);
  expect(clients[0]?.closed).toBe(false);
  const warnings = lines.filter((line) => line.includes('connections; one was closed'));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('origin.feed.socket.listen');
});

test('listenSocket reports nothing of connections that it closes itself', async () => {
  const client = await connect();
  client.write('a\n');
  await sink.until(({ lines }) => lines.length === 1);
  await Promise.all([listener.close(), once(client, 'close')]);
  expect(sink.events).toEqual(['connected 1', 'gap connection', 'line a']);
});

test('listenSocket waits for an address that another process has, and takes over when it is free', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
  try {
    const { log, lines: logged } = debugLog();
    const listen = { host: '127.0.0.1', port: portOf(listener.address) };
    const later = new CollectedSink();
    const second = await listenSocket({ listen, sink: later, log });
    expect(second.address).toBe(listener.address);
    jest.advanceTimersByTime(LISTEN_RETRY_MS);
    await listener.close();
    for (let round = 0; round < 100 && logged.length < 2; round++) {
      jest.advanceTimersByTime(LISTEN_RETRY_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
    listener = second;
    const client = await connect();
    client.write('taken over\n');
    await later.until(({ lines }) => lines.length === 1);
    expect(logged.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      `origin.feed.socket.listen: another process listens on ${second.address}; this one takes over when the address is free`,
      `origin.feed.socket.listen: listens on ${second.address} now`,
    ]);
  } finally {
    jest.useRealTimers();
  }
});

test('listenSocket refuses an address that this machine does not have, and names the key', async () => {
  const { log } = debugLog();
  const listen = { host: '192.0.2.1', port: 18_210 };
  const failure = await listenSocket({ listen, sink, log }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(UserError);
  expect((failure as Error).message).toBe(
    'origin.feed.socket.listen: cannot listen on 192.0.2.1:18210 (EADDRNOTAVAIL); give an address of this machine and a port that this user may use',
  );
});
