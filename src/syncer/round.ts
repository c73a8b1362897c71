import type { Instance } from './instances/instance';
import type { ProbeAnswer } from './probe';
import { verdictOf, type InstanceState, type Verdict } from './verdict';

/*
 * One round of probes for a token, over all instances but the origin. Clients with the same question share it: each
 * instance is asked once for all of them.
 *
 * Every client still gets its own answer. It counts the tries that began after it came, so that a client that joins late
 * waits for as many as one that came alone, and it has its own deadline. An instance that has the token is not asked
 * again. The round ends when no client is left, and stops its probes then.
 */

export interface RoundSettings {
  /** Tries at each instance, for each client. */
  readonly retries: number;
  /** Pause between two tries. */
  readonly syncTimeoutMs: number;
  /** Time for one verdict. */
  readonly requestDeadlineMs: number;
}

/** Asks one instance about the token of the round, and calls `done` once. */
export type AskInstance = (
  instance: Instance,
  signal: AbortSignal,
  done: (answer: ProbeAnswer) => void,
) => void;

/** An instance that does not have the token yet, and its last answer; without one if none came in time. */
export interface NotYet {
  readonly instance: Instance;
  readonly state: InstanceState;
  readonly answer?: ProbeAnswer;
}

export interface RoundResult {
  readonly verdict: Verdict;
  /** One for each instance, the origin among them if it is in the list. */
  readonly states: readonly InstanceState[];
  readonly notYet: readonly NotYet[];
}

/** The tries at one instance. */
interface Track {
  readonly instance: Instance;
  begun: number;
  ended: number;
  last?: ProbeAnswer;
  /** A try is in progress, or the next one has a timer. */
  isActive: boolean;
  timer?: NodeJS.Timeout;
}

interface Client {
  /** For each track: the number of tries that have to end. */
  readonly targets: readonly number[];
  /** Tracks that have not come to an end for this client. */
  open: number;
  readonly resolve: (result: RoundResult | undefined) => void;
  timer?: NodeJS.Timeout;
}

export class Round {
  private readonly tracks: readonly Track[];
  private readonly clients = new Set<Client>();
  private readonly stop = new AbortController();
  private hasBegun = false;

  /**
   * @param others the instances without the origin
   * @param knowsOrigin the origin is in the list, and counts as one that has the token
   * @param onEnd called once, when the last client has gone
   */
  constructor(
    others: readonly Instance[],
    private readonly knowsOrigin: boolean,
    private readonly ask: AskInstance,
    private readonly settings: RoundSettings,
    private readonly onEnd: () => void,
  ) {
    this.tracks = others.map((instance) => ({ instance, begun: 0, ended: 0, isActive: false }));
  }

  get probes(): number {
    return this.tracks.length;
  }

  /** @returns undefined if the signal was aborted before the verdict */
  join(signal: AbortSignal): Promise<RoundResult | undefined> {
    return new Promise((resolve) => {
      const { retries, requestDeadlineMs } = this.settings;
      const client: Client = {
        targets: this.tracks.map(({ begun }) => begun + retries),
        open: this.tracks.filter((track) => !hasToken(track)).length,
        resolve,
      };
      this.clients.add(client);
      const goneAway = (): void => {
        resolve(undefined);
        this.leave(client);
      };
      if (signal.aborted) {
        goneAway();
        return;
      }
      signal.addEventListener('abort', goneAway, { once: true });
      client.timer = setTimeout(() => {
        this.finish(client);
      }, requestDeadlineMs);
      if (this.hasBegun) this.tryAll();
      if (client.open === 0) this.finish(client);
    });
  }

  /** Begins the first tries. Clients may come before, and go. */
  begin(): void {
    this.hasBegun = true;
    this.tryAll();
  }

  private tryAll(): void {
    for (const [at, track] of this.tracks.entries()) if (!track.isActive) this.tryNext(at, track);
  }

  /** Begins the next try, if a client waits for it. */
  private tryNext(at: number, track: Track): void {
    track.isActive = this.isWanted(at, track);
    if (!track.isActive) return;
    track.begun += 1;
    this.ask(track.instance, this.stop.signal, (answer) => {
      this.tryEnded(at, track, answer);
    });
  }

  private isWanted(at: number, track: Track): boolean {
    if (hasToken(track)) return false;
    for (const { targets } of this.clients) if ((targets[at] ?? 0) > track.begun) return true;
    return false;
  }

  private tryEnded(at: number, track: Track, answer: ProbeAnswer): void {
    if (this.stop.signal.aborted) return;
    track.ended += 1;
    track.last = answer;
    for (const client of this.clients) {
      const target = client.targets[at] ?? 0;
      // A client for which this instance had come to an end before is not counted twice.
      if (hasToken(track) ? track.ended > target : track.ended !== target) continue;
      client.open -= 1;
      if (client.open === 0) this.finish(client);
    }
    track.isActive = this.isWanted(at, track);
    if (!track.isActive) return;
    track.timer = setTimeout(() => {
      this.tryNext(at, track);
    }, this.settings.syncTimeoutMs);
  }

  private finish(client: Client): void {
    if (!this.clients.has(client)) return;
    client.resolve(this.resultFor(client));
    this.leave(client);
  }

  private resultFor({ targets }: Client): RoundResult {
    const states: InstanceState[] = this.knowsOrigin ? ['origin'] : [];
    const notYet: NotYet[] = [];
    for (const [at, track] of this.tracks.entries()) {
      const { last, ended, instance } = track;
      const hasEnded = hasToken(track) || ended >= (targets[at] ?? 0);
      const state = hasEnded && last !== undefined ? last.kind : 'pending';
      states.push(state);
      if (state !== 'present') notYet.push({ instance, state, ...(last && { answer: last }) });
    }
    return { verdict: verdictOf(states), states, notYet };
  }

  private leave(client: Client): void {
    if (!this.clients.delete(client)) return;
    clearTimeout(client.timer);
    if (this.clients.size > 0) return;
    for (const { timer } of this.tracks) clearTimeout(timer);
    this.stop.abort(OVER);
    this.onEnd();
  }
}

/** One object for all: the signal would make an error with a stack for each round. */
const OVER = new Error('the round is over');

function hasToken({ last }: Track): boolean {
  return last?.kind === 'present';
}
