import type net from 'node:net';
import { Listening } from '../network/listening';
import type { Connections } from './connections';
import type { FeedListener, SocketOptions } from './listener';
import { ReasonLog } from '../reason-log';

/**
 * Lets a server listen for a feed. A late begin is a gap.
 *
 * @param key of its address in the configuration
 * @throws UserError as {@link Listening.begin}
 */
export async function listenerOf(
  server: net.Server,
  connections: Connections,
  { key, listen, sink, log }: SocketOptions & { key: string },
): Promise<FeedListener> {
  const onTakenOver = (): void => {
    sink.gap('connection');
  };
  const reasons = new ReasonLog(log);
  server.on('error', (error: NodeJS.ErrnoException) => {
    // Before it listens, the error is the answer of the attempt.
    if (!server.listening) return;
    sink.gap('connection');
    reasons.warn(
      'accept',
      `${key}: a connection could not be taken (${error.code ?? error.name}); let this process have more open files`,
    );
  });
  const listening = await Listening.begin(server, { key, listen, log, onTakenOver });
  return {
    get address() {
      return listening.address;
    },
    close: async () => {
      const stopped = listening.stop();
      connections.close();
      await stopped;
    },
  };
}
