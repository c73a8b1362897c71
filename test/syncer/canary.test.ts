import net from 'node:net';
import { answer, reset, silence } from '../support/tiny-server';
import { AskedSync } from './http/asked-sync';
import { RunningSyncer } from './http/running-syncer';
import { probeConfig } from './probe-config';

/** Without a word of the code in it, so that it is found wherever it goes. */
const CANARY = 'cAnArY-7f3e9b1d5a';

let syncer: RunningSyncer | undefined;
const seen: string[] = [];

afterEach(async () => {
  await syncer?.close();
  syncer = undefined;
  seen.length = 0;
});

async function note(asked: Promise<Response>): Promise<void> {
  const response = await asked;
  seen.push(JSON.stringify([...response.headers]), await response.text());
}

/** Everything that leaves the process except the probes themselves. */
async function everything(running: RunningSyncer): Promise<string> {
  for (const path of ['/metrics', '/openapi.json', '/openapi3.json', '/readyz', '/health', '/docs/'])
    await note(running.get(path));
  return [...seen, ...running.log].join('\n');
}

describe('a token is in no log at trace level, metric, error, or OpenAPI document', () => {
  it.each([
    ['cookie', {}],
    ['header', { headers: { authorization: 'Bearer {token}' } }],
    ['keyval', { zone: 'tokens' }],
  ] as const)(
    'in mode %s, whatever the instances answer',
    async (mode, probe) => {
      const config = probeConfig({}, { mode, ...probe });
      const running = (syncer = await RunningSyncer.start(9, {
        probe: config.probe,
        connectionTimeoutMs: 500,
        requestDeadlineMs: 2_000,
      }));
      const echo: Parameters<(typeof running.pods)[0]['answers']>[0] = (request, response) => {
        response.writeHead(500, { 'x-echo': CANARY, location: `/${CANARY}` });
        response.end(`${request.url ?? ''} ${CANARY}`);
      };
      const handlers = [
        answer(401),
        answer(200, { [CANARY]: 'x' }),
        answer(403, CANARY),
        echo,
        reset,
        silence,
      ];
      const raw = [
        answer(404, { error: { code: `Keyval${CANARY}` } }),
        answer(302, '', { location: `/${CANARY}` }),
      ];
      for (const [at, handler] of [...handlers, ...raw].entries()) running.pods[at]?.answers(handler);
      running.pods[8]?.answers((request) =>
        request.socket.end(`HTTP/1.1 200 OK\r\nx-${CANARY}: ${'x'.repeat(20_000)}`),
      );
      await note(running.ask(CANARY));
      expect(
        running.pods.some(({ requests, headers }) => JSON.stringify([requests, headers]).includes(CANARY)),
      ).toBe(true);
      expect(running.log.length).toBeGreaterThan(1);
      expect(await everything(running)).not.toContain(CANARY);
    },
    30_000,
  );

  it('if the request is wrong in every way', async () => {
    const running = (syncer = await RunningSyncer.start(2));
    await note(running.ask(`${CANARY};`));
    await note(running.ask(CANARY.repeat(500)));
    await note(running.ask('token', CANARY));
    await note(running.ask('token', `${CANARY} with a space`));
    await note(running.get(`/v1/synced/${CANARY}`));
    await note(running.get(`/v1/synced?token=${CANARY}`));
    await note(running.get(`/${CANARY}`, { [CANARY]: CANARY }));
    await note(fetch(`${running.address}/v1/synced`, { method: 'POST', body: CANARY }));
    await note(
      fetch(`${running.address}/v1/synced`, { method: 'DELETE', headers: { 'x-auth-token': CANARY } }),
    );
    running.source.list = { instances: [] };
    await note(running.ask(CANARY));
    for (const text of [`${CANARY}\r\n\r\n`, `GET / HTTP/1.1\r\n${CANARY} ${CANARY}\r\n\r\n`])
      seen.push(await sendRaw(running.address, text));
    seen.push(await sendRaw(running.address, `GET / HTTP/1.1\r\nX-A: ${CANARY.repeat(2_000)}\r\n\r\n`));
    expect(await everything(running)).not.toContain(CANARY);
  });

  it('if the question is about a secret, whose servers get tokens and may answer anything', async () => {
    const sync = await AskedSync.create(CANARY);
    try {
      const running = (syncer = await RunningSyncer.start(1, { sync: [sync.file] }));
      const ask = (query: string): Promise<void> => note(running.get(`/v1/secrets/synced?${query}`));
      for (const handler of [answer(404), answer(200, CANARY), answer(302, '', { location: CANARY })]) {
        sync.vault.answers(handler);
        sync.consul.answers(handler);
        await ask('path=secret/app&verify=true&at-least=2');
      }
      sync.vault.answers(answer(200, metadata()));
      sync.consul.answers(answer(200, [{ Value: Buffer.from(CANARY).toString('base64') }]));
      await ask('path=secret/app&verify=true');
      const { headers } = sync.vault;
      expect(headers.some((each) => each['x-vault-token'] === CANARY)).toBe(true);
      // Last, because requests are paused after it.
      sync.vault.answers(reset);
      await ask('path=secret/app');
      await ask(`path=${CANARY}`);
      await ask(`path=secret/app&wait=${CANARY}`);
      await ask(`path=secret/app&at-least=${CANARY}`);
      await ask(`path=secret/app&${CANARY}=1`);
      await ask(`path=secret/app&token=${CANARY}`);
      await note(running.get('/v1/secrets/synced?path=secret/app', { 'x-vault-token': CANARY }));
      expect(await everything(running)).not.toContain(CANARY);
      expect(seen.join('\n')).toContain('"destinations"');
      await syncer.close();
      syncer = undefined;
    } finally {
      await sync.close();
    }
  });

  it('if the code itself fails, whose error may quote anything', async () => {
    const running = (syncer = await RunningSyncer.start(2));
    const { source } = running;
    source.current = () => {
      throw new TypeError(`about ${CANARY}`);
    };
    const response = await running.ask(CANARY);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain(CANARY);
    expect(running.log.join('\n')).toContain('an error that is not expected');
    expect(running.log.join('\n')).not.toContain(CANARY);
    source.current = () => source.list;
  });
});

/** Of a live secret, with the canary in what vsync does not read. */
function metadata(): object {
  const at = '2026-11-21T13:00:00Z';
  const versions = { 1: { created_time: at, deletion_time: '', destroyed: false } };
  const custom = { custom_metadata: { note: CANARY } };
  return { data: { current_version: 1, updated_time: at, versions, ...custom } };
}

function sendRaw(address: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(Number(new URL(address).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      resolve(received);
    });
    socket.write(text);
  });
}
