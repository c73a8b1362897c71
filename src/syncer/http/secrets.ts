import { z } from 'zod';
import { UsageError } from '../../errors';
import { DURATION_PATTERN, DurationError, formatDuration, parseDuration } from '../../rules/time';
import type { Location } from '../../rules/paths';
import { MAX_SECRET_QUESTIONS, MAX_SYNCED_HTTP_WAIT_MS } from '../limits';
import type { SyncerMetrics } from '../metrics';
import { SecretAnswer } from '../secrets/answer';
import { SECRET_VERSION_PATTERN } from '../secrets/path';
import type { QuestionOptions, SecretsQuestion } from '../secrets/secrets-question';
import { VERDICTS } from '../verdict';
import { ErrorBody, HttpError, type App } from './app';
import { goneAway } from './request-end';

/** What answers the questions. */
export type AskSecrets = Pick<SecretsQuestion, 'placeOf' | 'ask' | 'close'>;

export interface SecretsDeps {
  /** Closed together with the server. */
  readonly question: AskSecrets;
  readonly metrics: Pick<SyncerMetrics, 'secretVerdict' | 'secretRefusal'>;
}

const UNKNOWN = {
  error: ({ code }: { readonly code?: string | undefined }) =>
    code === 'unrecognized_keys'
      ? 'the query has something that is not a parameter of this route: those are path, wait, verify and at-least'
      : undefined,
};

const LONGEST_WAIT = formatDuration(MAX_SYNCED_HTTP_WAIT_MS);

/** Strict: a parameter that is not known would be left out, and with it what it demands of the answer. */
const Query = z.strictObject(
  {
    path: z
      .string('is missing; send the path of the secret, as "vault kv" names it')
      .min(1, 'is empty; send the path of the secret, as "vault kv" names it')
      .max(4_096, 'has more than 4096 characters')
      .describe('the secret, as "vault kv" names it')
      .meta({ example: 'secret/team/app' }),
    wait: z
      .string()
      .regex(new RegExp(DURATION_PATTERN), 'must be a duration such as 500ms or 30s')
      .default('0s')
      .describe(`how long to wait until the secret is synced, at most ${LONGEST_WAIT}`),
    verify: z
      .enum(['true', 'false'], 'must be true or false')
      .default('false')
      .describe('also compare the values; the answer has none'),
    'at-least': z
      .string('must be a version such as 3, and given once')
      .regex(new RegExp(SECRET_VERSION_PATTERN), 'must be a version such as 3')
      .optional()
      .describe('the version that the write returned: an older answer of the origin does not count')
      .meta({ example: '3' }),
  },
  UNKNOWN,
);

const retryAfter = {
  'Retry-After': { type: 'string', description: 'seconds until another attempt has a chance' },
};

const SCHEMA = {
  tags: ['secrets'],
  summary: "Is the origin's current version of this secret at every destination?",
  description:
    'Asks the origin, and the sync info of each destination that the key sync names. With wait, asks again until the secret ' +
    'is synced. The status is 200 with every verdict.',
  querystring: Query,
  response: {
    200: SecretAnswer.meta({
      description: 'The verdict',
      headers: { 'X-Secret-Status': { type: 'string', enum: [...VERDICTS], description: 'the verdict' } },
    }),
    400: ErrorBody.meta({ description: 'A parameter cannot be read, or is not one of this route' }),
    429: ErrorBody.meta({ description: 'Too many questions are in progress', headers: retryAfter }),
    503: ErrorBody.meta({ description: 'Syncer is stopping', headers: retryAfter }),
  },
};

/** `GET /v1/secrets/synced`: is the origin's current version of a secret at every destination? */
export function addSecrets(app: App, { question, metrics }: SecretsDeps): void {
  const inProgress = new Set<AbortController>();
  // Before the server waits for its requests: a question may wait for a minute.
  app.addHook('preClose', (next) => {
    for (const question of inProgress) question.abort();
    next();
  });
  app.addHook('onClose', () => question.close());
  app.get('/v1/secrets/synced', { schema: SCHEMA }, async (request, reply) => {
    // Nothing would abort it any more.
    if (app.stopping.now) throw stopping();
    const { place, ...options } = readQuestion(question, request.query);
    if (inProgress.size >= MAX_SECRET_QUESTIONS) {
      metrics.secretRefusal();
      const message = 'too many questions about secrets are in progress; try again';
      throw new HttpError(429, 'TooManyRequests', message, true);
    }
    const stop = new AbortController();
    inProgress.add(stop);
    const gone = goneAway(request, reply);
    const signal = AbortSignal.any([stop.signal, gone]);
    try {
      const answer = await question.ask(place, { ...options, signal });
      metrics.secretVerdict(answer.verdict);
      return await reply.header('x-secret-status', answer.verdict).send(answer);
    } catch (error) {
      if (!signal.aborted) throw error;
      if (gone.aborted) return await reply.hijack();
      throw stopping();
    } finally {
      inProgress.delete(stop);
    }
  });
}

function stopping(): HttpError {
  return new HttpError(503, 'Stopping', 'Syncer is stopping; ask another instance of it', true);
}

/** The messages quote nothing of the request. */
function readQuestion(
  question: AskSecrets,
  { path, wait, verify, 'at-least': atLeast }: z.output<typeof Query>,
): { place: Location } & Omit<QuestionOptions, 'signal'> {
  try {
    const waitMs = parseDuration(wait);
    if (waitMs > MAX_SYNCED_HTTP_WAIT_MS)
      throw new HttpError(400, 'BadRequest', `wait: must be at most ${LONGEST_WAIT}`);
    return {
      place: question.placeOf(path),
      waitMs,
      verify: verify === 'true',
      ...(atLeast !== undefined && { atLeast: Number(atLeast) }),
    };
  } catch (error) {
    if (error instanceof DurationError) throw new HttpError(400, 'BadRequest', `wait: ${error.message}`);
    if (error instanceof UsageError) throw new HttpError(400, 'BadRequest', error.message);
    throw error;
  }
}
