import { once } from 'node:events';
import net from 'node:net';

/** Sends GET requests on one connection without waiting for the answers. */
export async function pipelined(
  address: string,
  path: string,
  headers: readonly Readonly<Record<string, string>>[],
): Promise<net.Socket> {
  const socket = net.connect(Number(new URL(address).port), '127.0.0.1');
  // A test resets it.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const requests = headers.map((each) => {
    const lines = Object.entries(each).map(([name, value]) => `${name}: ${value}\r\n`);
    return `GET ${path} HTTP/1.1\r\nHost: syncer\r\n${lines.join('')}\r\n`;
  });
  socket.write(requests.join(''));
  return socket;
}
