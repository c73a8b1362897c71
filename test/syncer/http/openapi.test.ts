import { MAX_SECRET_QUESTIONS } from '../../../src/syncer/limits';
import { answer } from '../../support/tiny-server';
import { AskedSync } from './asked-sync';
import { OpenApiDocument } from './openapi-document';
import { RunningSyncer } from './running-syncer';

let sync: AskedSync;
let syncer: RunningSyncer;
let document: OpenApiDocument;

beforeAll(async () => {
  sync = await AskedSync.create('token');
  syncer = await RunningSyncer.start(3, { maxInFlight: { requests: 2, probes: 1_000 }, sync: [sync.file] });
  document = await OpenApiDocument.of(syncer);
});
afterAll(async () => {
  await syncer.close();
  await sync.close();
});

const SECRETS = '/v1/secrets/synced';

/** Metadata of a secret with one version. */
const LIVE = {
  data: {
    current_version: 1,
    updated_time: '2026-11-21T13:00:00Z',
    versions: { 1: { created_time: '2026-11-21T13:00:00Z', deletion_time: '', destroyed: false } },
  },
};

describe('the OpenAPI document', () => {
  it('lists every route of the API, and nothing else', () => {
    expect(document.content).toMatchObject({ openapi: '3.1.0', info: { title: 'Syncer', version: '1.2.3' } });
    expect(Object.keys(document.content.paths).sort()).toEqual([
      '/health',
      '/livez',
      '/metrics',
      '/readyz',
      '/v1/secrets/synced',
      '/v1/synced',
    ]);
    for (const operations of Object.values(document.content.paths))
      for (const { summary } of Object.values(operations)) expect(summary).toBeTruthy();
  });

  it('describes both headers of a question as required', () => {
    const parameters = document.content.paths['/v1/synced']?.['get']?.parameters ?? [];
    expect(parameters.map(({ name, in: where, required }) => [name, where, required])).toEqual([
      ['x-auth-token', 'header', true],
      ['x-nginx-origin', 'header', true],
    ]);
  });

  it.each([
    ['Synced', [401, 200, 200]],
    ['Partialy', [401, 200, 401]],
    ['NotSynced', [401, 500, 401]],
  ])('describes the answer %s', async (verdict, statuses) => {
    syncer.answers(...statuses);
    const response = await syncer.ask();
    expect(response.headers.get('X-Token-Status')).toBe(verdict);
    await document.matches('/v1/synced', response);
  });

  it('describes 400, 429 and 503', async () => {
    await document.matches('/v1/synced', await syncer.get('/v1/synced'));
    const { list } = syncer.source;
    syncer.source.list = { instances: [] };
    const unknown = await syncer.ask();
    expect(unknown.status).toBe(503);
    await document.matches('/v1/synced', unknown);
    await document.matches('/readyz', await syncer.get('/readyz'));
    syncer.source.list = list;
    const waiting: (() => void)[] = [];
    syncer.pods[1]?.answers((request, response) =>
      waiting.push(() => {
        answer(200)(request, response);
      }),
    );
    const asked = ['a', 'b', 'c'].map((token) => syncer.ask(token));
    const first = await Promise.race(asked);
    expect(first.status).toBe(429);
    await document.matches('/v1/synced', first);
    while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const finish of waiting) finish();
    for (const each of await Promise.all(asked)) if (!each.bodyUsed) await each.text();
  });

  it('describes the parameters of a question about a secret', () => {
    const parameters = document.content.paths[SECRETS]?.['get']?.parameters ?? [];
    expect(parameters.map(({ name, in: where, required }) => [name, where, required])).toEqual([
      ['path', 'query', true],
      ['wait', 'query', false],
      ['verify', 'query', false],
      ['at-least', 'query', false],
    ]);
  });

  it('describes the answers of a question about a secret', async () => {
    const absent = await syncer.get(`${SECRETS}?path=secret/app`);
    expect(absent.headers.get('X-Secret-Status')).toBe('NotSynced');
    expect(await document.matches(SECRETS, absent)).toMatchObject({
      destinations: [{ state: 'deleted' }],
    });
    sync.vault.answers(answer(200, LIVE));
    const live = await document.matches(SECRETS, await syncer.get(`${SECRETS}?path=secret/app&at-least=1`));
    expect(live).toMatchObject({ destinations: [{ state: 'behind', version: 1 }] });
    sync.vault.answers(answer(403, { errors: ['permission denied'] }));
    const failed = await document.matches(SECRETS, await syncer.get(`${SECRETS}?path=secret/app`));
    expect(failed).toMatchObject({ destinations: [{ state: 'failed' }] });
    await document.matches(SECRETS, await syncer.get(`${SECRETS}?path=other/app`));
  });

  it('describes 429 of a question about a secret', async () => {
    const finish: (() => void)[] = [];
    sync.vault.answers((request, response) => {
      finish.push(() => {
        answer(200, LIVE)(request, response);
      });
    });
    const asked = Array.from({ length: MAX_SECRET_QUESTIONS + 1 }, () =>
      syncer.get(`${SECRETS}?path=secret/app`),
    );
    const first = await Promise.race(asked);
    expect(first.status).toBe(429);
    await document.matches(SECRETS, first);
    sync.vault.answers(answer(200, LIVE));
    for (const each of finish) each();
    for (const each of await Promise.all(asked)) if (!each.bodyUsed) await each.text();
  });

  it.each(['/health', '/livez', '/readyz'])('describes the answer of %s', async (path) => {
    await document.matches(path, await syncer.get(path));
  });

  it("has the original's answer of /health", async () => {
    expect(await (await syncer.get('/health')).json()).toEqual({ status: 'Up' });
  });

  it('describes the answer of /metrics', async () => {
    expect(await document.matches('/metrics', await syncer.get('/metrics'))).toContain('syncer_instances 3');
  });

  it('is the same under the name that the original has', async () => {
    expect(await (await syncer.get('/openapi3.json')).json()).toEqual(document.content);
  });
});

describe('the page of the API', () => {
  it('is at "/", and loads nothing from other servers', async () => {
    const root = await syncer.get('/');
    await root.text();
    expect([root.status, root.headers.get('location')]).toEqual([302, '/docs/']);
    const page = await syncer.get('/docs/');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    expect(html).toContain('<title>Syncer</title>');
    const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    expect(loaded.length).toBeGreaterThan(3);
    expect(loaded.filter((link) => /^(https?:)?\/\//.test(link))).toEqual([]);
    for (const link of loaded) {
      const { pathname } = new URL(link, `${syncer.address}/docs/`);
      const file = await syncer.get(pathname);
      await file.arrayBuffer();
      expect([pathname, file.status]).toEqual([pathname, 200]);
    }
  });

  it('reads the document from this server', async () => {
    const script = await (await syncer.get('/docs/static/swagger-initializer.js')).text();
    expect(script).not.toMatch(/["'](https?:)?\/\//);
    expect(await (await syncer.get('/docs/json')).json()).toEqual(document.content);
  });

  it('has no inline script, which its policy would forbid', async () => {
    const html = await (await syncer.get('/docs/')).text();
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>/);
    const script = await (await syncer.get('/docs/static/swagger-initializer.js')).text();
    expect(script).toContain('"validatorUrl":null');
  });
});

describe('an unknown route', () => {
  it('answers 404, and quotes nothing of the request', async () => {
    const response = await syncer.get('/v1/cAnArY?token=cAnArY');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: 'NotFound',
      message: 'there is no such route; "/" lists them',
    });
  });
});
