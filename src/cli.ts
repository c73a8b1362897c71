import { WorkflowFailedError, type Client } from '@temporalio/client';
import { Command, CommanderError, Option } from 'commander';
import { ActivityError } from './activities/failures';
import { approveDeletes, approveOrphans } from './approve';
import { formatChecks, runChecks } from './check';
import { createClients, infoOf, type Clients } from './clients';
import { ConfigError } from './config/errors';
import { describeForeign, foreignVariables } from './config/foreign-environment';
import { fromVaultSync } from './config/from-vault-sync';
import { loadConfig, type ConfigSources } from './config/load';
import type { Config } from './config/schema';
import { ConsulError, StoredInfoError } from './consul/errors';
import type { Role } from './names';
import { formatConfig, jsonOfConfig, readEffectiveConfig } from './show-config';
import { signalOriginChanged, start, stop, trigger, type Started } from './starter';
import { formatOrphans, formatPlan } from './plan/format';
import { planCycle } from './plan/plan-cycle';
import { failedCycle, formatCycle, formatFailure, formatStatus, readStatus } from './status';
import { createLog } from './telemetry/log';
import { connectClient, explainTemporal, temporalTarget } from './temporal';
import { UserError } from './user-error';
import { VaultError } from './vault/errors';
import { verify } from './verify/command';
import { createWorkers, installRuntime } from './worker';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const PACKAGE_FILE = path.join(__dirname, '..', 'package.json');

/** Configuration keys that can also be given as flags, as with the original vsync. */
const FLAGS: readonly [key: string, what: string][] = [
  ['log.level', 'debug, info, warn or error'],
  ['log.type', 'console or json'],
  ['temporal.address', 'address of Temporal, host:port'],
  ['temporal.namespace', 'namespace in Temporal'],
  ...(['origin', 'destination'] as const).flatMap((role): [string, string][] => [
    [`${role}.vault.address`, `address of the ${role} Vault`],
    [`${role}.vault.token`, `token for the ${role} Vault`],
    [`${role}.vault.role_id`, `AppRole role id for the ${role} Vault`],
    [`${role}.vault.secret_id`, `AppRole secret id for the ${role} Vault`],
    [`${role}.consul.address`, `address of the ${role} Consul`],
    [`${role}.consul.dc`, `datacenter of the ${role} Consul`],
  ]),
];

type Options = Record<string, unknown>;

/** Of the configuration that this command loaded: at debug, errors are shown with their stack. */
let loadedLevel: Config['log']['level'] | undefined;

/** Builds the `vsync` command. */
export function createProgram(): Command {
  const program = new Command('vsync')
    .description('Keeps the secrets of one origin Vault equal in many destination Vaults, on Temporal.')
    .version((JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version)
    .showHelpAfterError('(vsync --help says more)')
    .exitOverride();

  configured(program.command('origin'))
    .description("create or update the origin's schedule, and run its worker until SIGTERM")
    .option(
      '--adopt',
      'a Vault was rebuilt or restored, or the sync renamed, on purpose: take over what is there',
    )
    .action((options: Options) => serve('origin', options));
  configured(program.command('destination'))
    .description("create or update the destination's schedule and watch, and run its worker until SIGTERM")
    .option(
      '--adopt',
      'a Vault was rebuilt or restored, or the sync renamed, on purpose: take over what is there',
    )
    .action((options: Options) => serve('destination', options));
  flags(program.command('worker'))
    .description('run only the worker, for any number of configurations, until SIGTERM')
    .requiredOption('-c, --config <file...>', 'configuration files')
    .action((options: Options) =>
      runWorkers((options['config'] as string[]).map((file) => load(options, file))),
    );
  configured(program.command('start'), { anyRole: true })
    .description('create or update the schedule (and the watch), then return; workers run elsewhere')
    .option(
      '--adopt',
      'a Vault was rebuilt or restored, or the sync renamed, on purpose: take over what is there',
    )
    .action((options: Options) => startOnly(options));
  configured(program.command('stop'), { anyRole: true })
    .description('remove the schedule and the watch, cancel a running cycle; sync info and secrets stay')
    .action((options: Options) => stopAll(options));
  configured(program.command('trigger'), { anyRole: true })
    .description('run a cycle now, or after the one that is running')
    .option('--wait', 'wait for its end, and print its result')
    .action((options: Options) => triggerCycle(options));
  configured(program.command('signal'), { anyRole: true })
    .description('tell the destination that the origin changed')
    .action((options: Options) => sendSignal(options));
  configured(program.command('plan'))
    .description('what a cycle of a destination would do now, and why; changes nothing')
    .option('--json', 'for machines')
    .option('--apply-orphans', 'have a cycle delete (softly) the orphans that the plan lists')
    .action((options: Options) => showPlan(options));
  configured(program.command('approve'))
    .description('release the deletes that wait at a destination, and run a cycle')
    .option('--set <hash>', 'only if it is this set that waits, as "vsync plan" and "vsync status" name it')
    .action((options: Options) => approve(options));
  configured(program.command('verify'))
    .description('compare the values at origin and destination; reports paths, never values; changes nothing')
    .option('--json', 'for machines')
    .option('--repair', 'have a cycle mend what differs or is missing')
    .action((options: Options) => verifyValues(options));
  configured(program.command('status'), { anyRole: true })
    .description('last cycles with outcome and counts, and the next one')
    .option('--json', 'for machines')
    .action((options: Options) => showStatus(options));
  configured(program.command('config'), { anyRole: true })
    .description('the effective configuration, and where each value came from; secrets are not shown')
    .option('--json', 'for machines')
    .addOption(
      new Option(
        '--from-vault-sync <file>',
        'print the equal of a configuration of vault-sync, as YAML',
      ).conflicts(['config', 'role', 'json']),
    )
    .action((options: Options) => {
      showConfig(options);
    });

  configured(program.command('check'), { anyRole: true })
    .description('look at configuration, servers, tokens and policies, and say what is missing')
    .option('--json', 'for machines')
    .action((options: Options) => checkAll(options));

  program.addHelpText(
    'after',
    `
A first sync, with Temporal, Consul and two Vaults at hand:
  vsync origin -c origin.json             writes down which secrets the origin has, every tick
  vsync destination -c destination.json   copies what differs, every tick and when the origin changes
  vsync status -c destination.json        says what the last cycles did

Every key of the configuration can also come from the environment (VSYNC_DESTINATION_VAULT_TOKEN for
destination.vault.token). Exit code 2 means that the configuration is wrong, 1 that something else failed.`,
  );
  return program;
}

/** Adds `-c FILE`, the flags that override the file, and the role where it cannot be told from the command. */
function configured(command: Command, { anyRole = false } = {}): Command {
  command.option(
    '-c, --config <file>',
    'configuration file: JSON, YAML or HCL, by its extension (or VSYNC_CONFIG)',
  );
  if (anyRole) {
    const role = new Option('--role <role>', 'if the file has both sections: which one is meant');
    command.addOption(role.choices(['origin', 'destination']));
  }
  return flags(command);
}

function flags(command: Command): Command {
  for (const [key, what] of FLAGS) command.option(`--${key} <value>`, what);
  return command;
}

function load(
  options: Options,
  file = options['config'] as string | undefined,
  role = options['role'] as Role | undefined,
  tell = warn,
): Config {
  const { config, warnings } = loadConfig(role, sourcesOf(options, file));
  tell(warnings);
  loadedLevel = config.log.level;
  return config;
}

function sourcesOf(options: Options, file = options['config'] as string | undefined): ConfigSources {
  const given = FLAGS.flatMap(([key]): [string, string][] => {
    const value = options[key];
    return typeof value === 'string' ? [[key, value]] : [];
  });
  return { file, flags: Object.fromEntries(given), env: process.env };
}

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) console.error(`vsync: ${warning}`);
}

/** The file as the user would have to name it again. */
function fileOf(options: Options): string {
  const file = options['config'] ?? process.env['VSYNC_CONFIG'];
  return typeof file === 'string' ? file : 'FILE';
}

async function serve(role: Role, options: Options): Promise<void> {
  const config = load(options, undefined, role);
  warn(foreignVariables(process.env).map(describeForeign));
  const log = createLog(config.log);
  installRuntime({ log });
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  log.info(describeStart(started));
  const worker = await createWorkers([config], { log });
  await worker.run();
  log.info('stopped: what was under way goes on when a worker is back');
}

async function runWorkers(configs: Config[]): Promise<void> {
  const [first] = configs;
  if (first === undefined) return;
  const log = createLog(first.log);
  installRuntime({ log });
  const worker = await createWorkers(configs, { log });
  await worker.run();
}

async function startOnly(options: Options): Promise<void> {
  const config = load(options);
  warn(foreignVariables(process.env).map(describeForeign));
  const started = await withClients(config, (client, clients) =>
    start(client, clients, { adopt: options['adopt'] === true }),
  );
  console.log(`${describeStart(started)}; its work needs a worker: vsync worker -c ${fileOf(options)}`);
}

function describeStart({ scheduleId, schedule, paused }: Started): string {
  return `schedule ${scheduleId} ${schedule}${paused ? ' (it is paused, and stays so)' : ', first cycle asked for'}`;
}

async function stopAll(options: Options): Promise<void> {
  const config = load(options);
  const { schedule, watch, cycles } = await withTemporal(config, (client) => stop(client, config));
  const removed = [schedule && 'schedule', watch && 'watch'].filter((what) => what !== false);
  if (removed.length === 0)
    throw new UserError(`nothing to stop: ${config.name} has neither schedule nor watch`);
  const running = cycles === 0 ? '' : ', and cancelled the cycle that was running';
  console.log(`removed ${removed.join(' and ')} of ${config.name}${running}; sync info and secrets stay`);
}

async function triggerCycle(options: Options): Promise<void> {
  const config = load(options);
  await withTemporal(config, async (client) => {
    const wait = options['wait'] === true;
    const { cycle } = await trigger(client, config, { wait });
    if (!wait || cycle === undefined) {
      const what =
        cycle === undefined ? 'a cycle is running, and one more follows it' : `${cycle.workflowId} started`;
      console.log(`${what}; look at it with: vsync status -c ${fileOf(options)}`);
      return;
    }
    try {
      const { outcome, counts, failures, note } = await cycle.result();
      console.log(
        `${cycle.workflowId}: ${formatCycle(outcome, counts)}${note === undefined ? '' : ` (${note})`}`,
      );
      for (const failure of failures) console.log(`  ${formatFailure(failure)}`);
      if (outcome === 'timed-out')
        throw new UserError('the cycle ran out of time; see timeout in the configuration');
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      const { outcome, note } = failedCycle(error);
      throw new UserError(`${cycle.workflowId}: ${outcome}${note === undefined ? '' : `: ${note}`}`);
    }
  });
}

async function sendSignal(options: Options): Promise<void> {
  const config = load(options);
  await withTemporal(config, (client) => signalOriginChanged(client, config));
  console.log(`the watch of ${config.name} was told; it starts a cycle if the destination is behind`);
}

async function showStatus(options: Options): Promise<void> {
  const config = load(options);
  const { info, close } = await infoOf(config);
  try {
    const status = await withTemporal(config, (client) => readStatus(client, config, info));
    console.log(options['json'] === true ? JSON.stringify(status, null, 2) : formatStatus(status));
  } finally {
    close();
  }
}

async function showPlan(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  const clients = await createClients(config);
  try {
    if (clients.role !== 'destination') return;
    const plan = await planCycle(clients.deps, new AbortController().signal);
    if (options['applyOrphans'] !== true) {
      console.log(options['json'] === true ? JSON.stringify(plan, null, 2) : formatPlan(plan));
      return;
    }
    await approveOrphans(clients.deps.info, plan);
    console.log(formatOrphans(plan.orphans).join('\n'));
    console.log(`${plan.orphans.length} orphans are to be deleted softly`);
  } finally {
    await clients.close();
  }
  await runCycle(config, options);
}

async function verifyValues(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  await withClients(config, async (client, clients) => {
    if (clients.role !== 'destination') return;
    await verify(client, clients.deps, {
      json: options['json'] === true,
      repair: options['repair'] === true,
      file: fileOf(options),
      say: (text) => {
        console.error(`vsync: ${text}`);
      },
      print: (text) => {
        console.log(text);
      },
    });
  });
}

async function approve(options: Options): Promise<void> {
  const config = load(options, undefined, 'destination');
  const { info, close } = await infoOf(config);
  try {
    const { count, reason } = await approveDeletes(info, options['set'] as string | undefined);
    console.log(`approved: ${count} deletes (${reason})`);
  } finally {
    close();
  }
  await runCycle(config, options);
}

/** Asks for a cycle that does what was approved. */
async function runCycle(config: Config, options: Options): Promise<void> {
  await withTemporal(config, async (client) => {
    const { cycle } = await trigger(client, config);
    const what =
      cycle === undefined ? 'a cycle is running, and one more follows it' : `${cycle.workflowId} started`;
    console.log(`${what}; look at it with: vsync status -c ${fileOf(options)}`);
  });
}

function showConfig(options: Options): void {
  const vaultSync = options['fromVaultSync'];
  if (typeof vaultSync === 'string') {
    process.stdout.write(fromVaultSync(vaultSync));
    return;
  }
  const effective = readEffectiveConfig(options['role'] as Role | undefined, sourcesOf(options));
  warn(effective.warnings);
  console.log(options['json'] === true ? jsonOfConfig(effective) : formatConfig(effective));
}

async function checkAll(options: Options): Promise<void> {
  const warnings: string[] = [];
  const config = load(options, undefined, undefined, (found) => warnings.push(...found));
  const checks = await runChecks(config, { warnings, foreign: foreignVariables(process.env) });
  const failed = checks.filter(({ outcome }) => outcome === 'fail').length;
  const { name, role } = config;
  console.log(
    options['json'] === true
      ? JSON.stringify({ name, role, ok: failed === 0, checks }, null, 2)
      : `${name} (${role})\n${formatChecks(checks)}`,
  );
  if (failed > 0) throw new UserError(`${failed} of ${checks.length} checks failed`);
}

async function withTemporal<T>(config: Config, work: (client: Client) => Promise<T>): Promise<T> {
  const target = temporalTarget(config.temporal);
  const client = await connectClient(target);
  try {
    return await work(client);
  } catch (error) {
    throw explainTemporal(target, error);
  } finally {
    await client.connection.close();
  }
}

async function withClients<T>(
  config: Config,
  work: (client: Client, clients: Clients) => Promise<T>,
): Promise<T> {
  return withTemporal(config, async (client) => {
    const clients = await createClients(config);
    try {
      return await work(client, clients);
    } finally {
      await clients.close();
    }
  });
}

/** Errors whose message is written for users; of any other one, they get the stack too. */
const EXPLAINED = [ConfigError, UserError, VaultError, ConsulError, StoredInfoError, ActivityError];

/** Runs the command. @returns the exit code: 0, 2 for a wrong configuration or usage, 1 for the rest */
export async function main(argv: readonly string[]): Promise<number> {
  loadedLevel = undefined;
  try {
    await createProgram().parseAsync(argv);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const explained = EXPLAINED.some((type) => error instanceof type);
    const message = error instanceof Error ? error.message : String(error);
    console.error(`vsync: ${message}`);
    if (isDebug(argv)) console.error(error);
    else if (!explained)
      console.error(
        'vsync: this is not an error that vsync knows; --log.level debug shows where it came from',
      );
    return error instanceof ConfigError ? 2 : 1;
  }
}

/** Asked of the arguments too, because the configuration may be what failed. */
function isDebug(argv: readonly string[]): boolean {
  return (
    loadedLevel === 'debug' ||
    argv[argv.indexOf('--log.level') + 1] === 'debug' ||
    argv.includes('--log.level=debug')
  );
}
