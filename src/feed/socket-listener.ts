import net from 'node:net';
import { Connections } from './connections';
import { LineSplitter } from './line-splitter';
import type { FeedListener, SocketOptions } from './listener';
import { listenerOf } from './listening';
import { ReasonLog } from '../reason-log';

const KEY = 'origin.feed.socket.listen';

/**
 * Listens for the audit device `socket` of Vault and OpenBao: JSON lines over TCP. The device waits until its line is
 * taken, and every request waits for the device. So what arrives is read at once, always: no pause, no await, and nothing
 * in between that could wait. Nothing is ever sent back.
 *
 * The device keeps no line and connects again at the next one. The end of a connection and the first line of a new one
 * are therefore gaps: lines may have been lost before both. A connection without a line is a health check, and is neither.
 */
export async function listenSocket({ listen, sink, log }: SocketOptions): Promise<FeedListener> {
  const connections = new Connections(sink, new ReasonLog(log), KEY);
  const server = net.createServer((socket) => {
    const lines = new LineSplitter(
      (line) => {
        // Before the line, which may be the proof that lines arrive.
        if (connections.bringsLines(socket)) sink.gap('connection');
        sink.line(line);
      },
      (why) => {
        sink.gap(why);
      },
    );
    connections.add(socket, (broughtLines) => {
      lines.end();
      if (broughtLines) sink.gap('connection');
    });
    socket.on('data', (chunk: Buffer) => {
      lines.push(chunk);
    });
  });
  return listenerOf(server, connections, { key: KEY, listen, sink, log });
}
