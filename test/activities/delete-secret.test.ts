import type http from 'node:http';
import { deleteAt } from '../../src/activities/destination/deletes/delete-secret';
import type { Kv2 } from '../../src/vault/kv2';
import { kv2Before } from '../support/kv2-before';
import { answer, TinyServer } from '../support/tiny-server';

const { signal } = new AbortController();
const confirm = (): Promise<boolean> => Promise.resolve(true);
const data = (version: number) => ({
  data: {
    data: { a: 1 },
    metadata: { version, created_time: '2026-01-01T00:00:00Z', deletion_time: '', destroyed: false },
  },
});

let server: TinyServer;
let vault: Kv2;
/** Versions in the answers to the reads, one after the other. */
let versions: number[];

beforeAll(async () => {
  const handler = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (request.method === 'GET') answer(200, data(versions.shift() ?? 0))(request, response);
    else if (request.method === 'DELETE') answer(204)(request, response);
    else answer(403, { errors: ['permission denied'] })(request, response);
  };
  server = await TinyServer.start(handler);
  vault = kv2Before(server);
});
afterAll(async () => {
  await vault.client.close();
  await server.close();
});

/** The policies of the original vsync allow only to delete what is the latest version. */
test.each([
  ['deletes the latest version if it is the one that was read', [3, 3], 'deleted'],
  ['does not delete a version that was written after the one that was read', [3, 4], 'held'],
])('deleteAt without the permission to delete one version %s', async (_what, read, done) => {
  versions = [...read];
  server.requests.length = 0;
  expect(await deleteAt({ vault }, { mount: 'kv/', rel: 'a' }, signal, confirm)).toBe(done);
  expect(server.requests).toEqual([
    'GET /v1/kv/data/a',
    'POST /v1/kv/delete/a',
    'GET /v1/kv/data/a',
    ...(done === 'deleted' ? ['DELETE /v1/kv/data/a'] : []),
  ]);
});
