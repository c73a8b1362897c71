import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describeAnswer, Prober, type ProbeConfig } from '../../src/syncer/probe';
import { makeCertificates, type Certificates } from '../support/certificates';
import { answer, reset, silence, TinyServer } from '../support/tiny-server';
import { portOf, probeConfig } from './probe-config';

const TOKEN = 'token-0123456789';
const HERE = { name: 'pod-1', address: '127.0.0.1' };

let server: TinyServer;
const probers: Prober[] = [];
const servers: net.Server[] = [];

beforeAll(async () => {
  server = await TinyServer.start();
});
afterEach(async () => {
  for (const prober of probers.splice(0)) await prober.close();
  for (const each of servers.splice(0)) await new Promise((resolve) => each.close(resolve));
});
afterAll(async () => {
  await server.close();
});

function proberOf(config: ProbeConfig): Prober {
  const prober = new Prober(config);
  probers.push(prober);
  return prober;
}

function configHere(
  config: Partial<Omit<ProbeConfig, 'probe'>> = {},
  probe: Partial<ProbeConfig['probe']> = {},
) {
  return probeConfig({ port: portOf(server.address), ...config }, probe);
}

const never = (): AbortSignal => new AbortController().signal;

/** A TCP server that writes these parts, one after the other, and keeps the connection open. */
async function rawServer(parts: (socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const raw = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      parts(socket);
    });
    socket.once('close', () => sockets.delete(socket));
  });
  servers.push(raw);
  raw.once('close', () => undefined);
  const close = raw.close.bind(raw);
  raw.close = (callback) => {
    for (const socket of sockets) socket.destroy();
    return close(callback);
  };
  await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
  return (raw.address() as AddressInfo).port;
}

describe('ask in mode cookie', () => {
  it('sends one request with the Host header and the cookie, and nothing else of the token', async () => {
    server.answers(answer(200, 'body'));
    await proberOf(configHere()).ask(HERE, TOKEN, never());
    expect(server.requests).toEqual(['GET /check']);
    expect(server.headers).toEqual([
      { host: 'api.example.com', cookie: `auth_token=${TOKEN}`, connection: 'keep-alive' },
    ]);
  });

  it.each([
    [200, { kind: 'present' }],
    [401, { kind: 'absent' }],
    [204, { kind: 'refused', status: 204 }],
    [403, { kind: 'refused', status: 403 }],
    [404, { kind: 'refused', status: 404 }],
    [429, { kind: 'refused', status: 429 }],
    [500, { kind: 'refused', status: 500 }],
    [503, { kind: 'refused', status: 503 }],
  ])('takes %d as %o', async (status, expected) => {
    server.answers(answer(status, status === 204 ? undefined : 'a body'));
    await expect(proberOf(configHere()).ask(HERE, TOKEN, never())).resolves.toEqual(expected);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a redirect (%d)', async (status) => {
    server.answers(answer(status, '', { location: `${server.address}/elsewhere` }));
    const prober = proberOf(configHere());
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toEqual({ kind: 'refused', status });
    expect(server.requests).toEqual(['GET /check']);
  });

  it.each([
    ['200 OK', 'present'],
    ['401 Unauthorized', 'absent'],
  ])('waits for %s after early hints', async (status, kind) => {
    const port = await rawServer((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n');
      socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    });
    await expect(proberOf(probeConfig({ port })).ask(HERE, TOKEN, never())).resolves.toEqual({ kind });
  });

  it('gives up an instance that hangs after connection_timeout', async () => {
    server.answers(silence);
    const prober = proberOf(configHere({ connectionTimeoutMs: 50 }));
    const answered = await prober.ask(HERE, TOKEN, never());
    expect(answered).toEqual({ kind: 'failed', reason: 'timeout' });
    expect(describeAnswer(answered, configHere({ connectionTimeoutMs: 50 }))).toContain('within 50 ms');
  });

  it('gives up headers that arrive slowly', async () => {
    const port = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('X-Slow: 1\r\n'), 10);
      socket.once('close', () => {
        clearInterval(timer);
      });
    });
    const prober = proberOf(probeConfig({ port, connectionTimeoutMs: 100 }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toEqual({ kind: 'failed', reason: 'timeout' });
  });

  it('refuses huge headers without reading them to their end', async () => {
    const port = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      for (let line = 0; line < 100; line++) socket.write(`X-Large-${line}: ${'x'.repeat(1_000)}\r\n`);
    });
    const prober = proberOf(probeConfig({ port }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toMatchObject({
      kind: 'failed',
      reason: 'headers',
    });
  });

  it('has its answer with the headers, and closes the connection if the body does not end', async () => {
    const port = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write(`2000\r\n${'x'.repeat(0x2000)}\r\n`), 1);
      socket.once('close', () => {
        clearInterval(timer);
      });
    });
    const prober = proberOf(probeConfig({ port }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toEqual({ kind: 'present' });
    await until(() => prober.inFlight === 0);
  });

  it.each([
    ['closes the connection', reset],
    ['closes it in the middle of the headers', undefined],
  ])('reports an instance that %s as reset', async (_what, handler) => {
    if (handler !== undefined) server.answers(handler);
    const port =
      handler === undefined
        ? await rawServer((socket) => socket.end('HTTP/1.1 200 OK\r\nX-Ha'))
        : portOf(server.address);
    const prober = proberOf(probeConfig({ port }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toMatchObject({
      kind: 'failed',
      reason: 'reset',
    });
  });

  it('reports a closed port as not connected', async () => {
    const free = await TinyServer.start();
    const port = portOf(free.address);
    await free.close();
    const answered = await proberOf(probeConfig({ port })).ask(HERE, TOKEN, never());
    expect(answered).toEqual({ kind: 'failed', reason: 'connect', code: 'ECONNREFUSED' });
    expect(describeAnswer(answered, probeConfig({ port }))).toContain('connection refused');
  });

  it('reports an address that is none, and does not reject', async () => {
    const nowhere = { name: 'pod-1', address: '10.0.0.256' };
    const failed = { kind: 'failed', reason: 'other', code: 'ERR_INVALID_URL' };
    const prober = proberOf(configHere());
    await expect(prober.ask(nowhere, TOKEN, never())).resolves.toEqual(failed);
    const question = { method: 'GET' as const, path: '/', headers: [], readsBody: () => false };
    await expect(prober.send(nowhere, 80, question, never())).resolves.toEqual(failed);
    expect(prober.inFlight).toBe(0);
  });

  it('reports a server that does not speak HTTP', async () => {
    const port = await rawServer((socket) => socket.write('220 smtp.example.com\r\n'));
    await expect(proberOf(probeConfig({ port })).ask(HERE, TOKEN, never())).resolves.toMatchObject({
      kind: 'failed',
      reason: 'other',
    });
  });

  it('ends when its signal does, also while it waits for a connection', async () => {
    server.answers(silence);
    const prober = proberOf(configHere({ maxKeepalives: 1 }));
    const stop = new AbortController();
    const asked = [prober.ask(HERE, TOKEN, stop.signal), prober.ask(HERE, TOKEN, stop.signal)];
    await until(() => server.requests.length === 1);
    expect(prober.inFlight).toBe(1);
    stop.abort();
    await expect(Promise.all(asked)).resolves.toEqual([
      { kind: 'failed', reason: 'stopped' },
      { kind: 'failed', reason: 'stopped' },
    ]);
    await until(() => prober.inFlight === 0);
    expect(server.requests).toHaveLength(1);
    await expect(prober.ask(HERE, TOKEN, stop.signal)).resolves.toEqual({
      kind: 'failed',
      reason: 'stopped',
    });
  });

  it('keeps connections, and opens no more than host_keepalives', async () => {
    const ports = new Set<number | undefined>();
    server.answers((request, response) => {
      ports.add(request.socket.remotePort);
      answer(401)(request, response);
    });
    const prober = proberOf(configHere({ hostKeepalives: 3 }));
    await Promise.all(Array.from({ length: 60 }, () => prober.ask(HERE, TOKEN, never())));
    expect(server.requests).toHaveLength(60);
    expect(ports.size).toBeLessThanOrEqual(3);
  });

  it('shares max_keepalives among the instances', async () => {
    let most = 0;
    server.answers((request, response) => {
      most = Math.max(most, prober.inFlight);
      answer(401)(request, response);
    });
    const prober = proberOf(configHere({ maxKeepalives: 10 }));
    prober.retain(Array.from({ length: 5 }, (_, at) => ({ name: `${at}`, address: `127.0.0.${at + 1}` })));
    await Promise.all(Array.from({ length: 20 }, () => prober.ask(HERE, TOKEN, never())));
    expect(most).toBe(2);
  });

  it.each([
    ['its instance leaves', [{ name: 'other', address: '127.0.0.2' }]],
    ['the share of connections changes', [HERE, { name: 'other', address: '127.0.0.2' }]],
  ])('answers every question that waits while %s', async (_what, instances) => {
    let held: (() => void) | undefined;
    server.answers((request, response) => {
      held = () => {
        answer(401)(request, response);
      };
    }, answer(401));
    const prober = proberOf(configHere({ maxKeepalives: 2, hostKeepalives: instances.length }));
    prober.retain([HERE]);
    const asked = Array.from({ length: 300 }, () => prober.ask(HERE, TOKEN, never()));
    await until(() => held !== undefined);
    prober.retain(instances);
    held?.();
    const kinds = new Set((await Promise.all(asked)).map(({ kind }) => kind));
    expect([...kinds]).toEqual(['absent']);
    await until(() => prober.inFlight === 0);
  });

  it('answers every question that waits while it is closed, however many', async () => {
    server.answers(silence);
    const prober = proberOf(configHere({ maxKeepalives: 1 }));
    const asked = Array.from({ length: 10_000 }, () => prober.ask(HERE, TOKEN, never()));
    await until(() => server.requests.length === 1);
    await prober.close();
    for (const answered of await Promise.all(asked)) expect(answered.kind).toBe('failed');
  });
});

describe('ask in other modes', () => {
  it('fills the templates of headers in mode header', async () => {
    server.answers(answer(200));
    const headers = { authorization: 'Bearer {token}', 'x-domain': '{domain}/{host}/{token}' };
    await proberOf(configHere({}, { mode: 'header', headers, method: 'HEAD' })).ask(HERE, TOKEN, never());
    expect(server.requests).toEqual(['HEAD /check']);
    expect(server.headers[0]).toEqual({
      host: 'api.example.com',
      authorization: `Bearer ${TOKEN}`,
      'x-domain': `example.com/api.example.com/${TOKEN}`,
      connection: 'keep-alive',
    });
  });

  it('inserts a token as it is, whatever it looks like', async () => {
    server.answers(answer(200));
    const headers = { authorization: '{token}' };
    await proberOf(configHere({}, { mode: 'header', headers })).ask(HERE, '$&{host}$1', never());
    expect(server.headers[0]?.authorization).toBe('$&{host}$1');
  });

  it('asks the NGINX Plus API in mode keyval', async () => {
    server.answers(answer(200, { 'a/b c': '1' }));
    const prober = proberOf(
      configHere({ host: undefined }, { mode: 'keyval', zone: 'my zone', apiVersion: 7 }),
    );
    await expect(prober.ask(HERE, 'a/b c', never())).resolves.toEqual({ kind: 'present' });
    expect(server.requests).toEqual(['GET /api/7/http/keyvals/my%20zone?key=a%2Fb%20c']);
  });

  const error = (code: string) => ({
    error: { status: 404, text: 'not found', code },
    request_id: 'a',
    href: 'b',
  });

  it.each([
    ['an answer with the key', 200, { [TOKEN]: 'x' }, { kind: 'present' }],
    ['KeyvalKeyNotFound', 404, error('KeyvalKeyNotFound'), { kind: 'absent' }],
    ['KeyvalNotFound', 404, error('KeyvalNotFound'), { kind: 'refused', problem: /correct probe\.zone/ }],
    ['UnknownVersion', 404, error('UnknownVersion'), { kind: 'refused', problem: /probe\.apiVersion/ }],
    ['PathNotFound', 404, error('PathNotFound'), { kind: 'refused', problem: /NGINX Plus/ }],
    ['a page that is not found', 404, '<html>', { kind: 'refused', problem: /probe\.apiPort/ }],
    ['a page', 200, '<html>', { kind: 'refused', problem: /probe\.apiPort/ }],
    ['an object without the key', 200, { other: 1 }, { kind: 'refused', problem: /probe\.apiPort/ }],
    ['a list', 200, [TOKEN], { kind: 'refused', problem: /probe\.apiPort/ }],
    ['403', 403, '', { kind: 'refused', problem: /allow it/ }],
    ['302', 302, '', { kind: 'refused', problem: /probe\.apiPort/ }],
    ['500', 500, '', { kind: 'refused' }],
    ['a body that does not end', 200, 'x'.repeat(1_000_000), { kind: 'refused', problem: /probe\.apiPort/ }],
  ])(
    'takes %s in mode keyval as the right answer',
    async (_what, status, body, { kind, problem }: { kind: string; problem?: RegExp }) => {
      server.answers(answer(status, body));
      const answered = await proberOf(configHere({}, { mode: 'keyval', zone: 'tokens' })).ask(
        HERE,
        TOKEN,
        never(),
      );
      expect(answered.kind).toBe(kind);
      const found = answered.kind === 'refused' ? answered.problem : undefined;
      if (problem === undefined) expect(found).toBeUndefined();
      else expect(found).toMatch(problem);
    },
  );
});

describe('TLS', () => {
  let folder: string;
  let certificates: Certificates;
  let port: number;
  const names: (string | false)[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-probe-'));
    certificates = await makeCertificates(folder, 'nginx.example.com');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    names.length = 0;
    const { certFile, keyFile } = certificates.server;
    const tls = https.createServer(
      { cert: readFileSync(certFile), key: readFileSync(keyFile) },
      (_request, response) => {
        response.end();
      },
    );
    tls.on('secureConnection', ({ servername }: { servername: string | false }) => {
      names.push(servername);
    });
    const close = tls.close.bind(tls);
    tls.close = (callback) => {
      tls.closeAllConnections();
      return close(callback);
    };
    servers.push(tls);
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    port = (tls.address() as AddressInfo).port;
  });

  it('does not verify by default, and sends the name of "host"', async () => {
    const prober = proberOf(probeConfig({ port }, { scheme: 'https' }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toEqual({ kind: 'present' });
    expect(names).toEqual(['api.example.com']);
  });

  it('refuses an authority that is not trusted, if verify is set', async () => {
    const config = probeConfig({ port }, { scheme: 'https', tls: { verify: true } });
    const answered = await proberOf(config).ask(HERE, TOKEN, never());
    expect(answered).toMatchObject({ kind: 'failed', reason: 'tls' });
    expect(describeAnswer(answered, config)).toContain('set probe.tls.caFile');
    expect(names).toEqual([]);
  });

  it('refuses a certificate for another name than that of "host"', async () => {
    const tls = { verify: true, caFile: certificates.caFile };
    const answered = await proberOf(probeConfig({ port }, { scheme: 'https', tls })).ask(
      HERE,
      TOKEN,
      never(),
    );
    expect(answered).toMatchObject({ kind: 'failed', reason: 'tls', code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  });

  it('accepts the name of probe.tls.serverName, although the Host header has another one', async () => {
    const tls = { verify: true, caFile: certificates.caFile, serverName: 'nginx.example.com' };
    const prober = proberOf(probeConfig({ port }, { scheme: 'https', tls }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toEqual({ kind: 'present' });
    expect(names).toEqual(['nginx.example.com']);
  });

  it('reports a server without TLS', async () => {
    const prober = proberOf(configHere({}, { scheme: 'https' }));
    await expect(prober.ask(HERE, TOKEN, never())).resolves.toMatchObject({ kind: 'failed', reason: 'tls' });
  });

  it('names a file that cannot be read', () => {
    expect(() => new Prober(probeConfig({}, { tls: { verify: true, caFile: '/nowhere' } }))).toThrow(
      'probe.tls.caFile: cannot read /nowhere',
    );
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
