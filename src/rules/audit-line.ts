/** What of an audit log concerns an origin. */
export interface FeedScope {
  /** Normal namespace and mount, "ns/secret/", by mount of the configuration. */
  mounts: ReadonlyMap<string, string>;
  /** Whether settings are published (`syncMetadata`). */
  settings: boolean;
}

/** What may have changed of a secret. */
export type HintKind = 'value' | 'removed' | 'settings';

/** A change of one secret. */
interface LineOfChange {
  kind: HintKind;
  mount: string;
  /** Path in the mount. */
  rel: string;
  /** `request.id` */
  id: string;
}

/** What one audit line says. It holds nothing else of the line: lines may contain values. */
export type LineResult =
  /** Not a change, or not ours. */
  | { is: 'nothing' }
  | ({ is: 'hint' } & LineOfChange)
  /** The request line of a change: it becomes a hint if no response line follows. */
  | ({ is: 'asked' } & LineOfChange)
  /** The response is an error: the request line with this id is forgotten. */
  | { is: 'failed'; id: string }
  /** Mounts or namespaces changed. */
  | { is: 'mounts' }
  /** A snapshot was restored, or replication changed. */
  | { is: 'restored' }
  /** A read of a mount of the origin, as each cycle makes it. */
  | { is: 'own-proof'; id: string }
  | { is: 'unparsable' };
