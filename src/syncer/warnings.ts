import { formatDuration } from '../rules/time';
import type { SyncerConfig } from './config';

/** What is allowed but should be known. Written to the log at each start, and shown by `vsync syncer check`. */
export function startWarnings(config: SyncerConfig): string[] {
  return [...tlsWarnings(config), ...timeWarnings(config)];
}

function tlsWarnings({ probe }: SyncerConfig): string[] {
  if (probe.scheme === 'http')
    return [
      'tokens are sent to the instances without TLS (probe.scheme is http); set it to https, unless another layer encrypts',
    ];
  if (probe.tls.verify) return [];
  return [
    'the certificates of the instances are not verified, so another server could get tokens; set probe.tls.verify and probe.tls.caFile',
  ];
}

/** NGINX sends the entries of a shared zone once per interval; an entry that just misses one waits for the next. */
const INTERVALS_TO_WAIT = 2;

function timeWarnings(config: SyncerConfig): string[] {
  const { requestDeadlineMs, zoneSyncIntervalMs } = config;
  const neededMs = INTERVALS_TO_WAIT * zoneSyncIntervalMs;
  const interval = `two zone_sync_interval of ${formatDuration(zoneSyncIntervalMs)}`;
  return [
    ...retriesWarnings(config, neededMs, interval),
    ...(requestDeadlineMs < neededMs
      ? [
          `request_deadline is ${formatDuration(requestDeadlineMs)}, which is less than ${interval}: expect Timeout. ` +
            `Set it to at least ${formatDuration(neededMs)}`,
        ]
      : []),
  ];
}

/** The first try is made at once, and no pause follows the last one. */
function retriesWarnings(config: SyncerConfig, neededMs: number, interval: string): string[] {
  const { retries, syncTimeoutMs } = config;
  const triedMs = (retries - 1) * syncTimeoutMs;
  if (triedMs >= neededMs) return [];
  const enough = Math.ceil(neededMs / syncTimeoutMs) + 1;
  const [when, otherwise] =
    retries === 1
      ? ['the first try (retries is 1)', '']
      : [
          `${formatDuration(triedMs)} ((retries − 1) × sync_timeout)`,
          `, or zone_sync_interval in NGINX and here to at most ${formatDuration(triedMs / INTERVALS_TO_WAIT)}`,
        ];
  return [
    `a token is given up after ${when}, which is less than ${interval}: expect false NotSynced. ` +
      `Set retries to ${enough}${otherwise}`,
  ];
}
