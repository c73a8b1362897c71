import { UserError } from '../../src/errors';
import { VaultError } from '../../src/vault/errors';
import { UndiciTransport, type TransportRequest, type TransportResponse } from '../../src/vault/transport';
import { rejection } from '../support/exposed';
import { answer, reset, resetInBody, silence, TinyServer } from '../support/tiny-server';

let server: TinyServer;
let transport: UndiciTransport;
/** For answers that never come. */
let impatient: UndiciTransport;

beforeAll(async () => {
  server = await TinyServer.start();
  transport = new UndiciTransport(server.address, { connections: 2, timeoutMs: 20_000 });
  impatient = new UndiciTransport(server.address, { connections: 2, timeoutMs: 300 });
});

afterAll(async () => {
  await transport.close();
  await impatient.close();
  await server.close();
});

function send(request: Partial<TransportRequest> = {}, by = transport): Promise<TransportResponse> {
  const uri = `${server.address}/v1/kv/data/a`;
  return by.requestPromise.defaults()({ method: 'GET', uri, ...request });
}

async function failure(request?: Partial<TransportRequest>, by = transport): Promise<VaultError> {
  const error = await rejection(send(request, by));
  expect(error).toBeInstanceOf(VaultError);
  return error as VaultError;
}

test('UndiciTransport parses a JSON body, and returns every status', async () => {
  server.answers(answer(418, { errors: [] }));
  expect(await send()).toMatchObject({ statusCode: 418, body: { errors: [] } });
});

test('UndiciTransport returns undefined for an empty body, and the text of one that is not JSON', async () => {
  server.answers(answer(204));
  expect((await send()).body).toBeUndefined();
  server.answers(answer(200, '<html>log in</html>'));
  expect((await send()).body).toBe('<html>log in</html>');
});

test('UndiciTransport joins a body that comes in pieces, also within a character', async () => {
  const text = Buffer.from(JSON.stringify({ value: 'größer' }));
  const cut = text.indexOf('ö') + 1;
  server.answers((_request, response) => {
    response.write(text.subarray(0, cut));
    setImmediate(() => response.end(text.subarray(cut)));
  });
  expect((await send()).body).toEqual({ value: 'größer' });
});

test('UndiciTransport sends method, headers, body and query unchanged', async () => {
  server.answers(answer(200, {}));
  await send({
    method: 'POST',
    uri: `${server.address}/v1/kv/data/a%3Fb?version=2`,
    headers: { 'X-Vault-Token': 't' },
    json: { a: 1 },
  });
  expect(server.requests).toEqual(['POST /v1/kv/data/a%3Fb?version=2']);
  expect(server.headers[0]).toMatchObject({ 'x-vault-token': 't', 'content-type': 'application/json' });
});

test('UndiciTransport sends the header that agents may demand, also with a health check', async () => {
  server.answers(answer(200, {}));
  await send({ headers: { 'X-Vault-Token': 't' } });
  expect(server.headers[0]).toMatchObject({ 'x-vault-token': 't', 'x-vault-request': 'true' });
  server.answers(answer(200, {}));
  await transport.ask('sys/health', 1_000, new AbortController().signal);
  expect(server.headers[0]).toMatchObject({ 'x-vault-request': 'true' });
});

test('UndiciTransport does not follow a redirect', async () => {
  server.answers(answer(307, undefined, { location: 'http://127.0.0.1:1/elsewhere' }));
  expect((await send()).statusCode).toBe(307);
  expect(server.requests).toHaveLength(1);
});

test.each([
  ['2', 2000],
  ['0', undefined],
  ['-1', undefined],
  ['Wed, 21 Oct 2015 07:28:00 GMT', undefined],
  ['', undefined],
])('UndiciTransport reads Retry-After %j as %j ms', async (header, waitMs) => {
  server.answers(answer(429, { errors: [] }, { 'retry-after': header }));
  expect((await send()).retryAfterMs).toBe(waitMs);
});

describe('UndiciTransport throws', () => {
  test('without an answer in time', async () => {
    server.answers(silence);
    expect(await failure({}, impatient)).toMatchObject({
      kind: 'unavailable',
      message: `Vault ${server.address}: kv/data/a: no answer within 0.3 s`,
    });
  });

  test('when the body stops in the middle', async () => {
    server.answers((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('{');
    });
    expect(await failure({}, impatient)).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('no answer within 0.3 s') as string,
    });
  });

  test.each([
    ['before an answer', reset],
    ['in the middle of the body', resetInBody],
  ])('when the connection is closed %s', async (_when, handler) => {
    server.answers(handler);
    expect(await failure()).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('the connection was closed in the middle of the answer') as string,
    });
  });

  test('when no server listens', async () => {
    const gone = await TinyServer.start();
    const { address } = gone;
    await gone.close();
    const lonely = new UndiciTransport(address, { connections: 1, timeoutMs: 20_000 });
    const sent = lonely.requestPromise.defaults()({ method: 'GET', uri: `${address}/v1/sys/health` });
    await expect(sent).rejects.toMatchObject({
      kind: 'unavailable',
      message: `Vault ${address}: sys/health: connection refused: is it running, and is the address right?`,
    });
    await lonely.close();
  });

  test('when the caller cancels, before or while the request is sent', async () => {
    server.answers(silence);
    expect(await failure({ signal: AbortSignal.abort() })).toMatchObject({ kind: 'cancelled' });
    const stop = new AbortController();
    server.answers(() => {
      stop.abort();
    });
    expect(await failure({ signal: stop.signal })).toMatchObject({ kind: 'cancelled' });
  });

  test('at once when the caller cancels while all connections are busy, and never sends the request', async () => {
    const busy = new UndiciTransport(server.address, { connections: 1, timeoutMs: 20_000 });
    const ask = (signal: AbortSignal): Promise<TransportResponse> =>
      busy.requestPromise.defaults()({ method: 'GET', uri: `${server.address}/v1/kv/data/a`, signal });
    const [first, second] = [new AbortController(), new AbortController()];
    const arrived = new Promise<void>((resolve) => {
      server.answers(() => {
        resolve();
      });
    });
    const hangs = rejection(ask(first.signal));
    await arrived;
    const waits = rejection(ask(second.signal));
    second.abort();
    expect(await waits).toMatchObject({ kind: 'cancelled' });
    first.abort();
    expect(await hangs).toMatchObject({ kind: 'cancelled' });
    await busy.close();
    expect(server.requests).toHaveLength(1);
  });

  test('when a header cannot be sent, which is not an outage', async () => {
    expect(await failure({ headers: { 'X-Vault-Token': 'a\nb' } })).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('has a character that is not allowed in a header') as string,
    });
  });
});

test('UndiciTransport names a missing CA file with its configuration key', () => {
  const make = (): UndiciTransport =>
    new UndiciTransport('https://v:8200', { connections: 1, timeoutMs: 1, tls: { caFile: '/none.pem' } });
  expect(make).toThrow(UserError);
  expect(make).toThrow('vault.caFile: cannot read /none.pem (ENOENT)');
});

describe('with an X-Vault-Index in answers, UndiciTransport', () => {
  const indices = (): unknown[] => server.headers.map((headers) => headers['x-vault-index']);
  let own: UndiciTransport;
  const ask = (method: string): Promise<TransportResponse> =>
    own.requestPromise.defaults()({ method, uri: `${server.address}/v1/kv/data/a` });

  beforeEach(() => {
    own = new UndiciTransport(server.address, { connections: 1, timeoutMs: 300 });
  });
  afterEach(() => own.close());

  test('sends that of the last write with later reads, and not with writes', async () => {
    server.answers(
      answer(200, {}, { 'x-vault-index': 'of a read' }),
      answer(200, {}, { 'x-vault-index': 'first' }),
      answer(200, {}),
      answer(204, undefined, { 'x-vault-index': 'second' }),
      answer(200, {}, { 'x-vault-index': 'of a read' }),
    );
    for (const method of ['GET', 'POST', 'GET', 'POST', 'GET', 'GET']) await ask(method);
    expect(indices()).toEqual([undefined, undefined, 'first', undefined, 'second', 'second']);
  });

  test('sends none if no write had one', async () => {
    server.answers(answer(200, {}));
    for (const method of ['POST', 'GET']) await ask(method);
    expect(indices()).toEqual([undefined, undefined]);
  });

  test('forgets it after a while: a server that was restored never reaches that state', async () => {
    const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
    try {
      server.answers(answer(200, {}, { 'x-vault-index': 'first' }), answer(200, {}));
      await ask('POST');
      now.mockReturnValue(1_000 + 30_000);
      await ask('GET');
      now.mockReturnValue(1_001 + 30_000);
      await ask('GET');
      expect(indices()).toEqual([undefined, 'first', undefined]);
    } finally {
      now.mockRestore();
    }
  });
});
