/** One NGINX instance that holds the key-value zone. */
export interface Instance {
  /** As the caller names it in `X-Nginx-Origin`: the name of the pod, or the address if it has no other name. */
  readonly name: string;
  /** IP address or host name, without port and brackets. */
  readonly address: string;
  /** Port of the protected location, if it is not that of the configuration. */
  readonly port?: number;
}

/** A list of instances that is kept up to date in the background. */
export interface InstanceSource {
  /** `static`, `dns` or `kubernetes`. */
  readonly kind: string;
  /** Begins to watch. Resolves after the first list, or after its first failure: a source heals by itself. */
  start(): Promise<void>;
  /** What is known now. */
  current(): InstanceList;
  close(): Promise<void>;
}

export interface InstanceList {
  readonly instances: readonly Instance[];
  /** When the list was last known to be complete, by steadyNowMs(); undefined before the first list. */
  readonly freshAtMs?: number;
  /** Why the list is not kept up to date now, and what to do about it. */
  readonly problem?: string;
}
