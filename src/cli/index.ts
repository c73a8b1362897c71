import { Command, CommanderError, Option } from 'commander';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { checkValues, normalArguments, setName } from './arguments';
import {
  configured,
  flags,
  forgetLogLevel,
  isOverride,
  loadWithWarnings,
  logLevel,
  type Options,
} from './options';
import { ConfigError } from '../config/errors';
import { ExplainedError, UsageError } from '../errors';

/** Each command is in the file of its name. It is loaded when it runs: Temporal's packages alone take half a second. */
const load = {
  approve: () => require('./approve') as typeof import('./approve'),
  check: () => require('./check/command') as typeof import('./check/command'),
  config: () => require('./config') as typeof import('./config'),
  pause: () => require('./pause') as typeof import('./pause'),
  plan: () => require('./plan') as typeof import('./plan'),
  prune: () => require('./prune') as typeof import('./prune'),
  serve: () => require('./serve') as typeof import('./serve'),
  signal: () => require('./signal') as typeof import('./signal'),
  start: () => require('./start') as typeof import('./start'),
  status: () => require('./status') as typeof import('./status'),
  stop: () => require('./stop') as typeof import('./stop'),
  trigger: () => require('./trigger') as typeof import('./trigger'),
  verify: () => require('./verify/command') as typeof import('./verify/command'),
  worker: () => require('./worker') as typeof import('./worker'),
};

const PACKAGE_FILE = path.join(__dirname, '..', '..', 'package.json');

/** Builds the `vsync` command. */
export function createProgram(): Command {
  const adopt = new Option(
    '--adopt',
    'a Vault was rebuilt or restored, or the sync renamed, on purpose: take over what is there',
  );
  const program = new Command('vsync')
    .description('Keeps the secrets of one origin Vault equal in many destination Vaults, on Temporal.')
    .version((JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version)
    .showHelpAfterError('(vsync --help says more)')
    .exitOverride();

  configured(program.command('origin'))
    .description("create or update the origin's schedule, and run its worker until SIGTERM")
    .addOption(adopt)
    .action((options: Options) => load.serve().serve('origin', options));
  configured(program.command('destination'))
    .description("create or update the destination's schedule and watch, and run its worker until SIGTERM")
    .addOption(adopt)
    .action((options: Options) => load.serve().serve('destination', options));
  flags(program.command('worker'))
    .description('run only the worker, for any number of configurations, until SIGTERM')
    .requiredOption('-c, --config <file...>', 'configuration files')
    .action((options: Options) =>
      load
        .worker()
        .runWorkers((options['config'] as string[]).map((file) => loadWithWarnings(options, file))),
    );
  configured(program.command('start'), { anyRole: true })
    .description('create or update the schedule (and the watch), then return; workers run elsewhere')
    .addOption(adopt)
    .action((options: Options) => load.start().startOnly(options));
  configured(program.command('stop'), { anyRole: true })
    .description('remove the schedule and the watch, cancel a running cycle; sync info and secrets stay')
    .action((options: Options) => load.stop().stopAll(options));
  configured(program.command('trigger'), { anyRole: true })
    .description('run a cycle now, or after the one that is running')
    .option('--wait', 'wait for its end, and print its result')
    .action((options: Options) => load.trigger().triggerCycle(options));
  configured(program.command('pause'), { anyRole: true })
    .description('no cycle starts by itself any more, neither by the tick nor by the watch')
    .option('--reason <text>', 'shown beside the schedule')
    .action((options: Options) => load.pause().pause(options));
  configured(program.command('resume'), { anyRole: true })
    .description('cycles start by themselves again')
    .option('--reason <text>', 'shown beside the schedule')
    .action((options: Options) => load.pause().resume(options));
  configured(program.command('signal'), { anyRole: true })
    .description('tell the destination that the origin changed')
    .action((options: Options) => load.signal().sendSignal(options));
  configured(program.command('plan'))
    .description('what a cycle of a destination would do now, and why; changes nothing')
    .option('--json', 'for machines')
    // It was one that changed something: what to do instead is said to its users.
    .addOption(new Option('--apply-orphans').hideHelp())
    .action((options: Options) => load.plan().showPlan(options));
  configured(program.command('prune'))
    .description('have a cycle delete (softly) what the plan lists as orphans; asks first')
    .requiredOption('--orphans', 'what an earlier configuration left at the destination')
    .addOption(setOption('only if it is this list of orphans, as "vsync plan" names it; does not ask'))
    .addOption(yesOption())
    .action((options: Options) => load.prune().pruneOrphans(options));
  configured(program.command('approve'), { anyRole: true })
    .description(
      'release the deletes that wait at a destination (asks first), or accept a re-created mount, and run a cycle',
    )
    .addOption(
      setOption(
        'only if it is this set that waits, as "vsync plan" and "vsync status" name it; does not ask',
      ),
    )
    .addOption(yesOption())
    .addOption(
      new Option(
        '--mount <name...>',
        'the mount of the origin was re-created on purpose: what it lacks is deleted',
      ).conflicts(['set', 'yes']),
    )
    .action((options: Options) => load.approve().approve(options));
  configured(program.command('verify'))
    .description('compare the values at origin and destination; reports paths, never values; changes nothing')
    .option('--json', 'for machines')
    .option('--repair', 'have a cycle mend what differs or is missing')
    .action((options: Options) => load.verify().verifyValues(options));
  configured(program.command('status'), { anyRole: true })
    .description('last cycles with outcome and counts, and the next one')
    .option('--json', 'for machines')
    .action((options: Options) => load.status().showStatus(options));
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
      load.config().showConfig(options);
    });

  configured(program.command('check'), { anyRole: true })
    .description('look at configuration, servers, tokens and policies, and say what is missing')
    .option('--json', 'for machines')
    .action((options: Options) => load.check().checkAll(options));

  checkValues(program, isOverride);
  program.addHelpText(
    'after',
    `
A first sync, with Temporal, Consul and two Vaults at hand:
  vsync origin -c origin.json             writes down which secrets the origin has, every tick
  vsync destination -c destination.json   copies what differs, every tick and when the origin changes
  vsync status -c destination.json        says what the last cycles did

Flags of the configuration may also be written before the command. Every key can also come from the
environment (VSYNC_DESTINATION_VAULT_TOKEN for destination.vault.token). Exit code 2 means that the configuration is wrong, 1 that something else failed.`,
  );
  return program;
}

function setOption(what: string): Option {
  return new Option('--set <hash>', what).argParser(setName);
}

function yesOption(): Option {
  return new Option('--yes', 'accept what waits now, whatever it is, without being asked; for scripts');
}

/** Runs the command. @returns the exit code: 0, 2 for a wrong configuration or usage, 1 for the rest */
export async function main(argv: readonly string[]): Promise<number> {
  forgetLogLevel();
  try {
    await createProgram().parseAsync(normalArguments(argv));
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const message = error instanceof Error ? error.message : String(error);
    console.error(`vsync: ${message}`);
    if (isDebug(argv)) console.error(error);
    else if (!(error instanceof ExplainedError))
      console.error(
        'vsync: this is not an error that vsync knows; --log.level debug shows where it came from',
      );
    return error instanceof ConfigError || error instanceof UsageError ? 2 : 1;
  }
}

/** Asked of the arguments too, because the configuration may be what failed. */
function isDebug(argv: readonly string[]): boolean {
  return (
    logLevel() === 'debug' ||
    argv[argv.indexOf('--log.level') + 1] === 'debug' ||
    argv.includes('--log.level=debug')
  );
}
