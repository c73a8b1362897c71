import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { App } from './app';

/** Everything comes from this server: the page works without internet. */
const PAGE_POLICY =
  "default-src 'self'; base-uri 'self'; frame-ancestors 'self'; object-src 'none'; img-src 'self' data:; " +
  "style-src 'self' 'unsafe-inline'";

/** The page is below it. */
const PAGE = '/docs';

/** Collects the routes that are added after it into an OpenAPI document. */
export async function addOpenApi(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Syncer', description: 'Is a token, or a secret, in every place yet?', version },
    },
    transform: jsonSchemaTransform,
  });
}

/** `/openapi.json`, `/openapi3.json` as the original names it, and at `/` the page to read it. */
export async function addOpenApiPage(app: App): Promise<void> {
  const hidden = { schema: { hide: true } };
  for (const path of ['/openapi.json', '/openapi3.json'])
    app.get(path, hidden, async (_request, reply) =>
      reply.header('content-type', 'application/json; charset=utf-8').send(JSON.stringify(app.swagger())),
    );
  app.get('/', hidden, async (_request, reply) => reply.redirect(`${PAGE}/`));
  await app.register(swaggerUi, {
    routePrefix: PAGE,
    staticCSP: PAGE_POLICY,
    theme: { title: 'Syncer' },
    uiConfig: { validatorUrl: null, persistAuthorization: false },
  });
}
