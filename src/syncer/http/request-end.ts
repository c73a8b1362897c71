import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';

/** What waits for the end of each connection. One listener for all: a client may pipeline many requests. */
const waiting = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back once: when the answer has been sent, or the connection of its request has closed. The answer alone does not
 * tell: one that waits behind another on the same connection has no socket yet, and never hears that it closed.
 */
export function onRequestEnd(request: FastifyRequest, reply: FastifyReply, ended: () => void): void {
  const { socket } = request.raw;
  const ends = endsOf(socket);
  const end = (): void => {
    reply.raw.off('close', end);
    if (ends.delete(end)) ended();
  };
  ends.add(end);
  reply.raw.once('close', end);
  if (socket.closed) end();
}

/** Aborted when the client goes away before its answer: work for it is then of no use. */
export function goneAway(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  onRequestEnd(request, reply, () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function endsOf(socket: Socket): Set<() => void> {
  const known = waiting.get(socket);
  if (known !== undefined) return known;
  const ends = new Set<() => void>();
  waiting.set(socket, ends);
  socket.once('close', () => {
    for (const end of [...ends]) end();
  });
  return ends;
}
