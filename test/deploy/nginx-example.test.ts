import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../support/run-node';

interface Reply {
  status: number;
  headersOut?: Record<string, string>;
  responseText?: string;
}

/** A request of njs, with the replies of subrequests by their path. */
function request(replies: Readonly<Record<string, Reply>>) {
  const returned: unknown[] = [];
  const asked: string[] = [];
  return {
    returned,
    asked,
    args: { code: 'c' },
    variables: { request_id: 'session' } as Record<string, string>,
    headersOut: {} as Record<string, string>,
    warn: () => undefined,
    return: (...answer: unknown[]) => returned.push(answer),
    subrequest: (where: string) => {
      asked.push(where);
      return Promise.resolve(replies[where] ?? { status: 404 });
    },
  };
}

/** An ES module, as njs loads it. */
const { default: example } = jest.requireActual<{
  default: { authorized: unknown; finishLogin: (r: ReturnType<typeof request>) => Promise<void> };
}>('../../deploy/nginx/syncer.js');

const EXCHANGED = { status: 200, responseText: '{"id_token":"jwt"}' };
const verdict = (status: string): Reply => ({ status: 200, headersOut: { 'X-Token-Status': status } });

describe('the njs example', () => {
  test('stores the session, asks Syncer, and sends the client on when the token is Synced', async () => {
    const r = request({ '/_exchange': EXCHANGED, '/_synced': verdict('Synced') });
    await example.finishLogin(r);
    expect(r.asked).toEqual(['/_exchange', '/_synced']);
    expect(r.variables['new_jwt']).toBe('jwt');
    expect(r.headersOut['Set-Cookie']).toMatch(/^auth_token=session;/);
    expect(r.returned).toEqual([[302, '/']]);
  });

  test.each<[string, Reply]>([
    ['Partialy', verdict('Partialy')],
    ['NotSynced', verdict('NotSynced')],
    ['Timeout', verdict('Timeout')],
    ['no verdict', { status: 503, headersOut: {} }],
  ])('lets the client wait a second with %s', async (_, reply) => {
    const r = request({ '/_exchange': EXCHANGED, '/_synced': reply });
    await example.finishLogin(r);
    expect(r.headersOut).toMatchObject({ Refresh: '1; url=/' });
    expect(r.returned).toEqual([[200, 'One moment, please.\n']]);
  });

  test('refuses a login without a token of the identity provider', async () => {
    const r = request({ '/_exchange': { status: 400 } });
    await example.finishLogin(r);
    expect(r.returned).toEqual([[401]]);
    expect(r.headersOut).toEqual({});
  });

  test('uses functions and locations that nginx.conf has', () => {
    const conf = fs.readFileSync(path.join(ROOT, 'deploy', 'nginx', 'nginx.conf'), 'utf8');
    const used = [...conf.matchAll(/js_content syncer\.(\w+);/g)].map(([, name]) => name).sort();
    expect(used).toEqual(Object.keys(example).sort());
    expect(conf).toContain('location = /_synced {');
    for (const header of ['X-Auth-Token $request_id;', 'X-Nginx-Origin $hostname;']) {
      expect(conf).toContain(`proxy_set_header ${header}`);
    }
    expect(conf.split('{')).toHaveLength(conf.split('}').length);
  });
});
