import { z } from 'zod';
import { ConfigError, type ConfigProblem } from '../config/errors';
import { bothOrNone, expecting, flag, pemFile, text } from '../config/fields';
import { readConfigFile } from '../config/file';
import { nearestKey, printableKey } from '../config/keys';
import {
  cookieName,
  headerName,
  headerTemplate,
  hostInUrl,
  instance,
  listen,
  milliseconds,
  port,
  requestPath,
  wholeNumber,
} from './config-fields';
import { isDnsServer } from './instances/dns';

/*
 * The configuration of Syncer: a file of its own. The keys with "_" are those of the original, with its defaults, so that
 * its config.yaml works as it is. The others are ours.
 */

const probeTls = z
  .strictObject({
    verify: flag().default(false).describe('verify the certificate of each instance'),
    caFile: pemFile("PEM file with the certificate authorities to trust instead of the system's"),
    certFile: pemFile('PEM file with the client certificate; needs keyFile'),
    keyFile: pemFile('PEM file with the key of certFile'),
    serverName: text('a host name')
      .optional()
      .describe('expected name in the certificate; the name in "host" if not given'),
  })
  .superRefine(bothOrNone)
  // Refused, not implied: a file that seems to protect tokens must say that it does.
  .refine(({ verify, caFile }) => verify || caFile === undefined, {
    path: ['caFile'],
    message: 'has no effect while certificates are not verified; set probe.tls.verify to true, or remove it',
  });

const MODES = ['cookie', 'header', 'keyval'] as const;

const probe = z
  .strictObject({
    mode: z
      .enum(MODES, 'must be cookie, header or keyval')
      .default('cookie')
      .describe('how an instance is asked: with a cookie, with a header, or by the NGINX Plus API'),
    scheme: z
      .enum(['https', 'http'], 'must be https or http')
      .default('https')
      .describe('scheme of the request'),
    method: z.enum(['GET', 'HEAD'], 'must be GET or HEAD').default('GET').describe('method of the request'),
    cookie: cookieName().default('auth_token').describe('name of the cookie, in mode cookie'),
    headers: z
      .record(headerName(), headerTemplate(), expecting('a section with a text for each header'))
      .default({})
      .describe('headers of each request; {token}, {domain} and {host} are replaced'),
    zone: text('the name of a key-value zone').optional().describe('key-value zone, in mode keyval'),
    apiPath: requestPath().default('/api').describe('path of the NGINX Plus API, in mode keyval'),
    apiPort: port().optional().describe('port of the NGINX Plus API, in mode keyval; "port" if not given'),
    apiVersion: wholeNumber(1, 99).default(9).describe('version of the NGINX Plus API, in mode keyval'),
    zoneSyncEvery: milliseconds(1_000)
      .default(10_000)
      .describe('time between two checks of zone_sync of all instances, in mode keyval'),
    tls: probeTls.prefault({}).describe('TLS to the instances'),
  })
  .transform(({ zoneSyncEvery: zoneSyncEveryMs, ...rest }) => ({ ...rest, zoneSyncEveryMs }));

const dns = z
  .strictObject({
    name: text('the full name of a headless service').describe('its full name: search domains are not tried'),
    every: milliseconds(1_000).default(10_000).describe('time between two queries'),
    port: port().optional().describe('port of the instances; "port" if not given'),
    servers: z
      .array(
        text('an address of a DNS server').refine(
          isDnsServer,
          'must be an IP address, such as 10.0.0.10 or 10.0.0.10:53',
        ),
      )
      .min(1, 'must name a DNS server')
      .optional()
      .describe('addresses of DNS servers; those of the machine if not given'),
  })
  .transform(({ every: everyMs, ...rest }) => ({ ...rest, everyMs }));

/** What a file may have. */
export const syncerConfigSchema = z
  .strictObject({
    namespace: text('a namespace').optional().describe('Kubernetes namespace of the instances'),
    deployment: text('the name of a Deployment').optional().describe('Deployment of the instances'),
    host: text('a host name').optional().describe('Host header of each request'),
    domain: text('a domain').default('').describe('replaces {domain} in templates of headers'),
    path: requestPath().optional().describe('path of the protected location'),
    port: port().default(8443).describe('port of the protected location'),
    sync_timeout: milliseconds(1).default(150).describe('pause between two tries at one instance'),
    connection_timeout: milliseconds(1).default(200).describe('time for one try'),
    retries: wholeNumber(1, 1_000).default(5).describe('tries at each instance'),
    request_deadline: milliseconds(1).default(1_000).describe('time for one verdict'),
    max_keepalives: wholeNumber(1, 65_535)
      .default(512)
      .describe('connections to all instances together; shared equally among them'),
    host_keepalives: wholeNumber(1, 65_535).default(64).describe('connections to one instance'),
    zone_sync_interval: milliseconds(1)
      .default(1_000)
      .describe('zone_sync_interval of the instances, for the warning at start'),
    listen: listen().default({ port: 8080 }).describe('address of the HTTP API, as host:port'),
    tls: z
      .strictObject({
        certFile: pemFile('PEM file with the certificate of the HTTP API'),
        keyFile: pemFile('PEM file with its key'),
      })
      .superRefine(bothOrNone)
      .optional()
      .describe('TLS of the HTTP API'),
    probe: probe.prefault({}).describe('how an instance is asked'),
    instances: z
      .array(instance(), expecting('a list of addresses'))
      .min(1, 'must name an instance')
      .optional()
      .describe('fixed list of instances, instead of a Deployment'),
    dns: dns
      .optional()
      .describe('headless service whose addresses are the instances, instead of a Deployment'),
    kubeconfig: text('the path of a file')
      .optional()
      .describe('kubeconfig; the service account of the pod if not given'),
    maxListAge: milliseconds(1_000).default(30_000).describe('age of the list above which the answer is 503'),
    maxInFlight: z
      .strictObject({
        requests: wholeNumber(1, 1_000_000).default(1_000).describe('questions in progress'),
        probes: wholeNumber(1, 1_000_000)
          .default(10_000)
          .describe('instances that are asked by all questions in progress'),
      })
      .prefault({})
      .describe('questions and probes in progress; above it the answer is 429'),
    sync: z
      .array(text('the path of a file'), expecting('a list of files'))
      .default([])
      .describe('configuration files of destinations, for questions about secrets'),
    log: z
      .strictObject({
        level: z
          .enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error')
          .default('info')
          .describe('minimum level to log'),
        type: z
          .enum(['console', 'json'], 'must be console or json')
          .default('console')
          .describe('format of the log'),
      })
      .prefault({})
      .describe('level and format of the log'),
  })
  .superRefine(checkSource)
  .superRefine(checkProbe)
  .transform((keys) => ({
    listen: keys.listen,
    tls: keys.tls,
    source: sourceOf(keys),
    maxListAgeMs: keys.maxListAge,
    host: keys.host,
    domain: keys.domain,
    path: keys.path ?? '/',
    port: keys.port,
    syncTimeoutMs: keys.sync_timeout,
    connectionTimeoutMs: keys.connection_timeout,
    retries: keys.retries,
    requestDeadlineMs: keys.request_deadline,
    maxKeepalives: keys.max_keepalives,
    hostKeepalives: keys.host_keepalives,
    zoneSyncIntervalMs: keys.zone_sync_interval,
    probe: keys.probe,
    maxInFlight: keys.maxInFlight,
    sync: keys.sync,
    log: keys.log,
  }));

export type SyncerConfig = z.output<typeof syncerConfigSchema>;
export type SourceConfig = SyncerConfig['source'];

/** The keys of a source, before the schema's last step. */
interface SourceKeys {
  readonly port: number;
  readonly namespace?: string | undefined;
  readonly deployment?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly instances?: z.output<ReturnType<typeof instance>>[] | undefined;
  readonly dns?: z.output<typeof dns> | undefined;
}

function checkSource(keys: SourceKeys, context: z.core.$RefinementCtx): void {
  const { namespace, deployment, instances, dns, port } = keys;
  const report = (path: string, message: string): void => {
    context.addIssue({ code: 'custom', path: [path], message });
  };
  if (instances !== undefined && dns !== undefined) report('dns', 'excludes "instances"; keep one of them');
  if (instances !== undefined) checkTwice(instances, port, context);
  if (instances !== undefined || dns !== undefined) return;
  const what = 'is missing; give namespace and deployment, or instances, or dns';
  if (namespace === undefined) report('namespace', what);
  if (deployment === undefined) report('deployment', what);
}

/** An instance that is named twice would count twice, and a name of two would not tell which is the origin. */
function checkTwice(
  instances: NonNullable<SourceKeys['instances']>,
  ofAll: number,
  context: z.core.$RefinementCtx,
): void {
  const places = new Set<string>();
  const names = new Set<string>();
  for (const [at, { name, address, port = ofAll }] of instances.entries()) {
    const place = `${hostInUrl(address) ?? address}|${port}`;
    const message = places.has(place)
      ? 'has the address and port of another one, and would count twice; keep one of them'
      : 'has the name of another one (case does not count)';
    if (places.has(place) || names.has(name.toLowerCase()))
      context.addIssue({ code: 'custom', path: ['instances', at], message });
    places.add(place);
    names.add(name.toLowerCase());
  }
}

/** A fixed list or a DNS name counts before a Deployment, whose keys a file of the original always has. */
function sourceOf({ namespace, deployment, kubeconfig, instances, dns }: SourceKeys) {
  if (instances !== undefined) return { kind: 'static' as const, instances };
  if (dns !== undefined) return { kind: 'dns' as const, ...dns };
  return {
    kind: 'kubernetes' as const,
    namespace: namespace ?? '',
    deployment: deployment ?? '',
    kubeconfig,
  };
}

interface ProbeKeys {
  readonly host?: string | undefined;
  readonly path?: string | undefined;
  readonly domain: string;
  readonly probe: z.output<typeof probe>;
}

function checkProbe({ host, path, domain, probe }: ProbeKeys, context: z.core.$RefinementCtx): void {
  const report = (where: string, message: string): void => {
    context.addIssue({ code: 'custom', path: where.split('.'), message });
  };
  const templates = Object.values(probe.headers);
  const uses = (word: string): boolean => templates.some((template) => template.includes(word));
  if (uses('{domain}') && domain === '') report('domain', 'is missing; a template in probe.headers uses it');
  if (uses('{host}') && host === undefined) report('host', 'is missing; a template in probe.headers uses it');
  if (probe.mode === 'keyval') {
    if (probe.zone === undefined)
      report('probe.zone', 'is missing; give the name of the key-value zone, for mode keyval');
    return;
  }
  if (host === undefined) report('host', 'is missing; give the host name for the Host header');
  if (path === undefined) report('path', 'is missing; give the path of the protected location');
  if (probe.mode === 'header' && !uses('{token}'))
    report('probe.headers', 'must have a header with {token}, such as Authorization: "Bearer {token}"');
}

/** The file that is read if none is named. */
const CONFIG_VARIABLE = 'VSYNC_SYNCER_CONFIG';

/**
 * Loads the configuration of Syncer.
 *
 * @param file its extension selects the format; VSYNC_SYNCER_CONFIG if undefined
 * @throws ConfigError that lists every problem; it contains no configured value
 */
export function loadSyncerConfig(file: string | undefined, env: NodeJS.ProcessEnv = {}): SyncerConfig {
  const named = file ?? env[CONFIG_VARIABLE];
  if (named === undefined || named === '')
    throw new ConfigError([{ message: `no file was named: give -c FILE, or set ${CONFIG_VARIABLE}` }]);
  const { $schema: _, ...content } = withoutEmpty(readConfigFile(named));
  const result = syncerConfigSchema.safeParse(content);
  if (result.success) return result.data;
  const source = `file ${named}`;
  throw new ConfigError(result.error.issues.flatMap((issue) => problemsOf(issue, source)));
}

/** As in the configuration of a sync, empty text counts as not given. */
function withoutEmpty(section: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(section).flatMap(([name, value]) => {
      if (value === null || value === '') return [];
      const isSection = typeof value === 'object' && !Array.isArray(value);
      return [[name, isSection ? withoutEmpty(value as Record<string, unknown>) : value]];
    }),
  );
}

/** Every key, as a dotted path. */
export const SYNCER_KEYS: readonly string[] = keysBelow(syncerConfigSchema);

function keysBelow(node: z.core.$ZodType, path = ''): string[] {
  if (node instanceof z.ZodPipe) return keysBelow(node.in, path);
  if (node instanceof z.ZodOptional || node instanceof z.ZodDefault || node instanceof z.ZodPrefault)
    return keysBelow(node.def.innerType, path);
  if (!(node instanceof z.ZodObject)) return [];
  return Object.entries(node.shape as Record<string, z.core.$ZodType>).flatMap(([name, child]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return [below, ...keysBelow(child, below)];
  });
}

function problemsOf(issue: z.core.$ZodIssue, source: string): ConfigProblem[] {
  const path = pathOf(issue.path);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      key: pathOf([...issue.path, printableKey(key)]),
      source,
      message: `is not a key of Syncer${didYouMean(pathOf([...issue.path, key]))}`,
    }));
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({
      key: pathOf([...issue.path.slice(0, -1), printableKey(String(issue.path.at(-1)))]),
      source,
      message,
    }));
  const isMissing = issue.message.startsWith('is missing');
  return [{ key: path, ...(isMissing ? {} : { source }), message: issue.message }];
}

function didYouMean(unknown: string): string {
  const near = nearestKey(unknown, SYNCER_KEYS);
  return near === undefined ? '; remove it' : `; did you mean "${near}"?`;
}

function pathOf(parts: readonly PropertyKey[]): string {
  return parts
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .slice(1);
}
