import { Server as TlsServer } from 'node:tls';
import { UserError } from '../errors';
import type { Logger } from '../log';
import { readTls } from '../tls';
import type { Listen } from './config-fields';
import type { SyncerConfig } from './config';
import { createApp, type App } from './http/app';
import { addHealth } from './http/health';
import { addMetrics } from './http/metrics';
import { addOpenApi, addOpenApiPage } from './http/openapi';
import { addSecrets } from './http/secrets';
import { addSynced } from './http/synced';
import { createInstances, listProblem } from './instances/create';
import type { Instance, InstanceSource } from './instances/instance';
import { CONNECTIONS_PER_QUESTION, SPARE_CONNECTIONS, SYNCER_SHUTDOWN_MS } from './limits';
import { SyncerMetrics } from './metrics';
import { Prober } from './probe';
import { Readiness } from './readiness';
import { Rounds } from './rounds';
import type { SecretsQuestion } from './secrets/secrets-question';
import { watchTlsFiles } from './tls-files';
import { startWarnings } from './warnings';
import { ZoneSyncWatch } from './zone-sync';

/*
 * The service: its parts, the order in which they start, and the order in which they end. It listens before it has a list,
 * so that a probe of Kubernetes gets its answer. At the end it is not ready first, then questions in progress are answered,
 * then the rest is closed.
 */

/** A running service. */
export interface Syncer {
  /** URL of the HTTP API. */
  readonly address: string;
  close(): Promise<void>;
}

export interface SyncerOptions {
  readonly log: Logger;
  readonly version: string;
  /** The source of instances; that of the configuration by default. */
  readonly source?: InstanceSource;
  /** Once it is aborted, the first list is not waited for: the service can be closed. */
  readonly signal?: AbortSignal;
}

/** @throws UserError if it cannot listen, or a file cannot be used; ConfigError about a file of `sync` */
export async function startSyncer(config: SyncerConfig, options: SyncerOptions): Promise<Syncer> {
  const { log, version } = options;
  for (const warning of startWarnings(config)) log.warn(warning);
  const secrets = secretsOf(config, log);
  const source = options.source ?? createInstances(config, log);
  const metrics = new SyncerMetrics();
  const prober = new Prober(config);
  const rounds = createRounds(config, prober, metrics);
  metrics.observe({ source, probesInFlight: () => prober.inFlight });
  const zoneSync =
    config.probe.mode === 'keyval' ? new ZoneSyncWatch({ config, source, prober, metrics }) : undefined;
  const readiness = new Readiness([
    { problems: () => [listProblem(source, config.maxListAgeMs)].filter((found) => found !== undefined) },
    { problems: () => zoneSync?.problems() ?? [], warnings: () => zoneSync?.warnings() ?? [] },
  ]);
  const app = createApp(config.tls && readTls(config.tls, 'tls'), (error) => {
    log.error({ at: framesOf(error) }, 'an error that is not expected');
  });
  const ends = watchTls(config, { app, prober, log });
  app.server.maxConnections = config.maxInFlight.requests * CONNECTIONS_PER_QUESTION + SPARE_CONNECTIONS;
  await addOpenApi(app, version);
  // In a later step than the plugin before, which collects the routes.
  await app.register((routes: App, _options, done) => {
    addSynced(routes, { config, source, rounds, metrics, log });
    addHealth(routes, readiness);
    addMetrics(routes, metrics);
    if (secrets !== undefined) addSecrets(routes, { question: secrets, metrics });
    done();
  });
  await addOpenApiPage(app);
  const address = await listenOn(app, config.listen);
  log.info({ address, source: source.kind, mode: config.probe.mode }, 'listening');
  await Promise.race([source.start(), aborted(options.signal)]);
  void zoneSync?.start();
  return {
    address,
    close: async () => {
      readiness.stop();
      for (const end of ends) end();
      await closeApp(app, log);
      zoneSync?.close();
      await source.close();
      await prober.close();
      metrics.close();
    },
  };
}

/** Certificates that are replaced while the service runs. @returns what ends it */
function watchTls(
  { tls, probe }: SyncerConfig,
  { app, prober, log }: { readonly app: App; readonly prober: Prober; readonly log: Logger },
): (() => void)[] {
  const { server } = app;
  return [
    watchTlsFiles({
      files: server instanceof TlsServer ? tls : undefined,
      where: 'tls',
      log,
      onChange: (content) => {
        if (server instanceof TlsServer) server.setSecureContext(content);
      },
    }),
    watchTlsFiles({
      files: probe.tls,
      where: 'probe.tls',
      log,
      onChange: (content) => {
        prober.useTls(content);
      },
    }),
  ];
}

/** Answers questions about secrets; undefined if no destination is configured. */
function secretsOf({ sync }: SyncerConfig, log: Logger): SecretsQuestion | undefined {
  if (sync.length === 0) return undefined;
  // Loaded only here: the clients of Vault and Consul take half a second and 29 MB.
  const { openSecrets } = require('./secrets/open') as typeof import('./secrets/open');
  return openSecrets(sync, process.env, log);
}

/** Without a signal it does not resolve. */
async function aborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve();
    signal?.addEventListener('abort', () => {
      resolve();
    });
  });
}

/** Where an error came from. Its text is left out: that of a library may quote a request. */
function framesOf(error: unknown): string[] {
  const { name, stack = '' } = error instanceof Error ? error : { name: typeof error };
  return [name, ...stack.split('\n').filter((line) => /^\s+at /.test(line))].map((line) => line.trim());
}

/** The rounds, whose probes are counted, and whose connections follow the list. */
function createRounds(config: SyncerConfig, prober: Prober, metrics: SyncerMetrics): Rounds {
  const { retries, syncTimeoutMs, requestDeadlineMs, maxInFlight } = config;
  let retained: readonly Instance[] | undefined;
  return new Rounds({
    retries,
    syncTimeoutMs,
    requestDeadlineMs,
    maxProbes: maxInFlight.probes,
    onBegin: (instances) => {
      if (retained !== instances) prober.retain(instances);
      retained = instances;
    },
    onShared: () => {
      metrics.joined();
    },
    about: (token) => {
      const ask = prober.about(token);
      return (instance, signal, done) => {
        const startedMs = performance.now();
        ask(instance, signal, (answer) => {
          metrics.probe(answer, performance.now() - startedMs);
          done(answer);
        });
      };
    },
  });
}

async function listenOn(app: App, { host, port }: Listen): Promise<string> {
  try {
    return await app.listen({ port, host: host ?? '::' });
  } catch (error) {
    const { code = 'error' } = error as { code?: string };
    // A machine without IPv6.
    if (host === undefined && code === 'EAFNOSUPPORT') return listenOn(app, { host: '0.0.0.0', port });
    const what = `cannot listen on ${host ?? ''}:${port} (${code})`;
    const why: Readonly<Record<string, string>> = {
      EADDRINUSE: 'another process has this port; end it, or change "listen"',
      EACCES: 'ports below 1024 need a privilege; change "listen"',
      EADDRNOTAVAIL: 'this machine does not have the address; change "listen"',
    };
    throw new UserError(`${what}: ${why[code] ?? 'change "listen"'}`);
  }
}

/** Answers what is in progress; after a while it closes the connections. */
async function closeApp(app: App, log: Logger): Promise<void> {
  app.stopping.now = true;
  const closed = app.close();
  if (!(await app.connections.drain(SYNCER_SHUTDOWN_MS)))
    log.warn('questions were still in progress at the end of the shutdown; their connections are closed');
  await closed;
}
