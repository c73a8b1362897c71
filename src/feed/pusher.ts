import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { withinMs } from '../concurrency/abort';
import { PUSH_UPDATE, type PushBatch, type PushedSecret, type PushResult } from '../contract/push';
import { PUSH_BACKOFF_MS, PUSH_BYTES, PUSH_DEADLINE_MS, PUSH_PENDING, PUSH_SECRETS } from '../limits';
import type { Logger } from '../log';
import type { PushTarget, PushTargets } from './targets';

/** Hands changed secrets to the workers of all destinations. */
export interface Pusher {
  /** Whether there is a destination that takes pushes now. */
  readonly canPush: boolean;
  /** Never throws. `left`: an ordinary cycle has to bring some secret to some destination. */
  push(secrets: readonly PushedSecret[]): Promise<'all-there' | 'left'>;
  /** Waits until some destination has no push in flight. At once if there is no destination. */
  free(): Promise<void>;
  close(): Promise<void>;
}

/** Sends one batch to the workflow of a destination, and waits for the answer. */
export type SendPush = (workflowId: string, batch: PushBatch, signal: AbortSignal) => Promise<PushResult>;

/** As an update. Nothing is stored for a destination without a worker: the call ends with its deadline. */
export function sendUpdate(client: Client): SendPush {
  return (workflowId, batch, signal) => {
    const handle = client.workflow.getHandle(workflowId);
    return withinMs(PUSH_DEADLINE_MS, signal, (inTime) =>
      client.withAbortSignal(inTime, () =>
        handle.executeUpdate<PushResult, [PushBatch]>(PUSH_UPDATE, { args: [batch] }),
      ),
    );
  };
}

/** One call of `push`: how many of its secrets are on their way, over all destinations. */
interface Ticket {
  open: number;
  isLeft: boolean;
  end: () => void;
}

interface Waiting {
  secret: PushedSecret;
  tickets: Ticket[];
}

export interface PusherOptions {
  send: SendPush;
  targets: PushTargets;
  log: Logger;
  /** A clock that nobody sets back. */
  now?: () => number;
}

/**
 * One queue per destination, with one push in flight. What arrives meanwhile travels together, each path once with its
 * newest insight. A destination that does not answer gets nothing for a while: its watch brings the changes. It never
 * holds up another one.
 */
export function createPusher({ send, targets, log, now = () => performance.now() }: PusherOptions): Pusher {
  const closing = new AbortController();
  const queues = new Map<string, TargetQueue>();
  const freed = new Set<() => void>();
  const onFree = (): void => {
    for (const resolve of freed) resolve();
    freed.clear();
  };

  const current = (): TargetQueue[] => {
    const list = targets.list();
    for (const [id, { isBusy }] of queues)
      if (!isBusy && !list.some(({ workflowId }) => workflowId === id)) queues.delete(id);
    return list.map((target) => {
      const queue =
        queues.get(target.workflowId) ??
        new TargetQueue(target, { send, targets, log, now, onFree, signal: closing.signal });
      queues.set(target.workflowId, queue);
      return queue;
    });
  };

  return {
    get canPush() {
      return current().some(({ isPaused }) => !isPaused);
    },
    push: (secrets) =>
      new Promise((resolve) => {
        const all = current();
        const ticket: Ticket = {
          open: 1,
          isLeft: all.length === 0 && secrets.length > 0,
          end: () => {
            if (--ticket.open === 0) resolve(ticket.isLeft ? 'left' : 'all-there');
          },
        };
        for (const queue of all) queue.add(secrets, ticket);
        ticket.end();
      }),
    free: () => {
      const all = current();
      if (all.length === 0 || all.some((queue) => !queue.isBusy)) return Promise.resolve();
      return new Promise((resolve) => freed.add(resolve));
    },
    close: async () => {
      closing.abort();
      for (const queue of queues.values()) await queue.sending;
    },
  };
}

interface QueueOptions extends Required<Omit<PusherOptions, 'now'>> {
  now: () => number;
  onFree: () => void;
  signal: AbortSignal;
}

class TargetQueue {
  private readonly waiting = new Map<string, Waiting>();
  private pauseMs = 0;
  private pausedUntilMs = -Infinity;
  /** The pushes that are in flight, one after the other. */
  sending: Promise<void> | undefined;

  constructor(
    private readonly target: PushTarget,
    private readonly options: QueueOptions,
  ) {}

  get isBusy(): boolean {
    return this.sending !== undefined;
  }

  get isPaused(): boolean {
    return this.options.now() < this.pausedUntilMs;
  }

  add(secrets: readonly PushedSecret[], ticket: Ticket): void {
    if (this.isPaused || this.options.signal.aborted) {
      ticket.isLeft ||= secrets.length > 0;
      return;
    }
    for (const secret of secrets) this.addOne(secret, ticket);
    if (this.waiting.size > 0) this.sending ??= this.sendAll();
  }

  private addOne(secret: PushedSecret, ticket: Ticket): void {
    const [path] = secret;
    const known = this.waiting.get(path);
    if (known === undefined && this.waiting.size >= PUSH_PENDING) {
      ticket.isLeft = true;
      return;
    }
    ticket.open += 1;
    if (known === undefined) this.waiting.set(path, { secret, tickets: [ticket] });
    else {
      known.secret = secret;
      known.tickets.push(ticket);
    }
  }

  private async sendAll(): Promise<void> {
    while (this.waiting.size > 0) await this.sendBatch(this.nextBatch());
    this.sending = undefined;
    this.options.onFree();
  }

  private nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    // The brackets of the list.
    let bytes = 2;
    for (const [path, waiting] of this.waiting) {
      bytes += Buffer.byteLength(JSON.stringify(waiting.secret)) + 1;
      if (batch.length > 0 && (batch.length === PUSH_SECRETS || bytes > PUSH_BYTES)) break;
      this.waiting.delete(path);
      batch.push(waiting);
    }
    return batch;
  }

  private async sendBatch(batch: readonly Waiting[]): Promise<void> {
    const { send, signal } = this.options;
    const secrets = batch.map(({ secret }) => secret);
    try {
      const { left } = await send(this.target.workflowId, { v: 1, secrets }, signal);
      this.answered();
      end(batch, left > 0);
    } catch (error) {
      this.failed(error);
      end([...batch, ...this.waiting.values()], true);
      this.waiting.clear();
    }
  }

  private answered(): void {
    const { log } = this.options;
    if (this.pauseMs > 0) log.info(`destination ${this.target.name} takes pushed changes again`);
    this.pauseMs = 0;
  }

  private failed(error: unknown): void {
    const { log, now, targets, signal } = this.options;
    if (signal.aborted) return;
    const [first, longest] = PUSH_BACKOFF_MS;
    if (this.pauseMs === 0)
      log.warn(
        `destination ${this.target.name} takes no pushed changes (${nameOf(error)}): they come with its next cycle; ` +
          'check that its worker runs',
      );
    this.pauseMs = Math.min(longest, Math.max(first, 2 * this.pauseMs));
    this.pausedUntilMs = now() + this.pauseMs;
    if (error instanceof WorkflowNotFoundError) void targets.refresh();
  }
}

function end(batch: readonly Waiting[], isLeft: boolean): void {
  for (const { tickets } of batch)
    for (const ticket of tickets) {
      ticket.isLeft ||= isLeft;
      ticket.end();
    }
}

/** Without the message: that of a foreign error may contain anything. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
