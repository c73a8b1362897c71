import { once } from 'node:events';
import net from 'node:net';
import { Connections } from '../../src/feed/connections';
import { ReasonLog } from '../../src/reason-log';
import { debugLog } from '../support/collected-log';
import { CollectedSink } from '../support/collected-sink';

const KEY = 'origin.feed.socket.listen';

test('Connections gives each place once, also to several peers that arrive in one turn', async () => {
  const sink = new CollectedSink();
  const connections = new Connections(sink, new ReasonLog(debugLog().log), KEY, 2);
  const [bringing, silent, third, fourth] = Array.from({ length: 4 }, () => new net.Socket());
  const ends: string[] = [];
  const add = (name: string, socket = new net.Socket()): void => {
    connections.add(socket, (broughtLines) => ends.push(`${name} ${broughtLines}`));
  };
  add('bringing', bringing);
  connections.bringsLines(bringing as net.Socket);
  add('silent', silent);
  add('third', third);
  add('fourth', fourth);
  expect([bringing, silent, third, fourth].map((socket) => socket?.destroyed)).toEqual([
    false,
    true,
    true,
    false,
  ]);
  await once(third as net.Socket, 'close');
  expect(ends).toEqual(['silent false', 'third false']);
  const closed = once(bringing as net.Socket, 'close');
  bringing?.destroy();
  await closed;
  expect(ends.at(-1)).toBe('bringing true');
  expect(sink.events).toEqual(['connected 1', 'connected 0']);
  connections.close();
});

test('Connections reports the end of a connection with lines that made room', async () => {
  const sink = new CollectedSink();
  const connections = new Connections(sink, new ReasonLog(debugLog().log), KEY, 1);
  const first = new net.Socket();
  const closed = once(first, 'close');
  const ends: boolean[] = [];
  connections.add(first, (broughtLines) => ends.push(broughtLines));
  connections.bringsLines(first);
  connections.add(new net.Socket());
  await closed;
  expect(ends).toEqual([true]);
  expect(sink.events).toEqual(['connected 1', 'connected 0']);
  connections.close();
});
