import Fastify, { type FastifyInstance } from 'fastify';
import { createHash, timingSafeEqual } from 'node:crypto';
import { SCRIPT, STYLE } from './assets';
import { mainOf, pageOf, titleOf, type PageOptions } from './page';
import type { SyncView } from './shared-status';

export interface UiServerOptions extends PageOptions {
  /** The host that it listens on. */
  readonly host: string;
  /** Without it only this machine may ask. */
  readonly token?: string | undefined;
  readonly read: () => Promise<SyncView[]>;
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The HTTP server of the page. Every route only reads. */
export function createUiServer({ host, token, read, ...options }: UiServerOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    bodyLimit: 1_024,
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    if (token !== undefined && !isAllowed(request.headers.authorization, token))
      return reply
        .code(401)
        .header('www-authenticate', 'Basic realm="vsync ui: any user, the token as password"')
        .type('text/plain')
        .send('the token of vsync ui is missing or wrong: give it as the password, or as a bearer token\n');
    // Without a token: a page of another site must not read this one by a name that leads to this machine.
    if (token === undefined && !isOwnName(request.hostname, host))
      return reply
        .code(403)
        .type('text/plain')
        .send('without a token, vsync ui answers to localhost, 127.0.0.1 and [::1] only\n');
    return undefined;
  });
  app.get('/', async (_, reply) => reply.type('text/html').send(pageOf(await read(), options)));
  app.get('/content', async () => {
    const views = await read();
    return { title: titleOf(views), content: mainOf(views, options).text };
  });
  app.get('/status.json', async () =>
    (await read()).map(({ status, problem, name, role }) => ({ name, role, status, problem })),
  );
  app.get('/page.css', async (_, reply) => reply.type('text/css').send(STYLE));
  app.get('/page.js', async (_, reply) => reply.type('text/javascript').send(SCRIPT));
  app.setNotFoundHandler(async (_, reply) =>
    reply.code(404).type('text/plain').send('there are only / and /status.json\n'),
  );
  return app;
}

export const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '::1']);

function isOwnName(given: string, host: string): boolean {
  const name = given.replace(/^\[|\]$/g, '');
  return LOOPBACK.has(name) || name === host;
}

/** As a bearer token, or as the password of any user, which is what browsers ask for. */
function isAllowed(header: string | undefined, token: string): boolean {
  const [, scheme = '', credentials = ''] = /^(\w+) +(\S+)$/.exec(header ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return isSame(credentials, token);
  if (scheme.toLowerCase() !== 'basic') return false;
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  return isSame(text.slice(text.indexOf(':') + 1), token);
}

/** In a time that shows nothing of the token. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
