import net from 'node:net';
import { Connections } from '../../src/feed/connections';
import { listenerOf } from '../../src/feed/listening';
import { ReasonLog } from '../../src/reason-log';
import { debugLog } from '../support/collected-log';
import { CollectedSink } from '../support/collected-sink';

const KEY = 'origin.feed.socket.listen';

test('listenerOf takes a connection that cannot be taken for a gap, goes on, and logs it once', async () => {
  const sink = new CollectedSink();
  const { log, lines } = debugLog();
  const connections = new Connections(sink, new ReasonLog(log), KEY);
  const server = net.createServer();
  const listen = { host: '127.0.0.1', port: 0 };
  const listener = await listenerOf(server, connections, { key: KEY, listen, sink, log });
  try {
    // As where the process has no more open files.
    for (let round = 0; round < 2; round++)
      server.emit('error', Object.assign(new Error('accept'), { code: 'EMFILE' }));
    expect(sink.events).toEqual(['gap connection', 'gap connection']);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${KEY}: a connection could not be taken (EMFILE)`);
    expect(server.listening).toBe(true);
  } finally {
    await listener.close();
  }
});
