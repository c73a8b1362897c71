import type net from 'node:net';
import { FEED_CONNECTIONS, FEED_KEEP_ALIVE_MS } from '../limits';
import type { ReasonLog } from '../reason-log';
import type { FeedSink } from './listener';

/**
 * The open connections of one listener, and which of them bring lines. A new one over the limit takes the place of the
 * oldest that has brought no line: peers that only connect cannot keep a Vault out.
 */
export class Connections {
  private readonly open = new Set<net.Socket>();
  private readonly bringing = new Set<net.Socket>();
  private readonly unsecured = new Set<net.Socket>();
  private isClosed = false;

  constructor(
    private readonly sink: Pick<FeedSink, 'connected'>,
    private readonly reasons: ReasonLog,
    /** Of the configuration, for messages. */
    private readonly key: string,
    private readonly most = FEED_CONNECTIONS,
  ) {}

  /** @param onEnd its end, with whether it brought lines; not called when the listener itself closes */
  add(socket: net.Socket, onEnd?: (broughtLines: boolean) => void): void {
    if (this.open.size >= this.most) this.makeRoom();
    this.open.add(socket);
    // A peer whose machine is gone sends no end.
    socket.setKeepAlive(true, FEED_KEEP_ALIVE_MS);
    // The end follows; its text may quote what was sent.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.open.delete(socket);
      const broughtLines = this.bringing.delete(socket);
      if (this.isClosed) return;
      if (broughtLines) this.sink.connected(this.bringing.size);
      onEnd?.(broughtLines);
    });
  }

  /** A line has come. @returns whether it is the first one of this connection */
  bringsLines(socket: net.Socket): boolean {
    if (this.bringing.has(socket)) return false;
    this.bringing.add(socket);
    this.sink.connected(this.bringing.size);
    return true;
  }

  /** One without TLS yet. It counts when its handshake is done, and holds up no end until then. */
  addUnsecured(socket: net.Socket): void {
    this.unsecured.add(socket);
    socket.once('close', () => this.unsecured.delete(socket));
  }

  /** Ends all of them. Nothing is reported from now on. */
  close(): void {
    this.isClosed = true;
    for (const socket of [...this.open, ...this.unsecured]) socket.destroy();
  }

  private makeRoom(): void {
    const idle = [...this.open].find((socket) => !this.bringing.has(socket));
    const victim = idle ?? [...this.open][0];
    this.reasons.warn(
      'connections',
      `${this.key}: more than ${this.most} connections; one was closed. Let only the audit devices of the Vault connect`,
    );
    if (victim === undefined) return;
    // At once: its end is reported later, and until then the next peer would be given the same place.
    this.open.delete(victim);
    victim.destroy();
  }
}
