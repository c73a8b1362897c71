import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../../log';
import type { SyncerConfig } from '../config';
import { listProblem } from '../instances/create';
import type { InstanceSource } from '../instances/instance';
import { MAX_NAMED_INSTANCES, MAX_ORIGIN_LENGTH } from '../limits';
import { detailOf, type Refusal, type SyncerMetrics } from '../metrics';
import type { NotYet, RoundResult } from '../round';
import type { Rounds } from '../rounds';
import { tokenProblem } from '../token';
import { countStates, STATES, VERDICTS } from '../verdict';
import { ErrorBody, HttpError, type App } from './app';
import { goneAway, onRequestEnd } from './request-end';

export interface SyncedDeps {
  readonly config: Pick<SyncerConfig, 'maxListAgeMs' | 'maxInFlight' | 'probe'>;
  readonly source: InstanceSource;
  readonly rounds: Rounds;
  readonly metrics: SyncerMetrics;
  readonly log: Logger;
}

/** What a header may have: no space, and no line end. */
const WORD = /^[\x21-\x7e]+$/;

const required = (what: string) => `is missing; send ${what}`;

function headersSchema(mode: SyncerConfig['probe']['mode']) {
  return z.object({
    'x-auth-token': z
      .string(required('the key of the key-value zone: the session id that the cookie has, not the JWT'))
      .refine((token) => tokenProblem(token, mode) === undefined, {
        error: ({ input }) => tokenProblem(String(input), mode),
      })
      .describe('key of the key-value zone: the session id in the cookie, not the JWT'),
    'x-nginx-origin': z
      .string(required('the name ($hostname) or the address of the instance that asks'))
      .max(MAX_ORIGIN_LENGTH, `has more than ${MAX_ORIGIN_LENGTH} characters`)
      .regex(WORD, 'must be the name ($hostname) or the address of the instance that asks')
      .describe('name ($hostname) or IP address of the instance that asks; it is not probed'),
  });
}

const SyncedBody = z
  .object({
    status: z.enum(VERDICTS).describe('the verdict, as in X-Token-Status'),
    origin: z.enum(['known', 'unknown']).describe('whether X-Nginx-Origin is in the list of instances'),
    instances: z.int().min(0).describe('instances in the list'),
    present: z.int().min(0).describe('instances that have the token, without the origin'),
    absent: z.int().min(0).describe('instances that do not have it yet'),
    refused: z.int().min(0).describe('instances that answered with neither yes nor no'),
    failed: z.int().min(0).describe('instances that did not answer'),
    pending: z.int().min(0).describe('instances whose tries had not ended at the deadline'),
    notYet: z
      .array(
        z.object({
          instance: z.string().describe('name of the instance'),
          state: z.enum(STATES).describe('its state at the end'),
          detail: z.string().describe('status or reason of its last answer; empty if there is none'),
        }),
      )
      .max(MAX_NAMED_INSTANCES)
      .describe(`the first ${MAX_NAMED_INSTANCES} instances that do not have the token`),
  })
  .meta({
    description: 'The verdict',
    headers: { 'X-Token-Status': { type: 'string', enum: [...VERDICTS], description: 'the verdict' } },
  });

/** `GET /v1/synced`: is this token on every instance? */
export function addSynced(app: App, deps: SyncedDeps): void {
  const { config, rounds, metrics, log } = deps;
  const schema = {
    tags: ['tokens'],
    summary: 'Is this token on every NGINX instance?',
    description:
      'Asks every instance but the origin, again and again until each has the token, the tries are used up, or the ' +
      'deadline has come. The status is 200 with every verdict.',
    headers: headersSchema(config.probe.mode),
    response: {
      200: SyncedBody,
      400: ErrorBody.meta({ description: 'A header is missing or malformed' }),
      429: ErrorBody.meta(retryMeta('Too many questions or probes are in progress')),
      503: ErrorBody.meta(retryMeta('The instances are not known')),
    },
  };
  const counted = { attachValidation: true, onRequest: limitRequests(deps) };
  app.get('/v1/synced', { schema, ...counted }, async (request, reply) => {
    const startedMs = performance.now();
    if (request.validationError !== undefined) {
      metrics.refusal('malformed');
      throw request.validationError;
    }
    const { 'x-auth-token': token, 'x-nginx-origin': origin } = request.headers;
    const instances = usableInstances(deps);
    const asked = rounds.ask({ token, origin, instances, signal: goneAway(request, reply) });
    if (asked === 'too many')
      throw refused(metrics, 'too_many_probes', 429, 'too many probes are in progress (maxInFlight.probes)');
    const result = await asked;
    if (result === undefined) return reply.hijack();
    const durationMs = performance.now() - startedMs;
    metrics.verdict(result.verdict, durationMs);
    const body = bodyOf(result);
    log.debug({ ...body, durationMs: Math.round(durationMs) }, 'verdict');
    return reply.header('x-token-status', result.verdict).send(body);
  });
}

function retryMeta(description: string) {
  const retryAfter = { type: 'string', description: 'seconds until another attempt has a chance' };
  return { description, headers: { 'Retry-After': retryAfter } };
}

/** Refuses what is above the limit before anything else is done for it. */
function limitRequests({ config, metrics }: SyncedDeps) {
  let inFlight = 0;
  metrics.requestsInFlight = () => inFlight;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (inFlight >= config.maxInFlight.requests)
      throw refused(
        metrics,
        'too_many_requests',
        429,
        'too many questions are in progress (maxInFlight.requests)',
      );
    inFlight += 1;
    onRequestEnd(request, reply, () => {
      inFlight -= 1;
    });
    return Promise.resolve();
  };
}

function usableInstances({ config, source, metrics }: SyncedDeps) {
  const problem = listProblem(source, config.maxListAgeMs);
  if (problem !== undefined)
    throw refused(metrics, 'no_list', 503, `no verdict, because ${problem}`, 'NoInstances');
  return source.current().instances;
}

function refused(
  metrics: SyncerMetrics,
  reason: Refusal,
  status: 429 | 503,
  what: string,
  error = 'TooManyRequests',
): HttpError {
  metrics.refusal(reason);
  return new HttpError(status, error, status === 429 ? `${what}; try again` : what, true);
}

/** The origin is not quoted: it is text of the client. */
function bodyOf({ verdict, states, notYet }: RoundResult): z.output<typeof SyncedBody> {
  const { origin, ...counts } = countStates(states);
  return {
    status: verdict,
    origin: origin > 0 ? 'known' : 'unknown',
    instances: states.length,
    ...counts,
    notYet: notYet.slice(0, MAX_NAMED_INSTANCES).map(describeNotYet),
  };
}

function describeNotYet({ instance, state, answer }: NotYet) {
  return { instance: instance.name, state, detail: answer === undefined ? '' : detailOf(answer) };
}
