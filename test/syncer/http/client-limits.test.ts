import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { RunningSyncer } from './running-syncer';

jest.mock('../../../src/syncer/limits', () => ({
  ...jest.requireActual<object>('../../../src/syncer/limits'),
  // Shorter than a test may take, and longer than a slow machine needs for a few connections.
  REQUEST_HEADERS_MS: 2_000,
  CONNECTIONS_PER_QUESTION: 2,
  SPARE_CONNECTIONS: 1,
}));

let syncer: RunningSyncer;

beforeEach(async () => {
  syncer = await RunningSyncer.start(1, { maxInFlight: { requests: 1, probes: 10 } });
});
afterEach(async () => {
  await syncer.close();
});

async function connect(): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(syncer.address).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

describe('the limits for clients', () => {
  it('closes a connection whose headers do not end, soon after their time', async () => {
    const socket = await connect();
    socket.write('GET /health HTTP/1.1\r\nHost: ');
    await expect(text(socket)).resolves.toMatch(/^HTTP\/1\.1 408 /);
  });

  it('closes connections that are too many', async () => {
    const held = [await connect(), await connect(), await connect()];
    await expect(text(await connect())).resolves.toBe('');
    for (const socket of held) socket.destroy();
  });
});
