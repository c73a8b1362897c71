import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createApp, type App } from '../../../src/syncer/http/app';
import { addSecrets, type AskSecrets } from '../../../src/syncer/http/secrets';
import { MAX_SECRET_QUESTIONS } from '../../../src/syncer/limits';
import type { SecretAnswer } from '../../../src/syncer/secrets/answer';
import { readSecretPath } from '../../../src/syncer/secrets/path';
import { eventually } from '../../support/eventually';
import { pipelined } from '../../support/pipelined';

/** The route alone. What it asks is tested on real servers in test/integration/synced.test.ts. */

const ANSWER: SecretAnswer = {
  path: 'secret/data/app',
  verdict: 'Partialy',
  destinations: [
    { name: 'site1', state: 'synced', detail: 'has version 3', version: 3 },
    { name: 'site2', state: 'failed', detail: 'no answer', version: 3, to: 'kv/data/app' },
  ],
};

type Asked = Parameters<AskSecrets['ask']>;

let app: App;
let asked: Asked[];
let answer: (...of: Asked) => Promise<SecretAnswer>;
let verdicts: string[];
let closed: number;
let errors: unknown[];

beforeEach(async () => {
  asked = [];
  verdicts = [];
  closed = 0;
  errors = [];
  answer = () => Promise.resolve(ANSWER);
  app = createApp(undefined, (error) => errors.push(error));
  const question: AskSecrets = {
    placeOf: (text) => readSecretPath(text, ['secret/']),
    ask: (...of) => {
      asked.push(of);
      return answer(...of);
    },
    close: () => {
      closed += 1;
      return Promise.resolve();
    },
  };
  addSecrets(app, {
    question,
    metrics: {
      secretVerdict: (verdict) => verdicts.push(verdict),
      secretRefusal: () => verdicts.push('refused'),
    },
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  app.stopping.now = true;
  await app.close();
  expect(errors).toEqual([]);
});

const url = (query: string): string => `${app.listeningOrigin}/v1/secrets/synced${query}`;

/** An answer that comes only when the question is aborted, and when it was asked. */
function hanging(): { asked: Promise<AbortSignal> } {
  let isAsked: (signal: AbortSignal) => void = () => undefined;
  const first = new Promise<AbortSignal>((resolve) => (isAsked = resolve));
  answer = (_place, { signal }) =>
    new Promise((_resolve, reject) => {
      isAsked(signal);
      signal.addEventListener('abort', () => {
        reject(new Error('aborted'));
      });
    });
  return { asked: first };
}

describe('GET /v1/secrets/synced', () => {
  test('answers with the verdict in a header, and the destinations in the body', async () => {
    const got = await fetch(url('?path=secret/data/team/app&wait=30s&verify=true'));
    expect(got.status).toBe(200);
    expect(got.headers.get('x-secret-status')).toBe('Partialy');
    expect(await got.json()).toEqual(ANSWER);
    expect(asked).toMatchObject([
      [
        { mount: 'secret/', rel: 'team/app' },
        { waitMs: 30_000, verify: true },
      ],
    ]);
    expect(verdicts).toEqual(['Partialy']);
  });

  test('neither waits nor compares values, unless it is asked to', async () => {
    await fetch(url('?path=secret/app'));
    expect(asked).toMatchObject([[{ rel: 'app' }, { waitMs: 0, verify: false }]]);
  });

  test('passes on the version that the pipeline has written', async () => {
    await fetch(url('?path=secret/app&at-least=3'));
    expect(asked).toMatchObject([[{ rel: 'app' }, { atLeast: 3 }]]);
  });

  test.each([
    ['', 'path: is missing'],
    ['?path=', 'path: is empty'],
    ['?path=other/app', 'is below none of the mounts'],
    ['?path=secret/team/', 'is that of a folder'],
    ['?path=secret/app&wait=30', 'wait: must be a duration'],
    ['?path=secret/app&wait=2m', 'wait: must be at most 1m'],
    ['?path=secret/app&wait=99999999999h', 'wait: is too long'],
    ['?path=secret/app&verify=yes', 'verify: must be true or false'],
    ['?path=secret/app&at-least=', 'at-least: must be a version such as 3'],
    ['?path=secret/app&at-least=0', 'at-least: must be a version such as 3'],
    ['?path=secret/app&at-least=3&at-least=4', 'at-least: must be a version such as 3'],
    ['?path=secret/app&atLeast=3', 'is not a parameter'],
  ])('refuses %j with 400', async (query, why) => {
    const got = await fetch(url(query));
    expect(got.status).toBe(400);
    expect(((await got.json()) as { message: string }).message).toContain(why);
    expect(asked).toEqual([]);
  });

  test('refuses more questions than may be in progress, with Retry-After', async () => {
    const { asked: first } = hanging();
    const stop = new AbortController();
    const one = (): Promise<unknown> =>
      fetch(url('?path=secret/app'), { signal: stop.signal }).catch(() => undefined);
    const held = Array.from({ length: MAX_SECRET_QUESTIONS + 1 }, one);
    await first;
    await Promise.race(held);
    expect(asked).toHaveLength(MAX_SECRET_QUESTIONS);
    const got = await fetch(url('?path=secret/app'));
    expect([got.status, got.headers.get('retry-after')]).toEqual([429, '1']);
    expect(verdicts).toContain('refused');
    stop.abort();
    await Promise.all(held);
  });

  test('ends the question when its client has left', async () => {
    const { asked: first } = hanging();
    const stop = new AbortController();
    const left = fetch(url('?path=secret/app'), { signal: stop.signal }).catch(() => 'left');
    const signal = await first;
    const ended = new Promise((resolve) => {
      signal.addEventListener('abort', resolve);
    });
    stop.abort();
    await ended;
    expect(await left).toBe('left');
  });

  test('ends all questions of a client that sends several at once and resets the connection', async () => {
    hanging();
    const socket = await pipelined(app.listeningOrigin, '/v1/secrets/synced?path=secret/app', [{}, {}, {}]);
    await eventually(async () => {
      expect(asked).toHaveLength(3);
      return Promise.resolve();
    }, 'three questions');
    socket.resetAndDestroy();
    await eventually(
      async () => {
        expect(asked.map(([, { signal }]) => signal.aborted)).toEqual([true, true, true]);
        return Promise.resolve();
      },
      'the end of the questions',
      5_000,
    );
  });

  test('answers 503 when Syncer shuts down, and closes what it asked', async () => {
    const { asked: first } = hanging();
    const got = fetch(url('?path=secret/app'));
    await first;
    app.stopping.now = true;
    await app.close();
    expect((await got).status).toBe(503);
    expect(closed).toBe(1);
  });

  test('refuses a question that comes on an open connection while Syncer shuts down', async () => {
    hanging();
    const socket = await pipelined(app.listeningOrigin, '/health', []);
    const connections = promisify(app.server.getConnections.bind(app.server));
    await eventually(async () => {
      expect(await connections()).toBe(1);
    }, 'the connection');
    app.stopping.now = true;
    const ended = app.close();
    socket.write('GET /v1/secrets/synced?path=secret/app HTTP/1.1\r\nHost: syncer\r\n\r\n');
    const received = await text(socket);
    expect(received).toMatch(/^HTTP\/1\.1 503 [^]*\r\nretry-after: 1\r\n[^]*"error":"Stopping"/);
    expect(asked).toEqual([]);
    await ended;
  });
});
