import { z } from 'zod';
import type { Readiness } from '../readiness';
import type { App } from './app';

const READY = z.object({
  status: z.enum(['ready', 'not ready']),
  problems: z.array(z.string()).describe('why it is not ready, and what to do'),
  warnings: z.array(z.string()).describe('what was found, although it is ready'),
});

/** `/health` as the original has it, and what Kubernetes asks. */
export function addHealth(app: App, readiness: Readiness): void {
  const tags = ['health'];
  app.get(
    '/health',
    {
      schema: {
        tags,
        summary: 'Whether the process answers, as in the original',
        response: { 200: z.object({ status: z.literal('Up') }).meta({ description: 'It answers' }) },
      },
    },
    async () => Promise.resolve({ status: 'Up' as const }),
  );
  app.get(
    '/livez',
    {
      schema: {
        tags,
        summary: 'Whether the process answers',
        response: { 200: z.object({ status: z.literal('ok') }).meta({ description: 'It answers' }) },
      },
    },
    async () => Promise.resolve({ status: 'ok' as const }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags,
        summary: 'Whether it can answer questions',
        response: {
          200: READY.meta({ description: 'It can' }),
          503: READY.meta({ description: 'It cannot: the reasons are in the body' }),
        },
      },
    },
    async (_request, reply) => {
      const { problems, warnings } = readiness.state();
      if (problems.length === 0) return reply.code(200).send({ status: 'ready', problems, warnings });
      return reply.code(503).send({ status: 'not ready', problems, warnings });
    },
  );
}
