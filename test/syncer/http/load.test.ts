import type { IncomingMessage, ServerResponse } from 'node:http';
import { MAX_SECRET_QUESTIONS } from '../../../src/syncer/limits';
import { answer, silence } from '../../support/tiny-server';
import { AskedSync } from './asked-sync';
import { OpenApiDocument } from './openapi-document';
import { RunningSyncer } from './running-syncer';

/*
 * Every answer under load is held to the OpenAPI document that the same process serves: the questions of a wave come all at
 * once, and are more than Syncer takes.
 */

const TOKENS = '/v1/synced';
const SECRETS = '/v1/secrets/synced';

jest.setTimeout(30_000);

const MAX_REQUESTS = 80;
/** What is in progress at once is above both limits, because these take so long. */
const DEADLINE_MS = 2_000;
const VAULT_MS = 2_000;
const OF_SLOW_ONES = MAX_REQUESTS + 20;
const OF_SECRETS = MAX_SECRET_QUESTIONS + 16;
const OF_QUICK_ONES = 120;
const OF_MISTAKES = 20;
const OF_EACH_OTHER = 10;

let sync: AskedSync;
let syncer: RunningSyncer;
let document: OpenApiDocument;
let waves = 0;

beforeAll(async () => {
  sync = await AskedSync.create('token');
  sync.vault.answers(live);
  syncer = await RunningSyncer.start(4, {
    maxInFlight: { requests: MAX_REQUESTS, probes: 10_000 },
    requestDeadlineMs: DEADLINE_MS,
    sync: [sync.file],
  });
  for (const [at, pod] of syncer.pods.entries()) pod.answers(answerAbout(at));
  document = await OpenApiDocument.of(syncer);
});
afterAll(async () => {
  await syncer.close();
  await sync.close();
});

/** The beginning of a token says who has it. pod-0 is the origin. */
function answerAbout(pod: number) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const [, who] = /auth_token=(\w+)-/.exec(request.headers.cookie ?? '') ?? [];
    if (who === 'slow') silence(request, response);
    else answer(who === 'all' || (who === 'most' && pod !== 3) ? 200 : 401)(request, response);
  };
}

/** A secret with one version. It takes the time of a slow Vault, so that questions are in progress together. */
function live(request: IncomingMessage, response: ServerResponse): void {
  const times = { created_time: '2026-11-21T13:00:00Z', deletion_time: '', destroyed: false };
  const data = { current_version: 1, updated_time: '2026-11-21T13:00:00Z', versions: { 1: times } };
  setTimeout(() => {
    answer(200, { data })(request, response);
  }, VAULT_MS);
}

interface Asked {
  /** As the document names it. */
  readonly route: string;
  readonly answer: Promise<Response>;
}

const times = (count: number, ask: (at: number) => Asked): Asked[] =>
  Array.from({ length: count }, (_, at) => ask(at));

const get = (route: string, query = '', headers: Record<string, string> = {}): Asked => ({
  route,
  answer: syncer.get(`${route}${query}`, headers),
});

function tokenQuestions(): Asked[] {
  const wave = waves++;
  const ask = (who: string, at: number): Asked => ({
    route: TOKENS,
    answer: syncer.ask(`${who}-${wave}-${at}`),
  });
  const quick = ['all', 'most', 'none'];
  return [
    ...times(OF_QUICK_ONES, (at) => ask(quick[at % quick.length] ?? '', at)),
    ...times(OF_SLOW_ONES, (at) => ask('slow', at)),
  ];
}

function mistakes(): Asked[] {
  const token = { 'X-Auth-Token': 'all-1' };
  const origin = { 'X-Nginx-Origin': 'pod-0' };
  const headers = [
    {},
    token,
    origin,
    { ...origin, 'X-Auth-Token': 'a;b' },
    { ...origin, 'X-Auth-Token': 'a'.repeat(4_001) },
    { ...token, 'X-Nginx-Origin': 'a'.repeat(254) },
  ];
  return times(OF_MISTAKES, (at) => get(TOKENS, '', headers[at % headers.length]));
}

function secretQuestions(): Asked[] {
  const good = ['?path=secret/app', '?path=secret/app&at-least=2'];
  const bad = ['', '?path=other/app', '?path=secret/app&wait=1', '?path=secret/app&at-least=x'];
  return [
    ...times(OF_SECRETS, (at) => get(SECRETS, good[at % good.length])),
    ...times(OF_MISTAKES, (at) => get(SECRETS, bad[at % bad.length])),
  ];
}

const others = (): Asked[] =>
  ['/health', '/livez', '/readyz', '/metrics'].flatMap((route) => times(OF_EACH_OTHER, () => get(route)));

/** Holds each answer to the document. @returns how many there were of each kind, such as "/v1/synced 200 Synced" */
async function kindsOf(asked: readonly Asked[]): Promise<Map<string, number>> {
  const kinds = new Map<string, number>();
  await Promise.all(
    asked.map(async ({ route, answer }) => {
      const response = await answer;
      await document.matches(route, response);
      const { headers, status } = response;
      const verdict = headers.get('x-token-status') ?? headers.get('x-secret-status');
      const kind = [route, status, ...(verdict === null ? [] : [verdict])].join(' ');
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }),
  );
  return kinds;
}

describe('the answers under load', () => {
  it('are those of the document, with each verdict and each refusal', async () => {
    const asked = [...mistakes(), ...tokenQuestions(), ...secretQuestions(), ...others()];
    const kinds = await kindsOf(asked);
    expect([...kinds.keys()].sort()).toEqual([
      '/health 200',
      '/livez 200',
      '/metrics 200',
      '/readyz 200',
      `${SECRETS} 200 NotSynced`,
      `${SECRETS} 400`,
      `${SECRETS} 429`,
      `${TOKENS} 200 NotSynced`,
      `${TOKENS} 200 Partialy`,
      `${TOKENS} 200 Synced`,
      `${TOKENS} 200 Timeout`,
      `${TOKENS} 400`,
      `${TOKENS} 429`,
    ]);
    const count = [...kinds.values()].reduce((sum, each) => sum + each, 0);
    expect(count).toBe(asked.length);
    expect(count).toBeGreaterThan(350);
    expect(await syncer.metric('syncer_in_flight{of="requests"}')).toBe(0);
  });

  it('are those of the document while there is no list', async () => {
    const { list } = syncer.source;
    syncer.source.list = { instances: [] };
    const kinds = await kindsOf([...tokenQuestions(), ...others()]);
    syncer.source.list = list;
    expect([...kinds.keys()]).toEqual(expect.arrayContaining(['/readyz 503', `${TOKENS} 503`]));
    expect(kinds.get('/readyz 503')).toBe(OF_EACH_OTHER);
    expect([...kinds.keys()].filter((kind) => kind.startsWith(`${TOKENS} 200`))).toEqual([]);
  });
});
