/** Every number that bounds an activity's work, with its reason. Times of activities stand in workflows/activity-options.ts. */

/**
 * Paths in one chunk of metadata to fetch, at the most while there are enough buckets: so few that several workers
 * share a scan evenly, so many that one chunk keeps a worker busy while the next one is on its way.
 */
export const CHUNK_PATHS = 2_000;

/** Chunks in an origin cycle at the most: its history then stays under 2,000 events and 1 MB. */
export const MAX_CHUNKS = 128;

/**
 * Secrets to copy in one group of buckets, while there are fewer than {@link MAX_GROUPS} such groups: fewer would
 * cost more in Temporal than in the Vaults.
 */
export const GROUP_SECRETS = 700;

/**
 * Chunks of metadata, or groups of buckets, that one worker takes at the same time: the second begins while the last
 * requests of the first are answered. Their requests share one limiter, so more would make no worker faster, and
 * would keep work from a worker that is free.
 */
export const SHARES_OF_WORKER = 2;

/** Chunks or groups that a cycle has in the queue or at work, at the most, and where nobody knows how many workers there are. */
export const SHARES_AT_ONCE = 16;

/** Groups in a destination cycle, and chunks of folders in a verify, at the most: enough to share among some workers, and a short history. */
export const MAX_GROUPS = 32;

/** Time between two writes of the same bucket while its secrets are copied, in milliseconds. */
export const CHECKPOINT_MS = 3_000;

/**
 * Secrets that are worked on at the same time, where `numWorkers` does not say: as many as keep two Vaults busy that are
 * some milliseconds away. Each is in memory as long as that, and may have 1 MiB.
 */
export const DEFAULT_SECRETS_AT_ONCE = 64;

/**
 * Folders and secrets of an origin that are begun at the same time, at the least; else twice as many as the Vault takes
 * requests, so that there always is one to send. More would only wait, each with its promises; fewer would let some that
 * are being repeated hold up the others.
 */
export const LEAST_BEGUN = 64;

/** Consul requests of one activity in flight; it may have thousands of buckets to read. */
export const CONSUL_READS = 16;

/** Chunks of paths that are staged at the same time: each is in memory twice more, as text and compressed. */
export const STAGED_AT_ONCE = 4;

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
