import { createHash, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import type net from 'node:net';
import { FEED_HEAD_TIMEOUT_MS, FEED_IDLE_MS, FEED_POST_CONNECTIONS, FEED_POST_TIMEOUT_MS } from '../limits';
import { Connections } from './connections';
import { forwardedLines } from './forwarded-lines';
import { LineSplitter } from './line-splitter';
import type { FeedListener, FeedSink, HttpOptions } from './listener';
import { listenerOf } from './listening';
import { ReasonLog } from '../reason-log';

const KEY = 'origin.feed.http';

const TIMES = {
  headersTimeout: FEED_HEAD_TIMEOUT_MS,
  handshakeTimeout: FEED_HEAD_TIMEOUT_MS,
  requestTimeout: FEED_POST_TIMEOUT_MS,
  keepAliveTimeout: FEED_IDLE_MS,
};

/**
 * Listens for audit lines by POST: OpenBao's audit device `http` sends one line each, Fluentd or Vector send many. OpenBao
 * waits for the answer with every request, so a body is cut into lines while it arrives, and the answer has no body.
 *
 * The end of a connection is not a gap, a request that ends early is one, and a line after a silence ({@link
 * afterSilence}). On plain `node:http`, because a framework would hold the body and limit its size.
 */
export async function listenHttp({ tls, ...options }: HttpOptions): Promise<FeedListener> {
  const { listen, token, log } = options;
  const sink = afterSilence(options);
  const reasons = new ReasonLog(log);
  const connections = new Connections(sink, reasons, `${KEY}.listen`, FEED_POST_CONNECTIONS);
  const isAllowed = bearerCheck(token);
  const take: http.RequestListener = (request, response) => {
    const refusal = refusalOf(request, isAllowed, sink);
    if (refusal === undefined) receive(request, response, sink, connections);
    else {
      reasons.warn(`status ${refusal.status}`, `${KEY}: ${refusal.text}`);
      refuse(request, response, refusal);
    }
  };
  const server =
    tls === undefined
      ? http.createServer(TIMES, take)
      : https.createServer({ ...TIMES, cert: tls.cert, key: tls.key }, take);
  // The socket that requests name, which is not the TCP one with TLS.
  server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: net.Socket) => {
    connections.add(socket);
  });
  if (tls !== undefined)
    server.on('connection', (socket: net.Socket) => {
      connections.addUnsecured(socket);
    });
  return listenerOf(server, connections, { key: `${KEY}.listen`, listen, sink, log });
}

/**
 * Counts a gap before the first line, and before a line that comes after a silence. As long as the lines of an origin reach
 * this listener, it hears each cycle's own requests. If it hears none for two ticks, they went elsewhere: to a worker that
 * may have died with hints that it had not recorded, or to nobody.
 *
 * Connections do not show this. OpenBao closes those it does not need, and Fluentd opens one for each POST: a gap with each
 * beginning or end would make a scan of each change of a quiet origin.
 */
function afterSilence({ sink, tickMs }: HttpOptions): FeedSink {
  const longestMs = Math.max(2 * tickMs, FEED_IDLE_MS);
  let lastMs = -Infinity;
  return {
    line: (line) => {
      // The time of day: it also shows that the machine was asleep.
      const nowMs = Date.now();
      if (nowMs - lastMs > longestMs) sink.gap('connection');
      lastMs = nowMs;
      sink.line(line);
    },
    gap: (why) => {
      sink.gap(why);
    },
    connected: (count) => {
      sink.connected(count);
    },
  };
}

interface Refusal {
  status: number;
  /** For the log: what was refused, and what to do. */
  text: string;
  headers?: http.OutgoingHttpHeaders;
}

function refusalOf(
  request: http.IncomingMessage,
  isAllowed: (header: string | undefined) => boolean,
  sink: FeedSink,
): Refusal | undefined {
  if (!isAllowed(request.headers.authorization)) {
    const text =
      'refused a request without the right token (401); let the sender present the token of origin.feed.http.token as ' +
      '"Authorization: Bearer …"';
    return { status: 401, text, headers: { 'www-authenticate': 'Bearer' } };
  }
  if (request.method !== 'POST') {
    const text = 'refused a request that is not a POST (405); let the sender use POST';
    return { status: 405, text, headers: { allow: 'POST' } };
  }
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding === 'identity') return undefined;
  // The sender gives the lines up.
  sink.gap('unparsable');
  return { status: 415, text: 'refused a compressed body (415); switch the compression of the sender off' };
}

function refuse(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { status, headers = {} }: Refusal,
): void {
  response.writeHead(status, { ...headers, connection: 'close', 'content-length': 0 });
  response.end();
  // Its body is read to the end, so that the sender sees the answer.
  request.resume();
}

/** Takes the lines of one request. The answer follows when the sink has taken all of them. */
function receive(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  sink: FeedSink,
  connections: Connections,
): void {
  const lines = new LineSplitter(
    (line) => {
      connections.bringsLines(request.socket);
      forwardedLines(line, sink);
    },
    (why) => {
      sink.gap(why);
    },
  );
  let isWhole = false;
  request.on('data', (chunk: Buffer) => {
    lines.push(chunk);
  });
  request.once('end', () => {
    isWhole = true;
    lines.endOfBody();
    response.writeHead(204);
    response.end();
  });
  request.once('close', () => {
    if (!isWhole) sink.gap('connection');
  });
  // The end follows; its text may quote what was sent.
  request.on('error', () => undefined);
}

/** Compares digests, which have one length: neither the token nor its length shows in the time. */
function bearerCheck(token: string): (header: string | undefined) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return (header) => {
    const [, given = ''] = /^Bearer +(.*)$/i.exec(header ?? '') ?? [];
    return timingSafeEqual(digest(given), expected);
  };
}
