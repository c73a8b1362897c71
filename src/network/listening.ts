import type net from 'node:net';
import { UserError } from '../errors';
import { LISTEN_RETRY_MS } from '../limits';
import type { Logger } from '../log';

/** An address to listen on. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** The place of a listener in the configuration, for messages, and its log. */
interface Place {
  key: string;
  listen: Listen;
  log: Logger;
  /** It listens later than it began to try. What was sent in between was refused, or went to a process that has ended. */
  onTakenOver?: () => void;
}

/**
 * A server that listens, or will as soon as its port is free. If another process has the port, as with a second worker on
 * one machine, it tries again every few seconds: what is sent arrives at the other worker until that one ends.
 */
export class Listening {
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  private constructor(
    private readonly server: net.Server,
    private readonly place: Place,
  ) {}

  /** @throws UserError if this machine does not have the address, or does not allow the port */
  static async begin(server: net.Server, place: Place): Promise<Listening> {
    const listening = new Listening(server, place);
    if (await listening.listens()) return listening;
    const { key, listen, log } = place;
    log.warn(
      `${key}: another process listens on ${textOf(listen)}; this one takes over when the address is free`,
    );
    listening.tryAgain();
    return listening;
  }

  /** Where it listens, as host:port. */
  get address(): string {
    const { host, port } = this.place.listen;
    const bound = this.server.address();
    return textOf({ host, port: bound !== null && typeof bound === 'object' ? bound.port : port });
  }

  /** Ends when the open connections have ended, which are the caller's. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    if (!this.server.listening) return;
    await new Promise((resolve) => this.server.close(resolve));
  }

  private tryAgain(): void {
    const { key, listen, log, onTakenOver } = this.place;
    const again = async (): Promise<void> => {
      const listens = await this.listens();
      if (this.isStopped) this.server.close();
      else if (listens) {
        log.info(`${key}: listens on ${textOf(listen)} now`);
        onTakenOver?.();
      } else this.tryAgain();
    };
    this.retry = setTimeout(() => {
      again().catch((error: unknown) => {
        log.error(error instanceof UserError ? error.message : `${key}: cannot listen on ${textOf(listen)}`);
      });
    }, LISTEN_RETRY_MS).unref();
  }

  /** False if another process has the address. */
  private async listens(): Promise<boolean> {
    const { key, listen } = this.place;
    const failure = await listenOnce(this.server, listen);
    if (failure === undefined) return true;
    if (failure.code === 'EADDRINUSE') return false;
    throw new UserError(
      `${key}: cannot listen on ${textOf(listen)} (${failure.code ?? failure.name}); give an address of this machine ` +
        'and a port that this user may use',
    );
  }
}

/** @returns why it does not listen; undefined if it does */
export function listenOnce(
  server: net.Server,
  { host, port }: Listen,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.removeListener('listening', onListening);
      resolve(error);
    };
    const onListening = (): void => {
      server.removeListener('error', onError);
      resolve(undefined);
    };
    server.once('error', onError).once('listening', onListening);
    server.listen({ host, port });
  });
}

/** "127.0.0.1:8210", "[::1]:8210" */
export function textOf({ host, port }: Listen): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
