import { z } from 'zod';
import type { SyncerMetrics } from '../metrics';
import type { App } from './app';

/** `/metrics`, in the text format of Prometheus. */
export function addMetrics(app: App, { registry }: SyncerMetrics): void {
  const schema = {
    tags: ['health'],
    summary: 'Metrics in the text format of Prometheus',
    response: {
      200: { description: 'All metrics', content: { 'text/plain': { schema: z.string() } } },
    },
  };
  app.get('/metrics', { schema }, async (_request, reply) => {
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
}
