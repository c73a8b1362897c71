import { createUiServer, type UiServerOptions } from '../../../src/cli/ui/server';
import { wellDestination } from '../status/facts';
import { someViews, viewOf } from './views';

const serverOf = (options: Partial<UiServerOptions> = {}) =>
  createUiServer({ host: '127.0.0.1', read: () => Promise.resolve(someViews()), ...options });

async function page(options: Partial<UiServerOptions> = {}): Promise<string> {
  return (await serverOf(options).inject('/')).body;
}

describe('the page of vsync ui', () => {
  test('shows the words, the facts, the failures and the next commands of each sync', async () => {
    const text = await page();
    expect(text).toContain('<title>2 of 3 ok – vsync</title>');
    for (const name of ['main', 'site1', 'site2']) expect(text).toContain(`>${name} <small>`);
    expect(text).toContain('<span class="word warn"><span class="of">sync</span> behind</span>');
    expect(text).toContain('<span class="word warn"><span class="of">health</span> degraded</span>');
    expect(text).toContain(
      '<dd>1m1s: 1 secret is behind the origin, the oldest change of 2026-01-01T11:58:59.000Z</dd>',
    );
    expect(text).toContain('25 deletes wait for an approval');
    expect(text).toContain('<code>vsync approve --set 0a8f5d1c77e2 -c site1.json</code>');
    expect(text).toContain('secret/team/app');
    expect(text).toContain('Last 24 hours: 123 unchanged, 16 synced, 2 failed, 2 held, 1 partial');
  });

  test('shows the progress of the first copy only', async () => {
    const text = await page();
    expect(text.match(/<progress/g)).toHaveLength(1);
    expect(text).toContain('3400 of 10000 secrets, 34 %');
  });

  test('links cycles and schedules into the web UI of Temporal, if its address is given', async () => {
    expect(await page()).not.toMatch(/href="http/);
    const text = await page({ temporalUi: 'http://temporal.example.com' });
    expect(text).toContain(
      'href="http://temporal.example.com/namespaces/default/schedules/vsync-origin-main"',
    );
    expect(text).toContain(
      'href="http://temporal.example.com/namespaces/default/workflows/vsync-destination-site1-2026-01-01T11%3A59%3A00.000Z/run-1/history"',
    );
  });

  test('escapes what comes from names and servers', async () => {
    const name = '<script>alert(1)</script>"\'&';
    const view = viewOf(wellDestination({ name }), { name, problem: 'Temporal <b>' });
    const text = await page({ read: () => Promise.resolve([view]) });
    expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; <small>');
    expect(text).toContain('Temporal &lt;b&gt;. Below is the status of 2026-01-01T12:00:00.000Z');
    expect(text.match(/<script/g)).toHaveLength(1);
  });

  test('shows the reason where a status cannot be read', async () => {
    const { status: _status, ...view } = viewOf(wellDestination(), { problem: 'there is no schedule' });
    const text = await page({ read: () => Promise.resolve([view]) });
    expect(text).toContain('there is no schedule');
    expect(text).toContain('<title>0 of 1 ok – vsync</title>');
  });

  test('names no other server, and forbids the browser to load from one', async () => {
    const app = serverOf();
    const { body, headers } = await app.inject('/');
    const loaded = [...body.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    expect(loaded.sort()).toEqual(['/page.css', '/page.js', 'data:,']);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    for (const url of ['/page.css', '/page.js'])
      expect((await app.inject(url)).body).not.toMatch(/https?:|url\(|@import/);
  });

  test('has the same statuses as JSON, and no other route or method', async () => {
    const app = serverOf();
    const statuses = (await app.inject('/status.json')).json<{ status: unknown }[]>();
    expect(statuses.map(({ status }) => status)).toEqual(someViews().map(({ status }) => status));
    expect((await app.inject('/other')).statusCode).toBe(404);
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(404);
  });
});

describe('the access to vsync ui', () => {
  const basic = (password: string) => `Basic ${Buffer.from(`me:${password}`).toString('base64')}`;
  const TOKEN = 'a:token-of-the-page';

  test.each([
    ['no token', undefined, 401],
    ['another token', 'Bearer other', 401],
    ['another password', basic('other'), 401],
    ['a broken header', 'Basic', 401],
    ['the bearer token', `Bearer ${TOKEN}`, 200],
    ['the password of any user', basic(TOKEN), 200],
  ])('with a token: %s', async (_, authorization, status) => {
    const app = serverOf({ host: '0.0.0.0', token: TOKEN });
    for (const url of ['/', '/content', '/status.json', '/page.js']) {
      const answer = await app.inject({
        url,
        headers: { host: 'vsync.example.com', ...(authorization && { authorization }) },
      });
      expect([url, answer.statusCode]).toEqual([url, status]);
    }
  });

  test.each([
    ['localhost:8230', 200],
    ['127.0.0.1:8230', 200],
    ['[::1]:8230', 200],
    ['rebound.example.com:8230', 403],
  ])('without a token: the name %s', async (host, status) => {
    expect((await serverOf().inject({ url: '/', headers: { host } })).statusCode).toBe(status);
  });
});
