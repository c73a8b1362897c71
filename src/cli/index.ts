import { Argument, Command, CommanderError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { completionScript, SHELLS, type Shell } from './completion';
import { addExamples, flagsHelp } from './examples';
import {
  checkValues,
  listenPlace,
  normalArguments,
  portNumber,
  secretVersion,
  setName,
  waitTime,
  webAddress,
} from './arguments';
import { configured, flags, loaded, withFile, type Options } from './options';
import { withOutput } from './output';
import type { SyncerAction } from './syncer';
import { ConfigError } from '../config/errors';
import { ExplainedError, NotInStepError, QuietEnd, UsageError } from '../errors';

/** The files of the commands. They are loaded when a command runs, because Temporal's packages take half a second. */
const load = {
  approve: () => require('./approve') as typeof import('./approve'),
  check: () => require('./check/command') as typeof import('./check/command'),
  config: () => require('./config') as typeof import('./config'),
  devServer: () => require('./dev-server') as typeof import('./dev-server'),
  pause: () => require('./pause') as typeof import('./pause'),
  plan: () => require('./plan') as typeof import('./plan'),
  prune: () => require('./prune') as typeof import('./prune'),
  start: () => require('./start') as typeof import('./start'),
  status: () => require('./status/command') as typeof import('./status/command'),
  stop: () => require('./stop') as typeof import('./stop'),
  synced: () => require('./synced') as typeof import('./synced'),
  syncer: () => require('./syncer') as typeof import('./syncer'),
  trigger: () => require('./trigger') as typeof import('./trigger'),
  ui: () => require('./ui/command') as typeof import('./ui/command'),
  verify: () => require('./verify/command') as typeof import('./verify/command'),
  worker: () => require('./worker') as typeof import('./worker'),
};

const PACKAGE_FILE = path.join(__dirname, '..', '..', 'package.json');

function version(): string {
  return (JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version;
}

/** Does not quote what is too much. */
const NO_TOKEN_ARGUMENT =
  'vsync syncer takes one word, what to do. A token is not an argument, which other users of the machine could read: ' +
  'give it on standard input, as in "vsync syncer probe -c FILE < token.txt"';

/** Builds the `vsync` command. */
export function createProgram(): Command {
  const adopt = new Option(
    '--adopt',
    'take over the schedule and the sync path: a Vault was rebuilt or restored, or the sync renamed, on purpose',
  );
  const yes = new Option('--yes', 'approve what waits now, without asking; for scripts');
  const program = new Command('vsync')
    .description(
      'Keeps the secrets of one origin Vault equal in many destination Vaults, on Temporal. A Vault is HashiCorp Vault or OpenBao.',
    )
    .version(version())
    .showHelpAfterError('(vsync --help lists commands and options)')
    .exitOverride();

  configured(program.command('origin'))
    .description("create or update the origin's schedule, and run its worker until SIGTERM")
    .addOption(adopt)
    .action((options: Options) => load.worker().serve('origin', options));
  configured(program.command('destination'))
    .description("create or update the destination's schedule and watch, and run its worker until SIGTERM")
    .addOption(adopt)
    .action((options: Options) => load.worker().serve('destination', options));
  flags(program.command('worker'))
    .description('run the workers of any number of configurations until SIGTERM')
    .requiredOption('-c, --config <file...>', 'configuration files')
    .action((options: Options) => load.worker().runWorkers(options));
  configured(program.command('start'), { anyRole: true })
    .description('create or update the schedule (and the watch), request a cycle, and return')
    .addOption(adopt)
    .action((options: Options) => load.start().startOnly(options));
  configured(program.command('stop'), { anyRole: true })
    .description('remove the schedule and the watch, and cancel a running cycle; sync info and secrets stay')
    .action((options: Options) => load.stop().stopAll(options));
  configured(program.command('trigger'), { anyRole: true })
    .description('run a cycle now, or after the running one')
    .option('--wait', 'wait for the end of the cycle, and print its result')
    .action((options: Options) => load.trigger().triggerCycle(options));
  configured(program.command('pause'), { anyRole: true })
    .description('pause automatic cycles (tick and watch); a running cycle continues')
    .option('--reason <text>', 'shown with the schedule in Temporal')
    .action((options: Options) => load.pause().pause(options));
  configured(program.command('resume'), { anyRole: true })
    .description('resume automatic cycles')
    .option('--reason <text>', 'shown with the schedule in Temporal')
    .action((options: Options) => load.pause().resume(options));
  configured(program.command('signal'), { anyRole: true })
    .description('signal a change of the origin: the watch starts a cycle if the destination is behind')
    .action((options: Options) => load.trigger().sendSignal(options));
  withOutput(configured(program.command('plan')), ['human', 'json', 'jsonl', 'github'])
    .description('show what a cycle of a destination would do now, and why; changes nothing')
    // Hidden: it once changed something, so its users get a message with the new command.
    .addOption(new Option('--apply-orphans').hideHelp())
    .action((options: Options) => load.plan().showPlan(options));
  configured(program.command('prune'))
    .description('soft-delete the orphans that the plan lists, in a cycle; asks first')
    .requiredOption('--orphans', 'secrets that an earlier configuration left at the destination')
    .addOption(setOption('approve only this list of orphans, as "vsync plan" shows it; does not ask'))
    .addOption(yes)
    .action((options: Options) => load.prune().pruneOrphans(options));
  configured(program.command('approve'), { anyRole: true })
    .description(
      'approve the pending deletes of a destination (asks first), or a re-created mount, and run a cycle',
    )
    .addOption(
      setOption('approve only this set of deletes, as "vsync plan" and "vsync status" show it; does not ask'),
    )
    .addOption(yes)
    .addOption(
      new Option(
        '--mount <name...>',
        'the mount of the origin was re-created on purpose: secrets that it lacks are deleted',
      ).conflicts(['set', 'yes']),
    )
    .action((options: Options) => load.approve().approve(options));
  withOutput(configured(program.command('verify')), ['human', 'json', 'jsonl', 'github'])
    .description('compare the values at both ends; reports paths, never values')
    .option('--repair', 'have a cycle repair what differs or is missing')
    .action((options: Options) => load.verify().verifyValues(options));
  flags(program.command('synced'))
    .description("is the origin's current version of this secret at every destination?")
    .argument('[path]', 'the secret, as "vault kv" names it: secret/team/app')
    .option('-c, --config <file...>', 'configuration files of the destinations (or VSYNC_CONFIG)')
    .addOption(
      new Option('--wait <duration>', 'ask again until it is, at most this long (30s, 5m)').argParser(
        waitTime,
      ),
    )
    .option('--verify', 'also compare the values; prints none')
    .addOption(
      new Option(
        '--at-least <version>',
        'the version that your write returned: an older answer of the origin does not count',
      ).argParser(secretVersion),
    )
    .option('--json', 'print JSON')
    .action((path: string | undefined, options: Options) => load.synced().showSynced(path, options));
  program
    .command('syncer')
    .description('serve the HTTP API that reports whether a token is on every NGINX instance, until SIGTERM')
    .addArgument(
      new Argument(
        '[action]',
        'serve; check: can it list the instances and ask each; probe: ask each about the token on standard input; ' +
          'status: the instances and their zone_sync',
      )
        .choices(['serve', 'check', 'probe', 'status'])
        .default('serve'),
    )
    .option('-c, --config <file>', "Syncer's own configuration file (or VSYNC_SYNCER_CONFIG)")
    .option('--json', 'print JSON; for check, probe and status')
    .allowExcessArguments()
    .action((action: SyncerAction, options: Options, { args }: Command) => {
      if (args.length > 1) throw new UsageError(NO_TOKEN_ARGUMENT);
      return load.syncer().runSyncer(action, options, version());
    });
  configured(program.command('status'), { anyRole: true })
    .description('show whether everything is in step, what is wrong or waits, and what to do next')
    .option('--json', 'print JSON')
    .action((options: Options) => load.status().showStatus(options));
  flags(program.command('ui'))
    .description('serve a page with the status of any number of syncs, until SIGTERM; changes nothing')
    .requiredOption('-c, --config <file...>', 'configuration files')
    .addOption(
      new Option('--listen <address>', 'host:port; 127.0.0.1:8230 if not given').argParser(listenPlace),
    )
    .option(
      '--token-file <file>',
      'file with the token that browsers need; required unless --listen is on loopback',
    )
    .addOption(
      new Option('--temporal-ui <url>', "address of Temporal's web UI, to link cycles there").argParser(
        webAddress,
      ),
    )
    .action((options: Options) => load.ui().runUi(options));
  configured(program.command('config'), { anyRole: true })
    .description('show the effective configuration, and where each value comes from; hides secrets')
    .option('--json', 'print JSON')
    .addOption(
      new Option(
        '--from-vault-sync <file>',
        'print the equivalent of a configuration of vault-sync, as YAML',
      ).conflicts(['config', 'role', 'json']),
    )
    .action((options: Options) => {
      load.config().showConfig(options);
    });

  configured(program.command('check'), { anyRole: true })
    .description('check configuration, servers, tokens and policies, and report what is missing')
    .option('--json', 'print JSON')
    .action((options: Options) => load.check().checkAll(options));

  program
    .command('dev-server')
    .description(
      "run Temporal's dev server with its data in a file, until SIGTERM; for those who have no Temporal",
    )
    .option('--db <file>', 'its database; ~/.local/state/vsync/temporal.db if not given')
    .addOption(new Option('--port <port>', 'port for vsync; 7233 if not given').argParser(portNumber))
    .addOption(new Option('--ui-port <port>', 'port of the web UI; 8233 if not given').argParser(portNumber))
    .action((options: Options) => load.devServer().runDevServer(options));

  program
    .command('completion')
    .description('print the completion of commands and options for a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action((shell: Shell) => {
      process.stdout.write(completionScript(program, shell));
    });

  checkValues(program);
  addExamples(program);
  program.addHelpText(
    'after',
    `
${flagsHelp()}

A first sync, with Temporal, Consul and two Vaults running:
  vsync origin -c origin.json             records which secrets the origin has, every tick
  vsync destination -c destination.json   copies what differs, every tick and when the origin changes
  vsync status -c destination.json        shows what the last cycles did

Flags that override the configuration may also precede the command. Each key can also come from the
environment: VSYNC_DESTINATION_VAULT_TOKEN for destination.vault.token.
Exit codes: 0 done or in step; 1 failed; 2 the configuration or the command line is wrong; 3 partial, held, or different.`,
  );
  return program;
}

function setOption(what: string): Option {
  return new Option('--set <hash>', what).argParser(setName);
}

/** Runs the command. @returns the exit code (docs/operating.md): 0; 2 for a wrong configuration or usage; 3 if not in step; else 1 */
export async function main(argv: readonly string[]): Promise<number> {
  loaded.logLevel = undefined;
  loaded.files.clear();
  try {
    await createProgram().parseAsync(normalArguments(argv));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof QuietEnd) return error.exitCode;
    const message = error instanceof Error ? error.message : String(error);
    console.error(`vsync: ${withFile(message)}`);
    if (isDebug(argv)) console.error(error);
    else if (!(error instanceof ExplainedError))
      console.error('vsync: this error is not expected; --log.level debug shows where it came from');
    if (error instanceof NotInStepError) return 3;
    return error instanceof ConfigError || error instanceof UsageError ? 2 : 1;
  }
}

/** Reads the arguments too: the configuration may be what failed. */
function isDebug(argv: readonly string[]): boolean {
  return (
    loaded.logLevel === 'debug' ||
    argv[argv.indexOf('--log.level') + 1] === 'debug' ||
    argv.includes('--log.level=debug')
  );
}
