import type { DestinationConfig } from '../config/schema';
import { NotInStepError, UsageError, UserError } from '../errors';
import {
  isNotYet,
  type DestinationAnswer,
  type SecretAnswer,
  type SecretState,
} from '../syncer/secrets/answer';
import { SecretsQuestion } from '../syncer/secrets/secrets-question';
import { interruptible } from './interruptible';
import { loadWithWarnings, print, withFile, type Options } from './options';
import { pasted } from './text';

/**
 * `vsync synced`: whether the origin's current version of a secret is at every destination.
 *
 * @throws NotInStepError if a destination has another version or value; UserError if something else is wrong
 */
export async function showSynced(path: string | undefined, options: Options): Promise<void> {
  const files = options['config'] as string[] | undefined;
  if (path === undefined)
    throw new UsageError(
      'the path of the secret is missing. Write it before -c, after which every word is a file: ' +
        'vsync synced secret/team/app -c FILE',
    );
  const configs = (files ?? [undefined]).map((file) => destinationOf(options, file));
  const waitMs = (options['wait'] as number | undefined) ?? 0;
  const question = new SecretsQuestion(configs);
  try {
    const place = question.placeOf(path);
    const verify = options['verify'] === true;
    const atLeast = options['atLeast'] as number | undefined;
    const answer = await interruptible((signal) =>
      question
        .ask(place, { signal, verify, atLeast, waitMs, onAnswer: progress() })
        .catch((error: unknown) => {
          throw signal.aborted ? new UserError('interrupted: the question has no answer') : error;
        }),
    );
    if (options['json'] === true) console.log(JSON.stringify(answer, null, 2));
    else print(formatAnswer(answer));
    report(answer);
  } finally {
    await question.close();
  }
}

function destinationOf(options: Options, file: string | undefined): DestinationConfig {
  const { config } = loadWithWarnings(options, 'destination', file);
  if (config.role !== 'destination') throw new UsageError('vsync synced needs the files of destinations');
  return config;
}

/** Prints what is waited for to stderr, once for each change. */
function progress(): (answer: SecretAnswer) => void {
  let said = '';
  return ({ destinations }) => {
    const open = destinations.filter(({ state }) => state !== 'synced' && state !== 'excluded');
    const text = open.map(({ name, detail }) => `${name}: ${detail}`).join('; ');
    if (text !== said) console.error(withFile(`vsync: waiting for ${text}`));
    said = text;
  };
}

/** The answer as text: the verdict, and a line for each destination. */
export function formatAnswer({ path, verdict, destinations }: SecretAnswer): string {
  const width = (of: (answer: DestinationAnswer) => string): number =>
    Math.max(0, ...destinations.map((answer) => of(answer).length));
  const [names, states] = [width(({ name }) => name), width(({ state }) => state)];
  return [
    `${pasted(path)}: ${verdict}`,
    ...destinations.map(({ name, state, detail, to }) => {
      const arrow = to === undefined ? '' : `-> ${pasted(to)}: `;
      return `  ${name.padEnd(names)}  ${state.padEnd(states)}  ${arrow}${detail}`;
    }),
  ].join('\n');
}

/** @throws NotInStepError, UserError */
function report(answer: SecretAnswer): void {
  const { verdict, destinations } = answer;
  const path = pasted(answer.path);
  if (verdict === 'Synced') return;
  if (isNotYet(answer)) {
    const behind = namesOf(destinations, ({ state }) => state === 'behind');
    throw new NotInStepError(
      `${path} is not at every destination yet: ${behind}. Ask again, or give --wait more time`,
    );
  }
  const wrong = namesOf(destinations, ({ state }) => !['synced', 'behind', 'excluded'].includes(state));
  if (wrong === '')
    throw new UserError(`no destination is to have ${path}: check the path, and include and exclude`);
  const message = `${path} does not arrive by waiting alone: ${wrong}`;
  const isDifference = destinations.every(({ state }) => DIFFERENCES.has(state));
  throw isDifference ? new NotInStepError(message) : new UserError(message);
}

/** States of a destination that was asked, and has another version or value. */
const DIFFERENCES: ReadonlySet<SecretState> = new Set(['synced', 'excluded', 'behind', 'held', 'differs']);

function namesOf(
  destinations: readonly DestinationAnswer[],
  isMeant: (answer: DestinationAnswer) => boolean,
): string {
  return destinations
    .filter((answer) => isMeant(answer))
    .map(({ name, state }) => `${name} (${state})`)
    .join(', ');
}
