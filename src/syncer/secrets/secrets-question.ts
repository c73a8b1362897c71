import { setTimeout as sleep } from 'node:timers/promises';
import { limitVaults } from '../../activities/clients';
import { forManyRequests, withinMs } from '../../concurrency/abort';
import type { DestinationConfig } from '../../config/schema';
import { UsageError } from '../../errors';
import { SYNCED_ANSWER_MS, SYNCED_POLL_MS } from '../limits';
import { dataPath, type Location } from '../../rules/paths';
import type { Logger } from '../../log';
import { isFinal, verdictOfSecret, type SecretAnswer } from './answer';
import { AskedDestination, type AskOptions } from './asked-destination';
import { KeptTokens } from './kept-tokens';
import { OriginVaults } from './origin-vaults';
import { readSecretPath } from './path';
import { SharedRounds } from './shared-rounds';

export interface QuestionOptions {
  /** Also compare the values, where the sync info reports that the version has arrived. */
  readonly verify?: boolean;
  /** The version that a write has returned: an older answer of the origin is not the current one. */
  readonly atLeast?: number | undefined;
  /** How long to ask again until the secret is synced, in milliseconds; 0 by default. */
  readonly waitMs?: number;
  /** Ends the question without an answer. */
  readonly signal: AbortSignal;
  /** Called with each answer before the last one. */
  readonly onAnswer?: (answer: SecretAnswer) => void;
}

/**
 * The question whether the origin's current version of a secret is at every destination.
 *
 * Order of one round: the origin's metadata first, then what each destination has recorded; and the metadata again, if a
 * destination has a newer version. So `Synced` means that every destination had the version that was current when the
 * question came, or a newer one that the origin has too. `vsync synced` and the route `/v1/secrets/synced` call it.
 */
export class SecretsQuestion {
  private readonly tokens: KeptTokens;
  private readonly origins: OriginVaults;
  private readonly destinations: readonly AskedDestination[];
  private readonly liftLimits: readonly (() => void)[];
  private readonly mounts: readonly string[];
  private readonly rounds = new SharedRounds<SecretAnswer>();

  /**
   * @param log of a service: the tokens for the origin are then kept alive from now on, those for a destination from the first
   *   comparison of values on. Without it nothing is sent yet
   * @throws UsageError if two destinations have one name, which the answer could not tell apart
   */
  constructor(configs: readonly DestinationConfig[], log?: Logger) {
    this.tokens = new KeptTokens(log);
    this.origins = new OriginVaults(this.tokens);
    const names = configs.map(({ name }) => name);
    const twice = names.find((name, position) => names.indexOf(name) !== position);
    if (twice !== undefined)
      throw new UsageError(
        `two of the configurations are of the destination ${twice}: give each file once, and each sync its own "name"`,
      );
    this.destinations = configs.map((config) => new AskedDestination(config, this.origins, this.tokens));
    this.liftLimits = configs.flatMap((config) => limitVaults(config));
    this.mounts = [...new Set(configs.flatMap(({ origin }) => origin.mounts))];
    // A token may end before the first question.
    if (log !== undefined) for (const config of configs) this.origins.of(config);
  }

  /** The place of a secret, as {@link readSecretPath} reads it. @throws UsageError */
  placeOf(text: string): Location {
    return readSecretPath(text, this.mounts);
  }

  /**
   * Asks, and asks again until the secret is synced, an operator has to act first, or the wait is over.
   *
   * @returns the last answer of all destinations
   * @throws the signal's reason
   */
  async ask(place: Location, { waitMs = 0, ...options }: QuestionOptions): Promise<SecretAnswer> {
    const { signal, onAnswer, verify = false, atLeast } = options;
    const over = AbortSignal.timeout(waitMs);
    const isOver = (): boolean => over.aborted;
    let answer = await this.shareRound(place, { verify, atLeast, signal });
    if (isFinal(answer) || waitMs === 0) return answer;
    const waiting = forManyRequests(AbortSignal.any([signal, over]));
    const changes = new Changes();
    const stop = new AbortController();
    this.watchAll(place, changes, AbortSignal.any([waiting, stop.signal]));
    try {
      while (!isFinal(answer)) {
        onAnswer?.(answer);
        await changes.next(waiting);
        signal.throwIfAborted();
        if (isOver()) break;
        const next = await this.shareRound(place, { verify, atLeast, signal: waiting }).catch(
          (error: unknown) => {
            if (!waiting.aborted) throw error;
            return undefined;
          },
        );
        signal.throwIfAborted();
        // The wait ended during this round: the answer before it is complete.
        if (next === undefined) break;
        answer = next;
      }
    } finally {
      stop.abort();
    }
    return answer;
  }

  async close(): Promise<void> {
    for (const lift of this.liftLimits) lift();
    await this.tokens.close();
    await Promise.all([...this.destinations.map((destination) => destination.close()), this.origins.close()]);
  }

  /** Equal questions of many clients ask each server once. */
  private shareRound(place: Location, { signal, ...options }: AskOptions): Promise<SecretAnswer> {
    const key = JSON.stringify([place.mount, place.rel, options.verify, options.atLeast]);
    return this.rounds.ask(key, (signal) => this.askOnce(place, { ...options, signal }), signal);
  }

  private async askOnce(place: Location, { signal, ...options }: AskOptions): Promise<SecretAnswer> {
    const round = this.origins.round();
    const destinations = await withinMs(SYNCED_ANSWER_MS, signal, (inTime) =>
      Promise.all(
        this.destinations.map((destination) => destination.ask(place, round, { ...options, signal: inTime })),
      ),
    );
    const verdict = verdictOfSecret(destinations.map(({ state }) => state));
    return { path: dataPath(place.mount, place.rel), verdict, destinations };
  }

  private watchAll(place: Location, changes: Changes, signal: AbortSignal): void {
    forManyRequests(signal);
    for (const destination of this.destinations) {
      if (destination.whyExcluded(place) === undefined)
        void destination.watch(() => {
          changes.note();
        }, signal);
    }
  }
}

/** Remembers that an index has changed, until the next round. */
class Changes {
  private isNoted = false;
  private wake: () => void = () => undefined;

  note(): void {
    this.isNoted = true;
    this.wake();
  }

  /** Resolves after a change, also one since the last call; after {@link SYNCED_POLL_MS}; or when the signal is aborted. */
  async next(signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    this.wake = () => {
      woken.abort();
    };
    if (this.isNoted) woken.abort();
    await sleep(SYNCED_POLL_MS, undefined, { signal: AbortSignal.any([signal, woken.signal]) }).catch(
      () => undefined,
    );
    this.isNoted = false;
  }
}
