import { Agent } from 'undici';
import { createApp, type App } from '../../../src/syncer/http/app';
import { goneAway, onRequestEnd } from '../../../src/syncer/http/request-end';

let app: App;
let client: Agent;

beforeEach(() => {
  app = createApp(undefined, () => undefined);
  client = new Agent({ connections: 1 });
});
afterEach(async () => {
  await client.close();
  await app.close();
});

describe('the end of a request', () => {
  it('is told once for each request of a connection, and leaves no listener on it', async () => {
    const listeners: number[] = [];
    const sockets = new Set<unknown>();
    const signals: AbortSignal[] = [];
    let ends = 0;
    app.get('/', (request, reply) => {
      const { socket } = request.raw;
      onRequestEnd(request, reply, () => (ends += 1));
      signals.push(goneAway(request, reply));
      sockets.add(socket);
      listeners.push(socket.listenerCount('close'));
      return reply.send('ok');
    });
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    for (let sent = 0; sent < 20; sent += 1) {
      const { body } = await client.request({ origin, path: '/', method: 'GET' });
      await body.text();
    }
    expect([sockets.size, ends, new Set(listeners).size]).toEqual([1, 20, 1]);
    expect(signals.some(({ aborted }) => aborted)).toBe(false);
  });
});
