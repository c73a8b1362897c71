import { z } from 'zod';
import type { Instance } from './instances/instance';
import type { PlainAnswer, PlainQuestion, ProbeAnswer, ProbeConfig } from './probe';

/*
 * How an instance is asked, by mode, and what its answers mean.
 *
 * cookie  a protected location, with the token as a cookie, as the original does: 200 yes, 401 no
 * header  the same, with the token in a header
 * keyval  the NGINX Plus API: is the key in the key-value zone
 */

export interface ProbeMode {
  readonly portOf: (instance: Instance) => number;
  /** What is asked about a token is the same at every instance. */
  readonly about: (token: string) => TokenQuestion;
}

export interface TokenQuestion {
  readonly question: PlainQuestion;
  readonly answerOf: (answer: PlainAnswer) => ProbeAnswer;
}

const MODES: Readonly<Record<ProbeConfig['probe']['mode'], (config: ProbeConfig) => ProbeMode>> = {
  cookie: (config) =>
    location(config, (token) => ['cookie', `${config.probe.cookie}=${token}`, ...headersOf(config, token)]),
  header: (config) => location(config, (token) => headersOf(config, token)),
  keyval,
};

export function probeMode(config: ProbeConfig): ProbeMode {
  return MODES[config.probe.mode](config);
}

const PRESENT: ProbeAnswer = { kind: 'present' };
const ABSENT: ProbeAnswer = { kind: 'absent' };

/** The protected location. Its body is of no interest. */
function location(config: ProbeConfig, headers: (token: string) => string[]): ProbeMode {
  const {
    path,
    probe: { method },
  } = config;
  const answerOf = ({ status }: PlainAnswer): ProbeAnswer => {
    if (status === 200) return PRESENT;
    return status === 401 ? ABSENT : { kind: 'refused', status };
  };
  return {
    portOf: ({ port = config.port }) => port,
    about: (token) => ({
      question: { method, path, headers: headers(token), readsBody: () => false },
      answerOf,
    }),
  };
}

/** The Host header and those of the configuration, with the words in braces replaced. */
export function headersOf({ host, domain, probe }: ProbeConfig, token: string): string[] {
  const words: Readonly<Record<string, string>> = { token, domain, host: host ?? '' };
  return [
    ...(host === undefined ? [] : ['host', host]),
    ...Object.entries(probe.headers).flatMap(([name, template]) => [
      name,
      template.replace(/\{(\w+)\}/g, (_whole, word: string) => words[word] ?? ''),
    ]),
  ];
}

const ErrorSchema = z.object({ error: z.object({ code: z.string() }) });
const PairsSchema = z.record(z.string(), z.unknown());

/** `GET /api/9/http/keyvals/ZONE?key=…` of the NGINX Plus API. */
function keyval(config: ProbeConfig): ProbeMode {
  const { apiPath, apiVersion, zone = '' } = config.probe;
  const path = `${apiPath}/${apiVersion}/http/keyvals/${encodeURIComponent(zone)}?key=`;
  return {
    portOf: (instance) => apiPortOf(config, instance),
    about: (token) => ({
      question: {
        method: 'GET',
        path: path + encodeURIComponent(token),
        headers: headersOf(config, token),
        readsBody: (status) => status === 200 || status === 404,
      },
      answerOf: (answer) => keyvalAnswer(answer, token),
    }),
  };
}

function keyvalAnswer({ status, body }: PlainAnswer, token: string): ProbeAnswer {
  if (status === 200) {
    const pairs = parsed(PairsSchema, body);
    return pairs !== undefined && Object.hasOwn(pairs, token) ? PRESENT : { ...NOT_THE_API, status };
  }
  if (status !== 404) return { kind: 'refused', status, ...apiProblem(status) };
  const code = parsed(ErrorSchema, body)?.error.code;
  if (code === 'KeyvalKeyNotFound') return ABSENT;
  const problem = KEYVAL_PROBLEMS[code ?? ''] ?? NOT_THE_API.problem;
  return { kind: 'refused', status, problem };
}

/** Port of the NGINX Plus API at an instance. */
export function apiPortOf({ port, probe }: ProbeConfig, instance: Instance): number {
  return probe.apiPort ?? instance.port ?? port;
}

const NOT_THE_API = {
  kind: 'refused',
  problem:
    'the answer is not that of the NGINX Plus API; set probe.apiPort and probe.apiPath to the location with "api;"',
} as const;

const KEYVAL_PROBLEMS: Readonly<Record<string, string>> = {
  KeyvalNotFound:
    'it has no key-value zone of the name in probe.zone (KeyvalNotFound); correct probe.zone, or add keyval_zone there',
  UnknownVersion:
    'it does not have the version of the API in probe.apiVersion (UnknownVersion); set it to one that "GET /api/" lists',
  PathNotFound:
    'it does not have this part of the API (PathNotFound); set probe.apiVersion to 3 or later, and check that it is NGINX Plus',
};

/** Answers of a server that will not change by waiting. */
function apiProblem(status: number): { problem?: string } {
  if (status >= 500 || status === 429) return {};
  if (status === 401 || status === 403)
    return { problem: `it refuses Syncer (${status}); allow it at the location with "api;"` };
  return { problem: NOT_THE_API.problem };
}

export function parsed<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
