import { randomUUID } from 'node:crypto';
import { check, formatChecks, notChecked, type Check, type CheckResult } from '../access/check-line';
import { NotInStepError, UserError } from '../errors';
import { createLog } from '../log';
import { loadSyncerConfig, type SyncerConfig } from '../syncer/config';
import { createInstances, listProblem } from '../syncer/instances/create';
import type { Instance, InstanceList } from '../syncer/instances/instance';
import { describeAnswer, Prober, type ProbeAnswer } from '../syncer/probe';
import { apiPortOf } from '../syncer/probe-modes';
import { startSyncer } from '../syncer/service';
import { steadyNowMs } from '../syncer/steady-clock';
import { tokenProblem } from '../syncer/token';
import { startWarnings } from '../syncer/warnings';
import { readZoneSync, type ZoneSyncRow } from '../syncer/zone-sync';
import { interruptible } from './interruptible';
import type { Options } from './options';

/** Loaded only where it is needed. */
const secretsFile = () => require('./syncer-secrets') as typeof import('./syncer-secrets');

/** What `vsync syncer` can do. */
export type SyncerAction = 'serve' | 'check' | 'probe' | 'status';

/** `vsync syncer`: the service that reports whether a token is on every NGINX instance, and commands about it. */
export async function runSyncer(action: SyncerAction, options: Options, version: string): Promise<void> {
  const config = loadSyncerConfig(options['config'] as string | undefined, process.env);
  const isJson = options['json'] === true;
  switch (action) {
    case 'serve':
      return serve(config, version);
    case 'check':
      return withInstances(config, (parts) => checkInstances(parts, isJson));
    case 'probe':
      return withInstances(config, (parts) => probeInstances(parts, isJson));
    case 'status':
      return withInstances(config, (parts) => showStatus(parts, isJson));
  }
}

async function serve(config: SyncerConfig, version: string): Promise<void> {
  const log = createLog(config.log);
  const stop = new AbortController();
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        stop.abort();
        resolve(signal);
      });
  });
  const syncer = await startSyncer(config, { log, version, signal: stop.signal });
  const signal = await stopped;
  log.info(`${signal}: answers the questions in progress, then ends`);
  await syncer.close();
  log.info('stopped');
}

/** What the commands work with. */
interface Parts {
  readonly config: SyncerConfig;
  readonly kind: string;
  readonly list: InstanceList;
  /** Why the list cannot be used. */
  readonly problem: string | undefined;
  readonly prober: Prober;
  readonly signal: AbortSignal;
}

/** Reads the list once. */
async function withInstances(config: SyncerConfig, work: (parts: Parts) => Promise<void>): Promise<void> {
  const source = createInstances(config, createLog(config.log));
  const prober = new Prober(config);
  try {
    await interruptible(async (signal) => {
      await source.start();
      const list = source.current();
      const problem = listProblem(source, config.maxListAgeMs);
      prober.retain(list.instances);
      await work({ config, kind: source.kind, list, problem, prober, signal });
    });
  } finally {
    await source.close();
    await prober.close();
  }
}

/** `vsync syncer check`: can it list instances, reach each one, and does each deny a random token? */
async function checkInstances({ config, kind, list, problem, prober, signal }: Parts, isJson: boolean) {
  const warnings = startWarnings(config).map((detail): Check => ({
    what: 'configuration',
    outcome: 'warning',
    detail,
  }));
  const checks: Check[] = [
    ...(warnings.length > 0
      ? warnings
      : [{ what: 'configuration', outcome: 'pass' as const, detail: 'is complete' }]),
    await check(`instances (${kind})`, () => {
      if (problem !== undefined) return { outcome: 'fail', detail: problem };
      return { detail: `${list.instances.length} are known` };
    }),
  ];
  if (config.sync.length > 0) checks.push(...(await secretsFile().checkSecrets(config.sync)));
  if (problem !== undefined) checks.push(notChecked('each instance', 'there is no usable list'));
  const zoneSync =
    config.probe.mode === 'keyval' ? await readZoneSync(list.instances, config, prober, signal) : undefined;
  for (const [at, instance] of list.instances.entries()) {
    const what = `instance ${instance.name} (${placeOf(instance, config)})`;
    const answer = await prober.ask(instance, randomUUID(), signal);
    checks.push(await check(what, () => resultOf(answer, config)));
    const row = zoneSync?.[at];
    if (row !== undefined && answer.kind === 'absent')
      checks.push(await check(`${what}: zone_sync`, () => zoneSyncResult(row)));
  }
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  console.log(isJson ? JSON.stringify({ ok: failed === 0, checks }, null, 2) : formatChecks(checks));
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`);
}

/** Of a token that no instance can have. */
function resultOf(answer: ProbeAnswer, config: SyncerConfig): CheckResult {
  if (answer.kind === 'absent') return { detail: 'answers, and denies a random token' };
  if (answer.kind === 'present')
    return {
      outcome: 'fail',
      detail:
        'accepts a random token: every token would count as Synced. Set "path" to a location that needs the token, and "host" to its server',
    };
  return { outcome: 'fail', detail: describeAnswer(answer, config) };
}

function zoneSyncResult({ problem, nodesOnline, recordsPending }: ZoneSyncRow): CheckResult {
  if (problem !== undefined) return { outcome: 'fail', detail: problem };
  return { detail: `sees ${nodesOnline ?? 0} other nodes, ${recordsPending ?? 0} records are pending` };
}

/** `vsync syncer probe`: asks each instance once about the token on standard input. */
async function probeInstances(parts: Parts, isJson: boolean): Promise<void> {
  const { config, list, problem, prober, signal } = parts;
  if (problem !== undefined) throw new UserError(`no instance can be asked, because ${problem}`);
  const token = await readToken();
  const wrong = tokenProblem(token, config.probe.mode);
  if (wrong !== undefined) throw new UserError(`the token on standard input ${wrong}`);
  const rows = await Promise.all(
    list.instances.map(async (instance) => {
      const startedMs = performance.now();
      const answer = await prober.ask(instance, token, signal);
      const ms = Math.round(performance.now() - startedMs);
      const detail = describeAnswer(answer, config);
      return { instance: instance.name, at: placeOf(instance, config), state: answer.kind, detail, ms };
    }),
  );
  const lines = rows.map(({ instance, at, state, detail, ms }) => [instance, at, state, `${ms} ms`, detail]);
  console.log(isJson ? JSON.stringify(rows, null, 2) : table(lines));
  const without = rows.filter(({ state }) => state !== 'present');
  if (without.length === 0) return;
  const names = without.map(({ instance, state }) => `${instance} (${state})`).join(', ');
  const message = `${without.length} of ${rows.length} instances do not have the token: ${names}`;
  throw without.every(({ state }) => state === 'absent')
    ? new NotInStepError(message)
    : new UserError(message);
}

/** Not an argument, which other users of the machine could read. */
async function readToken(): Promise<string> {
  if (process.stdin.isTTY) console.error('vsync: type the token (it is shown), then Enter and Ctrl-D');
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  const token = Buffer.concat(chunks).toString('utf8').trim();
  if (token !== '') return token;
  throw new UserError(
    'standard input has no token: give it as in "vsync syncer probe -c FILE < token.txt"; it is not an argument, which others could read',
  );
}

/** `vsync syncer status`: the instances, the age of the list, and what each reports of zone_sync. */
async function showStatus({ config, kind, list, problem, prober, signal }: Parts, isJson: boolean) {
  const isKeyval = config.probe.mode === 'keyval';
  const rows: ZoneSyncRow[] = isKeyval
    ? await readZoneSync(list.instances, config, prober, signal)
    : list.instances.map((instance) => ({ instance }));
  const ageMs = list.freshAtMs === undefined ? null : Math.round(steadyNowMs() - list.freshAtMs);
  if (isJson) {
    const instances = rows.map(({ instance, ...rest }) => ({ ...instance, ...rest }));
    console.log(JSON.stringify({ source: kind, ageMs, problem: problem ?? null, instances }, null, 2));
    return;
  }
  const age = ageMs === null ? 'there is no list yet' : `the list is ${Math.round(ageMs / 1000)} s old`;
  const others = list.instances.length - 1;
  const lines = rows.map(({ instance, nodesOnline, recordsPending, problem: why }) => [
    instance.name,
    placeOf(instance, config),
    nodesOnline === undefined ? '-' : `${nodesOnline} of ${others}`,
    String(recordsPending ?? '-'),
    why ?? '',
  ]);
  console.log(
    [
      `${list.instances.length} instances (source ${kind}), ${age}`,
      ...(problem === undefined ? [] : [`no verdict is possible: ${problem}`]),
      ...(lines.length > 0 ? [table([['instance', 'address', 'zone_sync', 'pending', ''], ...lines])] : []),
    ].join('\n'),
  );
}

function placeOf(instance: Instance, config: SyncerConfig): string {
  const port = config.probe.mode === 'keyval' ? apiPortOf(config, instance) : (instance.port ?? config.port);
  return instance.address.includes(':') ? `[${instance.address}]:${port}` : `${instance.address}:${port}`;
}

/** Columns of equal width. */
function table(lines: readonly (readonly string[])[]): string {
  const widths = lines.reduce<number[]>(
    (most, line) => line.map((cell, at) => Math.max(cell.length, most[at] ?? 0)),
    [],
  );
  return lines
    .map((line) => `  ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
