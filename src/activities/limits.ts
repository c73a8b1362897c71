/** Every number that bounds an activity's work, with its reason. Times of activities stand in workflows/activity-options.ts. */

/** Paths in one chunk of metadata to fetch: some seconds of work, so that several workers share a large scan. */
export const CHUNK_PATHS = 2_000;

/** Chunks in an origin cycle at the most: its history then stays under 2,000 events and 1 MB. */
export const MAX_CHUNKS = 128;

/** Groups in a destination cycle, and chunks of folders in a verify, at the most: enough to share among some workers, and a short history. */
export const MAX_GROUPS = 32;

/** Time between two writes of the same bucket while its secrets are copied, in milliseconds. */
export const CHECKPOINT_MS = 3_000;

/**
 * Secrets that are worked on at the same time, where `numWorkers` does not say: as many as keep two Vaults busy that are
 * some milliseconds away. Each is in memory as long as that, and may have 1 MiB.
 */
export const DEFAULT_SECRETS_AT_ONCE = 64;

/** Consul requests of one activity in flight; it may have thousands of buckets to read. */
export const CONSUL_READS = 16;

/** How long one long poll of the watch may take, in milliseconds. */
export const WATCH_POLL_MS = 60_000;

/** Pause between two polls of the watch, in milliseconds: an index that always rises must not make a busy loop. */
export const WATCH_PAUSE_MS = 500;

/**
 * How long what was seen at both ends may be acted upon, in milliseconds; after it, both are asked again. Nobody else
 * can have been given the work by then: the heartbeat timeout is 10 s, and the last heartbeat at most 4.5 s old.
 */
export const FRESH_MS = 5_000;

/** Attempts to write a secret that somebody else changes at the same time. The next cycle tries again. */
export const WRITE_ATTEMPTS = 3;
