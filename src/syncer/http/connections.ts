import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DRAIN_CHECK_MS, DRAIN_QUIET_MS } from '../limits';

/*
 * The connections of clients, from their first moment. Node's own list begins after the handshake of TLS, and takes a
 * connection that has sent nothing for one with a request: so it can neither close all nor tell the idle ones.
 */
export class Connections {
  private readonly open = new Set<Socket>();
  private requests = 0;
  private isOver = false;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.open.add(socket);
      socket.once('close', () => this.open.delete(socket));
      if (this.isOver) socket.destroy();
    });
  }

  requestBegan(): void {
    this.requests += 1;
  }

  requestEnded(): void {
    this.requests -= 1;
  }

  /**
   * Waits until no request is in progress, or for the time, and closes all connections.
   *
   * @returns whether all requests had their answers
   */
  async drain(withinMs: number): Promise<boolean> {
    const endMs = performance.now() + withinMs;
    let busyAtMs = performance.now();
    while (this.open.size > 0) {
      const nowMs = performance.now();
      if (this.requests > 0) busyAtMs = nowMs;
      // Not at once: a request may be under way.
      if (nowMs >= endMs || nowMs - busyAtMs >= DRAIN_QUIET_MS) break;
      await sleep(DRAIN_CHECK_MS);
    }
    const isDrained = this.requests === 0;
    this.isOver = true;
    for (const socket of this.open) socket.destroy();
    return isDrained;
  }
}
