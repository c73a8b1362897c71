/** Every number that bounds the work of Syncer and is not a key of its configuration, with its reason. */

/** Headers of an answer of an instance. NGINX's own fit into 4 KiB; a page of a portal may set many cookies. */
export const PROBE_HEADER_BYTES = 16 * 1024;

/** Body of an answer that is read to its end to keep the connection. Beyond it the connection is closed. */
export const PROBE_BODY_BYTES = 64 * 1024;

/** An idle connection is closed after this time: NGINX's own default (`keepalive_timeout`) is 75 s. */
export const PROBE_IDLE_MS = 60_000;

/** Characters of a token. A cookie may have 4,096 bytes with its name. */
export const MAX_TOKEN_LENGTH = 4_000;

/** Characters of an origin: a host name has at most 253. */
export const MAX_ORIGIN_LENGTH = 253;

/** All headers of a request to the HTTP API. Node answers 431 beyond it. */
export const REQUEST_HEADER_BYTES = 16 * 1024;

/** Time in which a client must have sent the headers of its request; the handshake of TLS has as much before. */
export const REQUEST_HEADERS_MS = 5_000;

/** How often Node looks for requests whose time is over: the limit before holds to this. Its own default is 30 s. */
export const REQUEST_CHECK_MS = 1_000;

/**
 * Connections of clients: a number for each question that may be in progress, because most of NGINX's are idle, and some
 * for probes of Kubernetes and Prometheus. One more is closed at once.
 */
export const CONNECTIONS_PER_QUESTION = 4;
export const SPARE_CONNECTIONS = 100;

/** Idle connections of clients are closed after this time: longer than NGINX's `keepalive_timeout` of an upstream, 60 s. */
export const CLIENT_IDLE_MS = 75_000;

/** `Retry-After` of a 429 or 503, in seconds, its least value. */
export const RETRY_AFTER_S = 1;

/** Time for questions in progress at a shutdown. Longer than a usual `request_deadline`; Kubernetes waits 30 s. */
export const SYNCER_SHUTDOWN_MS = 10_000;

/** At a shutdown, time without a request after which open connections are closed, and how often that is checked. */
export const DRAIN_QUIET_MS = 100;
export const DRAIN_CHECK_MS = 10;

/** Instances that an answer names as not having the token. The counts cover all. */
export const MAX_NAMED_INSTANCES = 20;

/** How often the addresses of host names in a fixed list are counted. */
export const NAMES_EVERY_MS = 10_000;

/** How often files of TLS are read again: cert-manager replaces them weeks before their end. */
export const TLS_FILES_EVERY_MS = 10_000;

/** Time for one DNS query, and how often it is sent. Together shorter than the least `dns.every`. */
export const DNS_TIMEOUT_MS = 400;
export const DNS_TRIES = 2;
// ---- Questions about secrets

/**
 * Time in which the servers must answer a question about a secret. Longer than CONSUL_REFUSED_FOR_MS, so that the
 * answer names the reason why a Consul cannot be reached.
 */
export const SYNCED_ANSWER_MS = 20_000;

/** `vsync synced --wait` asks again after this time also without a change of an index: the origin may have changed. */
export const SYNCED_POLL_MS = 5_000;

/** Longest wait for one secret. */
export const MAX_SYNCED_WAIT_MS = 24 * 3600 * 1000;

/** Longest wait in one HTTP request about a secret. Proxies in between end a request after a minute or so. */
export const MAX_SYNCED_HTTP_WAIT_MS = 60_000;

/**
 * Longest wait for the round before, of equal questions about a secret. A usual round takes less; one whose server is silent
 * takes {@link SYNCED_ANSWER_MS}.
 */
export const SHARED_ROUND_WAIT_MS = 250;

/** HTTP requests about secrets in progress. Each may wait, and holds blocking queries at the Consuls for that time. */
export const MAX_SECRET_QUESTIONS = 64;
