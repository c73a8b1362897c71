/**
 * Every number that bounds work: timeouts, pauses, sizes, attempts and concurrency, each with its unit and its reason.
 * A name ends in its unit; without one it is a count. Numbers that belong together have no empty line between them.
 *
 * Other files keep only these numbers: timeouts of activities (workflows/activity-options.ts, in one place with their
 * retries), stored formats (buckets, hashes, ids), defaults of configuration keys, the length of printed lists, and
 * constants inside one algorithm (AdaptiveLimit).
 */

// ---- Splitting a cycle among workers ------------------------------------------------------------------------

/** Paths in one chunk of metadata. Several workers share a scan evenly, and a chunk lasts until the next one is dispatched. */
export const CHUNK_PATHS = 2_000;
/** The same where the listing brought the metadata of every path: nothing is left to share. */
export const CHUNK_PATHS_KNOWN = 20_000;
/** Chunks in one origin cycle. Keeps its history under 2,000 events and 1 MB. */
export const MAX_CHUNKS = 128;

/** Secrets in one group of buckets, up to {@link MAX_GROUPS}. Smaller groups would cost more in Temporal than in the Vaults. */
export const GROUP_SECRETS = 700;
/** Groups in one destination cycle, and chunks of folders in one verify: enough for some workers, and a short history. */
export const MAX_GROUPS = 32;

/**
 * Chunks or groups that one worker takes at the same time: the second begins while the last requests of the first are
 * answered. They share one request queue: more would be no faster, and would keep work from an idle worker.
 */
export const SHARED_ACTIVITIES_PER_WORKER = 2;
/** Chunks or groups that a cycle keeps queued or running. Also the number where the count of workers is unknown. */
export const MAX_DISPATCH_WIDTH = 16;
/** Groups in flight where `guardDeletes` returns no dispatch width. */
export const DEFAULT_GROUPS_IN_FLIGHT = 8;
/** Groups, and then chunks, of a verify in flight. Several workers share them; each worker's pool bounds its secrets. */
export const VERIFY_IN_FLIGHT = 8;

/** Time in which Temporal must report the workers of a queue. Without an answer the dispatch width stays the same. */
export const POLLERS_TIMEOUT_MS = 2_000;
/** Time without a poll after which a worker counts as gone: a worker that lives polls at least once a minute. */
export const POLLER_GONE_MS = 90_000;
/** How long that report counts as current: short chunks need not ask each time. */
export const POLLERS_FRESH_MS = 1_000;

/** Levels below a mount that a verify lists to find enough folders to share. */
export const MAX_FOLDER_LEVELS = 4;

// ---- Work inside one activity -------------------------------------------------------------------------------

/** Items of one call in progress, where the caller sets no other bound. Bounds the memory of a call. */
export const DEFAULT_PARALLEL_ITEMS = 64;
/** Secrets in progress where `numWorkers` is not set: enough for two Vaults some milliseconds away. Each may have 1 MiB in memory. */
export const DEFAULT_SECRETS_AT_ONCE = 64;
/**
 * Least number of folders and secrets of an origin in progress; else twice the number of requests that the Vault takes,
 * so that one is always ready to send. With fewer, some slow retries would hold up the rest.
 */
export const MIN_ITEMS_BEGUN = 64;

/** Buckets of a group that are copied at the same time: one bucket with one change would keep too few requests in flight. */
export const COPY_BUCKETS = 16;
/** Buckets of a group that are verified at the same time: the next one begins while the last secrets of the one before are read. */
export const VERIFY_BUCKETS = 4;
/** Consul requests of one activity in flight; an activity may have thousands of buckets to read. */
export const CONSUL_READS = 16;
/** Chunks of paths that are staged at the same time. Each is in memory twice more: as text, and compressed. */
export const STAGED_AT_ONCE = 4;

/** Time between two writes of the same bucket while its secrets are copied. */
export const CHECKPOINT_MS = 3_000;
/**
 * How long versions that were read at both ends may be acted upon, measured when the write is sent. After it, both are
 * read again. No other worker can have the work by then: the heartbeat timeout is 10 s, and the last heartbeat is at
 * most 4.5 s old.
 */
export const FRESH_MS = 5_000;

/** Attempts to write a secret that another process changes at the same time. The next cycle tries again. */
export const WRITE_ATTEMPTS = 3;
/** Attempts to save a role's state, which an approval or a cycle may change at the same moment. */
export const STATE_ATTEMPTS = 3;
/** Pause before a bucket that does not fit its index is read again. The origin writes both at almost the same time. */
export const TORN_READ_PAUSE_MS = 200;

/** A preflight ends this much earlier than its Temporal timeout, whose message does not name the server. */
export const STEP_MARGIN_MS = 1_000;
/** Pause between two heartbeats: a quarter of the heartbeat timeout, so that a lost one does not matter. */
export const HEARTBEAT_MS = 2_500;
/** Pause before the first heartbeat of an activity. */
export const FIRST_HEARTBEAT_MS = 1_000;
/** Longest time that the SDK holds a heartbeat back. A cancel is noticed at most this much later. */
export const MAX_HEARTBEAT_THROTTLE_MS = 2_000;

/** Failed paths that a result names, of an activity and of a cycle. The counts cover all of them. */
export const MAX_FAILURES = 20;
/** Characters of the paths that one activity names: bounds the history if every chunk fails. The first path is always named. */
export const MAX_FAILURE_CHARACTERS = 4_000;
/** Outages that a note names, the last ones: a note stays short. */
export const MAX_NOTED_OUTAGES = 3;

/**
 * How long a verify may take. It reads every value once: a million secrets in an hour or two. Shorter than the life of
 * a staged list ({@link STAGED_EXPIRE_AFTER_S}), so that the first lists still exist when the last one is written.
 */
export const VERIFY_TIMEOUT_MS = 6 * 3600 * 1000;

// ---- Staged values in Consul --------------------------------------------------------------------------------

/** One part of a staged value. Below Consul's limit for a value, and small enough for a transaction as base64. */
export const STAGED_PART_BYTES = 360 * 1024;
/** A staged value that is used again after this time is written again, so that it does not expire while it is used. */
export const STAGED_REFRESH_AFTER_S = 12 * 3600;
/** Older staged values are removed. Longer than any cycle that may still read them. */
export const STAGED_EXPIRE_AFTER_S = 24 * 3600;
/** Time between two removals of expired values by one process. */
export const STAGED_CLEANUP_EVERY_MS = 3_600_000;

/** Age of a check's key after which it counts as left behind. A check takes seconds; clocks differ. In docs/operating.md. */
export const PROBE_KEY_LEFT_AFTER_S = 600;

// ---- The watch of a destination -----------------------------------------------------------------------------

/** Longest wait of one blocking query of the watch. */
export const WATCH_POLL_MS = 60_000;
/** Pause between two of them: an index that keeps rising must not make a busy loop. */
export const WATCH_PAUSE_MS = 500;
/** First pause before the watch checks again whether a cycle has handled a change. Doubles each time. */
export const FIRST_WATCH_PAUSE_MS = 1_000;
/** Pause after a run of the watch activity that failed: Temporal has retried it by then. */
export const FAILED_WATCH_PAUSE_MS = 60_000;

// ---- The feed of an origin ----------------------------------------------------------------------------------

/** Bytes of one audit line. A write of 1 MiB makes a line of some megabytes. A longer line is skipped, and is a gap. */
export const FEED_LINE_BYTES = 8 * 1024 * 1024;
/** Of a longer line this much is looked at: whether it is a read or a listing, which is no gap. */
export const FEED_HEAD_BYTES = 64 * 1024;
/** Connections to the socket listener: every node of a cluster has one or two. */
export const FEED_CONNECTIONS = 64;
/**
 * Connections to the HTTP listener. OpenBao opens one for each request that it works on at the same moment and keeps two;
 * one that we close is a lost line.
 */
export const FEED_POST_CONNECTIONS = 4_096;
/** Time between two attempts to listen where another process has the port. */
export const LISTEN_RETRY_MS = 5_000;
/** Idle time after which the system checks whether the peer of a connection still exists. A dead one is a gap. */
export const FEED_KEEP_ALIVE_MS = 15_000;
/** Time for the head of a request to the HTTP listener, and for all of it. */
export const FEED_HEAD_TIMEOUT_MS = 10_000;
export const FEED_POST_TIMEOUT_MS = 60_000;
/**
 * Idle time after which the HTTP listener closes a connection. Longer than the 90 s after which OpenBao closes it: a POST
 * that meets the end of its connection is lost, and OpenBao's request fails with it.
 */
export const FEED_IDLE_MS = 120_000;
/** First and longest pause before the events of a Vault are followed again. It doubles each time. */
export const FIRST_EVENTS_PAUSE_MS = 1_000;
export const MAX_EVENTS_PAUSE_MS = 30_000;
/** Time between two warnings of a feed for the same reason: its peers decide how often something happens. */
export const FEED_LOG_EVERY_MS = 60_000;
/** Time between two warnings of a worker about equal failures of steps: Temporal retries a step up to 20 times a minute. */
export const STEP_LOG_EVERY_MS = 600_000;
/** Between two tries to begin the work of a sync whose Vault or Consul was away when its worker started. */
export const AWAY_RETRY_MS = 10_000;
/** Different reasons that one log remembers. A forgotten one is only logged once more. */
export const REASON_LOG_MAX = 200;
/** Different paths that wait for a cycle. A flood of more becomes a full scan, which costs less. */
export const FEED_HINTS = 5_000;
/** The same in bytes of the record in Consul, which must fit one value. */
export const FEED_HINT_BYTES = 320 * 1024;
/** Requests whose lines a receiver remembers, and names in its record for a cycle in another process. */
export const FEED_SEEN = 128;
/** Request lines of changes that wait for their response line, and bytes of their paths. More of them are a gap. */
export const FEED_UNANSWERED = 10_000;
export const FEED_UNANSWERED_BYTES = 4 * 1024 * 1024;
/** How long they wait. A change whose response line is missing becomes a hint then. */
export const FEED_ANSWER_WAIT_MS = 2_000;
/** How long a cycle waits for the line about its own request. A line comes in some milliseconds, through a forwarder in a second. */
export const FEED_PROOF_WAIT_MS = 2_000;
/**
 * Pause after the last hint and the last push before a cycle is triggered, so that one cycle settles a burst; and the
 * longest such pause. With 5 s a cycle ran beside the pushes of 1,000 changes, and each took longer.
 */
export const FEED_SETTLE_MS = 1_000;
export const FEED_SETTLE_MOST_MS = 15_000;
/** First pause between two full scans that gaps led to. It doubles up to the tick while there are more gaps. */
export const FEED_GAP_SCAN_MS = 5_000;
/** Least time between two triggers of a cycle. */
export const FEED_TRIGGER_GAP_MS = 1_000;
/** The same between two writes of a record, and pause before it is written again if Consul did not take it. */
export const FEED_RECORD_GAP_MS = 1_000;
/** Cycles in a row without a proof line after which the feed counts as unproven: each of them is a full scan. */
export const FEED_UNPROVEN_CYCLES = 3;
/** Pause before something is recorded: more follows as a rule. What a killed worker had not recorded is lost. */
export const FEED_RECORD_WAIT_MS = 100;
/** Pause before a paused or missing schedule, or a Temporal that does not answer, is asked again while hints wait. */
export const FEED_PAUSED_CHECK_MS = 2_000;
/** How long a schedule counts as running or paused after an answer. */
export const FEED_STATE_MS = 1_000;
/** Time for the last write of a record when the worker ends. */
export const FEED_CLOSE_MS = 2_000;
/** Age of a receiver's record after which it counts as left behind, if all of its hints are handled. */
export const FEED_RECORDS_EXPIRE_AFTER_MS = 24 * 3_600_000;
/** Age of its record after which a receiver writes it again, although nothing is new. */
export const FEED_RECORD_REFRESH_MS = FEED_RECORDS_EXPIRE_AFTER_MS / 4;
/** Pauses between two checks whether the line of a cycle's own request has arrived: in memory, and in Consul. */
export const FEED_PROOF_EVERY_MS = 10;
export const FEED_PROOF_READ_EVERY_MS = 250;
/** Lists of versions that end by themselves, which passes add to those of a scan. After more of them a scan starts anew. */
export const FEED_END_LISTS = 100;

/**
 * Secrets in one push, and bytes of it: far below the 2 MiB that Temporal takes. On a machine that was busy with other work
 * 256 secrets took up to 4 s, which is all of {@link PUSH_WORK_MS}; what was not copied then was left to a cycle.
 */
export const PUSH_SECRETS = 128;
export const PUSH_BYTES = 64 * 1024;
/** Hints that arrive in this time after the first of a push travel together. */
export const PUSH_GAP_MS = 20;
/** Metadata of hinted paths that are read at the same time, in the ordinary queue of requests. */
export const PUSH_READS_AT_ONCE = 32;
/** So many paths are read together, and while a push is under way. Fewer wait for its end: they may change again. */
export const PUSH_READ_AHEAD = 64;
/** Pushes in one run of the workflow. Keeps its history under 1,500 events. Temporal takes 2,000 updates per run. */
export const PUSHES_PER_RUN = 200;
/** Time for one push. After it the destination counts as absent. */
export const PUSH_DEADLINE_MS = 5_000;
/**
 * Time of its work at the destination. Shorter, so that the answer arrives in time. Together with {@link FRESH_MS} it is
 * shorter than the 10 s after which Temporal gives a workflow task to another worker: a worker that was stopped in
 * between writes nothing any more then.
 */
export const PUSH_WORK_MS = 4_000;
/**
 * Times in which Temporal must describe the schedule for a push, one question after the other. It takes some milliseconds,
 * but one of some hundred questions takes 5 s (server 1.29.1), and the next one is answered at once. After both a cycle
 * brings the change.
 */
export const PUSH_SCHEDULE_MS: readonly number[] = [100, 400];
/** First and longest pause before an absent destination gets a push again. It doubles each time. */
export const PUSH_BACKOFF_MS: readonly [first: number, longest: number] = [1_000, 30_000];
/** Paths that wait for one destination. It gets the others with its next cycle. */
export const PUSH_PENDING = 2_000;
/** How often an origin looks for destinations that take pushes. */
export const PUSH_TARGETS_EVERY_MS = 10_000;
/** Buckets of a destination that are kept parsed between two pushes. */
export const PUSH_BUCKETS_CACHED = 64;
/** A larger bucket is parsed each time. */
export const PUSH_CACHED_BUCKET_BYTES = 64 * 1024;

// ---- Requests to a Vault ------------------------------------------------------------------------------------

/** Requests in flight to one Vault. A Vault's own CPUs are busy long before. */
export const MAX_VAULT_REQUESTS = 128;

/**
 * After this time a listing gives its place in the request queue to another request. One huge folder must not hold up
 * the others, and its latency is not a sample. `numWorkers` does not count it from then on.
 */
export const SLOW_LIST_MS = 2_000;
/** Listings that have given their place away. Bounds what a Vault that hangs gets. */
export const MAX_SLOW_LISTS = 16;
/** Names that one page of a listing may hold. Large: the server decrypts the whole folder for each page. */
export const LIST_PAGE_NAMES = 100_000;

/** The same where names come with their metadata: one page is about 15 MB of JSON if each secret has ten versions. */
export const DETAILED_PAGE_NAMES = 10_000;
/**
 * From so many names on, a plain listing completes those of such pages: a policy may hide names of a page, which then looks
 * like the last one. Smaller folders stay one request.
 */
export const DETAILED_SURE_NAMES = 1_000;
/** Names of such pages that are in memory at the same time, as far as pages before them show. */
export const DETAILED_NAMES_AT_ONCE = 20_000;
/** Most such pages at the same time, however small they are. */
export const DETAILED_PAGES_AT_ONCE = 16;
/** Names of such a page that are parsed at once: some milliseconds. */
export const DETAILED_PARSED_AT_ONCE = 1_000;
/** After a refusal metadata are read singly for this long. An operator may extend the policy meanwhile. */
export const DETAILED_AGAIN_MS = 3_600_000;

/** Time for one request. Vault's own default is 90 s; a KV request that takes longer than this is an outage. */
export const VAULT_REQUEST_TIMEOUT_MS = 20_000;
/** Time for one listing where no timeout is configured. After that time a Vault gives up its own work by default. */
export const VAULT_LIST_TIMEOUT_MS = 90_000;
/** Reads ask for the state of the last write for this long. Standbys lagged by an eighth of a second (measured). */
export const VAULT_INDEX_FOR_MS = 30_000;
/** Time to make a connection: a host that does not answer a SYN in this time is down or filtered. */
export const VAULT_CONNECT_TIMEOUT_MS = 5_000;
/** Highest request timeout that a configuration may set. */
export const MAX_REQUEST_TIMEOUT_MS = 3_600_000;
/** Pauses between the attempts of one request that got no usable answer. The retries of the activity come after. */
export const RETRY_DELAYS_MS: readonly number[] = [100, 400, 1_600];

/** Attempts of a request that a quota refuses (429). The request queue pauses between them. */
export const QUOTA_ATTEMPTS = 6;
/** First and longest pause of all requests after a 429. It doubles with each 429 in a row, or is what Retry-After asks for. */
export const FIRST_QUOTA_PAUSE_MS = 1_000;
export const MAX_QUOTA_PAUSE_MS = 30_000;
/** After this time with only 429, waiting requests fail. Shorter than the preflight of a cycle, which then reports why. */
export const QUOTA_BLOCKED_AFTER_MS = 20_000;

/** One place in this many goes to a read, however many writes wait. */
export const READ_TURN_EVERY = 4;
/** 503 answers within this time halve the adaptive limit once: they come in bursts. */
export const OVERLOAD_ONCE_PER_MS = 1_000;

/** Failures in a row before a Vault's health is checked. More than the attempts of one request: that may be one bad path. */
export const FAILURES_BEFORE_HEALTH_CHECK = 5;
/** Time for one health check. A healthy Vault answers in some milliseconds. */
export const HEALTH_TIMEOUT_MS = 5_000;
/** First and longest pause between two health checks of a Vault that is down. It doubles each time. */
export const FIRST_HEALTH_PAUSE_MS = 1_000;
export const MAX_HEALTH_PAUSE_MS = 30_000;
/** Outages of one Vault that a process remembers, for the notes of cycles. */
export const REMEMBERED_OUTAGES = 10;

/** Pauses before each question whether two addresses reach one server: a standby may lag behind its active node. */
export const SAME_SERVER_DELAYS_MS: readonly number[] = [0, 200, 800];
/** Life of the wrapping token that this check makes, should its removal fail. */
export const WRAP_TTL_S = 60;

// ---- Tokens of a Vault --------------------------------------------------------------------------------------

/** Age of a login from which a 403 may mean that its token has ended. Younger: the policy lacks something. */
export const LOGIN_AGAIN_AFTER_MS = 60_000;
/** Time to revoke the token of a login when a client closes. */
export const REVOKE_TIMEOUT_MS = 2_000;
/** Time for requests that are still in flight when a client closes: nobody waits for their answers. */
export const VAULT_CLOSE_MS = 1_000;

/** First and longest pause after a renewal or login that failed. It doubles each time. */
export const FIRST_TOKEN_PAUSE_MS = 500;
export const MAX_TOKEN_PAUSE_MS = 60_000;
/** Longest pause after a login that was refused. Each one is reported, and only an operator can fix it. */
export const MAX_REFUSED_LOGIN_PAUSE_MS = 600_000;
/** Longest sleep of the token keeper. Node's timers take at most 24 days, and a machine may be suspended. */
export const MAX_TIMER_MS = 3_600_000;
/** Least time between two warnings that a token ends. */
export const TOKEN_WARNING_GAP_MS = 60_000;

// ---- Requests to Consul -------------------------------------------------------------------------------------

/**
 * Connections of one process for its requests to one Consul agent. An agent allows 200 per client address by default
 * (`limits.http_max_conns_per_client`), for all programs on a machine together. Eight workers with their blocking
 * queries leave a third of them to others. More would not be faster: Consul answers in a millisecond or two.
 */
export const MAX_CONSUL_CONNECTIONS = 16;
/** Refused connections within this time halve the limit once: they come in bursts. After each without one it grows by one. */
export const CONSUL_LIMIT_STEP_MS = 1_000;
/** An idle connection is closed after this time: the agent counts it against its limit for this machine. */
export const CONSUL_IDLE_MS = 5_000;

/** Blocking queries of one process at one Consul agent. Each holds a connection while it waits. */
export const MAX_CONSUL_POLLS = 6;
/** Wait of one blocking query while more of them are needed than may run: they take turns. */
export const POLL_TURN_MS = 1_000;
/** They keep taking turns for this time after one had to wait: callers pause between two queries. */
export const POLLS_CROWDED_MS = 60_000;

/** Time for one request. */
export const CONSUL_REQUEST_TIMEOUT_MS = 10_000;
/** How long a request is repeated while the agent refuses connections: other programs may hold all that it allows. */
export const CONSUL_REFUSED_FOR_MS = 15_000;
/** The same where the agent only closes connections, which has other causes too. Both are shorter than a preflight. */
export const CONSUL_CLOSED_FOR_MS = 4_000;
/** First and longest pause after a refused connection. It doubles each time. */
export const FIRST_CONSUL_REFUSED_PAUSE_MS = 100;
export const MAX_CONSUL_REFUSED_PAUSE_MS = 2_000;

/** Largest value that a Consul agent takes by default (`limits.kv_max_value_size`). Its answers correct the number. */
export const CONSUL_VALUE_BYTES = 512 * 1024;
/** Operations in one transaction: 128 in newer versions of Consul. Older ones refuse more than 64, and say so. */
export const CONSUL_OPERATIONS = 128;
/** JSON body of one transaction by default (`limits.txn_max_req_len`). An agent takes at least as much as for a value. */
export const CONSUL_TRANSACTION_BYTES = 512 * 1024;

// ---- Temporal -----------------------------------------------------------------------------------------------

/** Time for each step of the diagnosis of a failed connection. */
export const TEMPORAL_DIAGNOSIS_STEP_MS = 5_000;
/** Least catch-up window that Temporal takes. */
export const MIN_CATCHUP_MS = 10_000;
/**
 * Attempts to pause a schedule. A pause that reaches the server together with a trigger is answered and then lost
 * (server 1.29.1: 98 of 100 that were sent at the same time). So it is read back, and repeated.
 */
export const PAUSE_ATTEMPTS = 10;
/** Attempts to write a schedule or its record. Each further one needs another process that wrote at the same moment. */
export const SCHEDULE_WRITE_ATTEMPTS = 10;

/** How long Temporal may take to start a triggered cycle when nothing is in its way. */
export const CYCLE_START_WAIT_MS = 20_000;
/** Pause between two questions whether a triggered cycle has started. */
export const CYCLE_START_POLL_MS = 100;
/** How often a worker checks its schedule and its watch. */
export const SCHEDULE_CHECK_EVERY_MS = 60_000;
/** Time for one such check. */
export const SCHEDULE_CHECK_TIMEOUT_MS = 30_000;
/** Time between two questions of a worker whether Temporal answers, and the time for the answer: an outage is logged once. */
export const TEMPORAL_CHECK_EVERY_MS = 10_000;
export const TEMPORAL_CHECK_TIMEOUT_MS = 5_000;

// ---- The worker process -------------------------------------------------------------------------------------

/** How long a shutdown waits for activities to save their work. Then the next worker takes over. */
export const SHUTDOWN_MS = 30_000;

/**
 * How much the heap may grow from one full collection to the next, in percent of its live objects. V8's own rule allows
 * up to four times, mostly garbage. See docs/decisions/0007-cpu-and-memory-of-a-worker.md.
 */
export const HEAP_GROWING_PERCENT = 25;
/** The flag of V8 for it, which V8 reads at each collection. */
export const HEAP_GROWING_FLAG = '--heap-growing-percent';
/** Size of the young generation of a worker's heap, both halves; V8's own is 32 MiB. A smaller one costs more CPU. */
export const MAX_YOUNG_GENERATION_BYTES = 16 * 1024 * 1024;
/** The flag of V8 by which the young generation grows when it is full. V8 raises 1 to 2 when a thread is made. */
export const YOUNG_GENERATION_FACTOR_FLAG = '--semi-space-growth-factor';
/**
 * The flags of V8 that leave WebAssembly with the code of its fast compiler. The optimizing one needs some 35 MiB for
 * undici's HTTP parser, and saves 0.7 µs per answer.
 */
export const WASM_BASELINE_FLAGS = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

// ---- Commands -----------------------------------------------------------------------------------------------

/** A command that waits for a workflow explains its wait after this time without an end: often a worker is missing. */
export const EXPLAIN_WAIT_AFTER_MS = 4_000;
/** Pause between two reads of the progress of such a workflow. */
export const WAIT_POLL_MS = 2_000;
/** Time for the activities of a verify to notice a cancel, with their next heartbeat. */
export const VERIFY_CANCEL_WAIT_MS = 20_000;
/** How long `verify --repair` waits for a cycle after the cycle's own timeout, cleanup included. */
export const CYCLE_END_WAIT_MS = 120_000;
/** Pause between two questions whether that cycle has ended. */
export const REPAIR_POLL_MS = 500;

/** Values in one configuration file. Aliases of aliases can mean billions of them. */
export const MAX_YAML_VALUES = 100_000;
/** Levels in one configuration file. An anchor inside itself does not end. */
export const MAX_YAML_DEPTH = 100;

/** Age of an answer of Consul up to which metrics use it again, and how long they wait for one. */
export const METRICS_REFRESH_MS = 10_000;
export const METRICS_TIMEOUT_MS = 5_000;
