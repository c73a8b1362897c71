import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { ConfigError } from '../../src/config/errors';
import { connectClient } from '../../src/temporal/connect';
import { temporalTarget } from '../../src/temporal/target';
import { connectWorker } from '../../src/worker/connect-worker';
import { UserError } from '../../src/errors';
import { makeCertificates, type Certificates } from '../support/certificates';
import { rejection } from '../support/exposed';
import { sharedServers } from '../support/shared-servers';
import { join, portOf } from '../../dev/shared/sockets';
import { answer, TinyServer } from '../support/tiny-server';

/**
 * The message for each cause of a failed connection to Temporal, from the client of the commands and from the native
 * client of the workers. The server is the real one, behind a TLS proxy where TLS matters. Refusals (API keys,
 * certificates) are simulated, because Temporal's dev server accepts every client.
 */

type Section = Parameters<typeof temporalTarget>[0];

const { temporal } = sharedServers();
const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-temporal-'));
const open = new Set<net.Socket>();
const servers: { close: () => void }[] = [];
const sessions: http2.Http2Session[] = [];
let certificates: Certificates;
let keyFile: string;
/** TLS in front of the real server. `demanding` requires a client certificate too. */
let secure: string;
let demanding: string;
/** Answers every request with this gRPC status. */
let refusing: string;
let grpcStatus = '0';
let page: TinyServer;

async function listen(server: net.Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${portOf(server)}`;
}

function tlsBefore(requestCert: boolean): Promise<string> {
  const [host = '', port = ''] = temporal.split(':');
  const { server, caFile } = certificates;
  const options = {
    cert: readFileSync(server.certFile),
    key: readFileSync(server.keyFile),
    ca: readFileSync(caFile),
    ALPNProtocols: ['h2'],
    requestCert,
    rejectUnauthorized: requestCert,
  };
  const front = tls.createServer(options, (outer) => {
    join(outer, net.connect(Number(port), host), open);
  });
  return listen(front.on('tlsClientError', () => undefined));
}

beforeAll(async () => {
  certificates = await makeCertificates(folder);
  keyFile = path.join(folder, 'api-key');
  writeFileSync(keyFile, 'key-4711\n');
  secure = await tlsBefore(false);
  demanding = await tlsBefore(true);
  const grpc = http2.createServer();
  grpc.on('session', (session) => sessions.push(session));
  grpc.on('stream', (stream) => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': grpcStatus },
      { endStream: true },
    );
  });
  refusing = await listen(grpc);
  page = await TinyServer.start(answer(403, '<html>'));
});

afterAll(async () => {
  for (const one of [...open, ...sessions]) one.destroy();
  for (const server of servers) server.close();
  await page.close();
  rmSync(folder, { recursive: true });
});

const addressOf = (url: string): string => new URL(url).host;
const trusted = (): Section['tls'] => ({ caFile: certificates.caFile });

/**
 * The messages of both clients.
 *
 * @param connectTimeout how long the client of the commands tries, where no attempt can succeed; by default ten seconds
 */
async function messagesOf(section: Section, connectTimeout = 1_000): Promise<string[]> {
  const target = temporalTarget(section);
  const soon = { ...target, connection: { ...target.connection, connectTimeout } };
  const both = await Promise.all([rejection(connectClient(soon)), rejection(connectWorker(target))]);
  return both.map((error) => {
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).not.toContain('4711');
    return (error as Error).message;
  });
}

test.each<[cause: string, section: () => Section, words: RegExp]>([
  [
    'no listener at the address',
    () => ({ address: '127.0.0.1:1' }),
    /cannot connect \(connection refused\)\. Is it running/,
  ],
  ['an unknown host', () => ({ address: 'not-there.invalid:7233' }), /the host name cannot be resolved/],
  [
    'TLS to a server without TLS',
    () => ({ address: temporal, tls: true }),
    /the server does not use TLS .*set temporal\.tls: false/,
  ],
  [
    'an API key, which switches TLS on',
    () => ({ address: temporal, apiKeyFile: keyFile }),
    /an API key .* switches TLS on, unless temporal\.tls is false/,
  ],
  [
    'no TLS to a server with TLS',
    () => ({ address: secure }),
    /the server uses TLS: set temporal\.tls: true/,
  ],
  [
    'an unknown authority',
    () => ({ address: secure, tls: true }),
    /its certificate is not trusted \(\w+\).*temporal\.tls\.caFile/,
  ],
  [
    'a wrong server name',
    () => ({ address: secure, tls: trusted() }),
    /its certificate is for another name .*temporal\.tls\.serverName/,
  ],
  [
    'no certificate where one is required',
    () => ({ address: demanding, tls: { caFile: certificates.caFile, serverName: certificates.serverName } }),
    /it may require a client certificate, .* temporal\.tls\.certFile/,
  ],
  [
    'a server that is not Temporal',
    () => ({ address: addressOf(page.address) }),
    /the server does not use gRPC: is this the address of Temporal's frontend/,
  ],
])('a failed connection to Temporal names its cause and what to do: %s', async (_cause, section, words) => {
  for (const message of await messagesOf(section())) expect(message).toMatch(words);
});

test.each([
  ['16', /it did not accept the identity of vsync \(unauthenticated\); give a valid API key/],
  ['7', /permission denied; check what the API key or the certificate may do/],
])('a failed connection to Temporal explains the gRPC status %s', async (status, words) => {
  grpcStatus = status;
  const section = { address: refusing, apiKeyFile: keyFile, tls: false };
  // The server answers at once, but on a slow machine perhaps not within a second.
  for (const message of await messagesOf(section, 10_000)) expect(message).toMatch(words);
});

test('temporalTarget refuses an API key with a line end, without showing the key', () => {
  const broken = path.join(folder, 'broken-key');
  writeFileSync(broken, 'key-4711\nmore');
  const make = (): unknown => temporalTarget({ address: temporal, apiKeyFile: broken });
  expect(make).toThrow(ConfigError);
  expect(make).toThrow(/temporal\.apiKeyFile.*contains a space, a line end or another character/);
  expect(make).not.toThrow(/4711/);
});
