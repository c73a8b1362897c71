import Fastify, { type FastifyBaseLogger, type FastifyInstance, type RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { TlsOptions } from '../../tls';
import {
  CLIENT_IDLE_MS,
  REQUEST_CHECK_MS,
  REQUEST_HEADER_BYTES,
  REQUEST_HEADERS_MS,
  RETRY_AFTER_S,
} from '../limits';
import { Connections } from './connections';
import { onRequestEnd } from './request-end';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether a shutdown has begun. */
    stopping: { now: boolean };
    connections: Connections;
  }
}

/** Routes are added to it with zod schemas, from which the OpenAPI document is made too. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The body of every answer that is not a success. */
export const ErrorBody = z
  .object({
    error: z.string().describe('what kind of error it is, in one word'),
    message: z.string().describe('what happened, and what to do'),
  })
  .meta({ description: 'Not answered: the reason is in the body' });

/** An answer that is not a success. Its message is fixed text: it quotes nothing of the request. */
export class HttpError extends Error {
  /** @param retry tells the client to come back: with `Retry-After` */
  constructor(
    readonly statusCode: 400 | 404 | 429 | 500 | 503,
    readonly error: string,
    message: string,
    readonly retry = false,
  ) {
    super(message);
  }
}

/**
 * The HTTP server without routes. Fastify's own logs, errors and its page for unknown routes are all replaced: each quotes
 * URLs, headers or bytes of the request, where a token can be.
 *
 * @param onError gets an error that is not expected
 */
export function createApp(tls: TlsOptions | undefined, onError: (error: unknown) => void): App {
  const http = {
    maxHeaderSize: REQUEST_HEADER_BYTES,
    headersTimeout: REQUEST_HEADERS_MS,
    connectionsCheckingInterval: REQUEST_CHECK_MS,
  };
  const app = Fastify({
    // Fastify does not use the key http with TLS.
    ...(tls === undefined ? { http } : { https: { ...http, ...tls, handshakeTimeout: REQUEST_HEADERS_MS } }),
    logger: false,
    // Its own answer has neither our body nor Retry-After.
    return503OnClosing: false,
    keepAliveTimeout: CLIENT_IDLE_MS,
    requestTimeout: REQUEST_HEADERS_MS,
    bodyLimit: 1_024,
    clientErrorHandler: refuseRequest,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  const stopping = { now: false };
  app.decorate('stopping', stopping);
  countRequests(app);
  // Fastify says so only to requests that arrive later: the connection of an earlier one would stay open.
  app.addHook('onSend', async (_request, reply) => {
    if (stopping.now) reply.header('connection', 'close');
    return Promise.resolve();
  });
  app.setNotFoundHandler(async (_request, reply) => {
    const message = 'there is no such route; "/" lists them';
    return reply.code(404).send({ error: 'NotFound', message });
  });
  app.setErrorHandler(async (error, _request, reply) => {
    const known = error instanceof HttpError ? error : (malformed(error) ?? unexpected());
    if (known.statusCode === 500) onError(error);
    if (known.retry) reply.header('retry-after', RETRY_AFTER_S);
    return reply.code(known.statusCode).send({ error: known.error, message: known.message });
  });
  return app.withTypeProvider<ZodTypeProvider>();
}

/** Of all routes, for the shutdown. */
function countRequests(app: FastifyInstance): void {
  const connections = new Connections(app.server);
  app.decorate('connections', connections);
  app.addHook('onRequest', (request, reply, done) => {
    connections.requestBegan();
    onRequestEnd(request, reply, () => {
      connections.requestEnded();
    });
    done();
  });
}

/** Answers what Node's parser refuses, and closes the connection. */
function refuseRequest(error: { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
}

/** A header or parameter that its schema refuses. The messages are ours, and quote no value. */
function malformed(error: unknown): HttpError | undefined {
  const { validation, statusCode } = error as {
    validation?: readonly { readonly instancePath: string; readonly message?: string }[];
    statusCode?: number;
  };
  if (validation !== undefined) {
    const problems = validation.map(({ instancePath, message = '' }) =>
      instancePath.length < 2 ? message : `${titleOf(instancePath.slice(1))}: ${message}`,
    );
    return new HttpError(400, 'BadRequest', problems.join('; '));
  }
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined;
  return new HttpError(400, 'BadRequest', 'the request is not one that this route takes; "/" describes it');
}

/** "x-auth-token" as it is usually written. */
function titleOf(name: string): string {
  return name.startsWith('x-') ? name.replace(/\b\w/g, (letter) => letter.toUpperCase()) : name;
}

function unexpected(): HttpError {
  return new HttpError(500, 'Internal', 'an error that is not expected; the log of Syncer has it');
}
