import type { VaultConfig } from '../config/schema';
import type { Logger } from '../log';
import type { Listen } from '../network/listening';
import type { HintKind } from '../rules/audit-line';
import type { GapReason } from '../sync-info/feed-record';
import type { TlsOptions } from '../tls';

/** Takes what a listener hears. No method waits or throws: a Vault waits for whoever reads its audit log. */
export interface FeedSink {
  /** One audit line, without its line end. The buffer is valid during the call only. */
  line(line: Buffer): void;
  gap(why: GapReason): void;
  /** How many connections bring lines now: a connection counts from its first line to its end. */
  connected(count: number): void;
}

/** The same for Vault's own events, which name a path and hold no line. */
export interface EventSink extends Pick<FeedSink, 'gap' | 'connected'> {
  /** @param mount of the configuration @param rel path in the mount */
  changed(kind: HintKind, mount: string, rel: string): void;
}

export interface FeedListener {
  /** Where it listens, as host:port. */
  readonly address: string;
  close(): Promise<void>;
}

/** For the `socket` audit device. */
export interface SocketOptions {
  listen: Listen;
  sink: FeedSink;
  log: Logger;
}

/** For the `http` audit device of OpenBao, and for programs that forward a log. */
export interface HttpOptions extends SocketOptions {
  token: string;
  /** Of the origin: each cycle makes lines. */
  tickMs: number;
  /** Certificate and key of this listener; plain HTTP without them. */
  tls?: TlsOptions;
}

/** For the events of Vault Enterprise. */
export interface EventOptions {
  vault: VaultConfig;
  mounts: readonly string[];
  sink: EventSink;
  log: Logger;
}
