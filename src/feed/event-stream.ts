import { Agent, WebSocket } from 'undici';
import { z } from 'zod';
import type { VaultConfig } from '../config/schema';
import { FIRST_EVENTS_PAUSE_MS, MAX_EVENTS_PAUSE_MS } from '../limits';
import { feedScope, placeOf, type FeedScope, type HintKind } from '../rules/audit-line';
import { readTls } from '../tls';
import { AuthBody, VaultClient } from '../vault/client';
import type { EventOptions, EventSink, FeedListener } from './listener';
import { ReasonLog } from '../reason-log';

const PATH = 'sys/events/subscribe/kv-v2/*';

/**
 * Follows the events of Vault Enterprise and HCP, as one more listener. They name what changed and hold no value. Vault
 * sends them over a websocket that this process opens, and keeps none: what happens while it is closed is lost. So its
 * beginning and its end are gaps. No event answers a cycle's own request, so cycles scan at each tick all the same.
 *
 * Written after Vault's documentation (CloudEvents as JSON), and tested with a server that speaks it, not with Enterprise.
 */
export function followEvents(
  { vault, mounts, sink, log }: EventOptions,
  pauses: Pick<EventPauses, 'opened' | 'take'> = new EventPauses(),
): Promise<FeedListener> {
  const stream = new EventStream(vault, feedScope('', mounts, true), sink, new ReasonLog(log), pauses);
  stream.follow();
  return Promise.resolve({ address: `${vault.address}/v1/${PATH}`, close: () => stream.close() });
}

/**
 * Pauses before the events are followed again. Each is twice as long as the one before, until the events could be followed
 * for as long as the longest pause: a Vault that accepts and closes at once does not get a login each second.
 */
export class EventPauses {
  private nextMs = FIRST_EVENTS_PAUSE_MS;
  private openedMs = Infinity;

  opened(nowMs: number): void {
    this.openedMs = nowMs;
  }

  /** The events ended, or could not be followed. @returns the pause that follows */
  take(nowMs: number): number {
    const wasUseful = nowMs - this.openedMs >= MAX_EVENTS_PAUSE_MS;
    const ms = wasUseful ? FIRST_EVENTS_PAUSE_MS : this.nextMs;
    this.nextMs = Math.min(2 * ms, MAX_EVENTS_PAUSE_MS);
    this.openedMs = Infinity;
    return ms;
  }
}

class EventStream {
  private readonly dispatcher: Agent;
  private readonly ended = new AbortController();
  private socket: WebSocket | undefined;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly vault: VaultConfig,
    private readonly scope: FeedScope,
    private readonly sink: EventSink,
    private readonly reasons: ReasonLog,
    private readonly pauses: Pick<EventPauses, 'opened' | 'take'>,
  ) {
    this.dispatcher = new Agent({ connect: readTls(vault, 'origin.vault') });
  }

  follow(): void {
    this.connect().catch(() => {
      this.again();
    });
  }

  async close(): Promise<void> {
    this.ended.abort();
    clearTimeout(this.retry);
    this.socket?.close();
    await this.dispatcher.destroy();
  }

  private async connect(): Promise<void> {
    const { address, namespace } = this.vault;
    const token = await tokenOf(this.vault, this.ended.signal);
    if (this.ended.signal.aborted) return;
    const headers = { 'x-vault-token': token, ...(namespace !== '' && { 'x-vault-namespace': namespace }) };
    const url = `${address.replace(/^http/, 'ws')}/v1/${PATH}?json=true`;
    const socket = new WebSocket(url, { headers, dispatcher: this.dispatcher });
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    let isOpen = false;
    socket.addEventListener('open', () => {
      isOpen = true;
      this.pauses.opened(performance.now());
      this.sink.connected(1);
      this.sink.gap('connection');
    });
    socket.addEventListener('message', ({ data }) => {
      this.take(data);
    });
    // Followed by "close"; its text may quote the request.
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', () => {
      if (this.ended.signal.aborted) return;
      if (isOpen) {
        this.sink.connected(0);
        this.sink.gap('connection');
      }
      this.again();
    });
  }

  private take(data: unknown): void {
    const change = typeof data === 'string' ? readEvent(data, this.scope) : 'unparsable';
    if (change === 'unparsable') this.sink.gap('unparsable');
    else if (change !== undefined) this.sink.changed(change.kind, change.mount, change.rel);
  }

  private again(): void {
    if (this.ended.signal.aborted) return;
    this.reasons.warn(
      'events',
      `Vault ${this.vault.address}: ${PATH}: the events cannot be followed, or ended; vsync tries again. They need Vault ` +
        'Enterprise or HCP, and a token with read on that path and subscribe on the mounts (docs/feed.md)',
    );
    this.retry = setTimeout(() => {
      this.follow();
    }, this.pauses.take(performance.now())).unref();
  }
}

/** A login of its own for an AppRole: events end with the token that opened them. */
async function tokenOf(vault: VaultConfig, signal: AbortSignal): Promise<string> {
  const { auth } = vault;
  if (auth.kind === 'token') return auth.token;
  const namespace = vault.authNamespace ?? vault.namespace;
  // The login itself needs no token.
  const client = new VaultClient({ ...vault, namespace, auth: { kind: 'token', token: 'not-logged-in' } });
  try {
    const body = { role_id: auth.roleId, secret_id: auth.secretId };
    return (await client.write(`auth/${auth.path}/login`, body, AuthBody, { signal })).token;
  } finally {
    await client.close();
  }
}

/** A CloudEvent of Vault; all other fields are dropped. */
const CloudEvent = z.object({
  data: z.object({
    event_type: z.string(),
    event: z.object({
      metadata: z.object({ path: z.string().optional(), data_path: z.string().optional() }),
    }),
    plugin_info: z.object({ mount_path: z.string().optional() }).nullish(),
  }),
});

const KINDS: Readonly<Record<string, HintKind>> = {
  'kv-v2/data-write': 'value',
  'kv-v2/data-patch': 'value',
  'kv-v2/undelete': 'value',
  'kv-v2/data-delete': 'removed',
  'kv-v2/delete': 'removed',
  'kv-v2/destroy': 'removed',
  'kv-v2/metadata-delete': 'removed',
  'kv-v2/metadata-write': 'settings',
  'kv-v2/metadata-patch': 'settings',
};

/** What an event says; undefined if it is not about a secret of the mounts. Never throws. */
export function readEvent(
  text: string,
  scope: FeedScope,
): { kind: HintKind; mount: string; rel: string } | 'unparsable' | undefined {
  const parsed = CloudEvent.safeParse(parsedJson(text));
  if (!parsed.success) return 'unparsable';
  const { event_type: type, event, plugin_info: plugin } = parsed.data.data;
  const kind = KINDS[type];
  const path = event.metadata.data_path ?? event.metadata.path;
  if (kind === undefined) return undefined;
  if (path === undefined) return 'unparsable';
  const mountPath = plugin?.mount_path ?? '';
  const place = placeOf(path.startsWith(mountPath) ? path : mountPath + path, scope.mounts);
  return place && { kind, mount: place.mount, rel: place.rel };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
