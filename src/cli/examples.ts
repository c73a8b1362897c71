import type { Command } from 'commander';
import { FLAGS } from './options';

/** Two for each command, which end its --help. */
const EXAMPLES: Readonly<Record<string, readonly [string, string]>> = {
  origin: ['vsync origin -c origin.json', 'vsync origin -c origin.json --log.level debug'],
  destination: ['vsync destination -c destination.json', 'vsync destination -c destination.json --adopt'],
  worker: ['vsync worker -c destination.json', 'vsync worker -c origin.json site1.json site2.json'],
  start: ['vsync start -c destination.json', 'vsync start -c destination.json --adopt'],
  stop: ['vsync stop -c destination.json', 'vsync stop -c both.json --role origin'],
  trigger: ['vsync trigger -c destination.json', 'vsync trigger -c destination.json --wait'],
  pause: ['vsync pause -c destination.json', 'vsync pause -c destination.json --reason "Vault upgrade"'],
  resume: ['vsync resume -c destination.json', 'vsync resume -c both.json --role origin'],
  signal: ['vsync signal -c destination.json', 'VSYNC_CONFIG=destination.json vsync signal'],
  plan: ['vsync plan -c destination.json', "vsync plan -c destination.json --json | jq '.planned[].path'"],
  prune: [
    'vsync prune --orphans -c destination.json',
    'vsync prune --orphans --set 5f1d2c3b4a59 -c destination.json',
  ],
  approve: [
    'vsync approve --set 0a8f5d1c77e2 -c destination.json',
    'vsync approve --mount secret/ -c origin.json',
  ],
  verify: ['vsync verify -c destination.json', 'vsync verify --repair -c destination.json'],
  synced: [
    'vsync synced secret/team/app -c site1.json site2.json',
    'vsync synced secret/team/app --at-least 3 --wait 5m -c site1.json',
  ],
  syncer: ['vsync syncer -c syncer.json', 'vsync syncer probe -c syncer.json < token.txt'],
  status: ['vsync status -c destination.json', "vsync status -c destination.json --json | jq '.lag'"],
  ui: [
    'vsync ui -c site1.json site2.json',
    'vsync ui -c site1.json --listen 0.0.0.0:8230 --token-file token.txt --temporal-ui http://127.0.0.1:8233',
  ],
  config: ['vsync config -c destination.json', 'vsync config --from-vault-sync vault-sync.yaml'],
  check: ['vsync check -c destination.json', 'vsync check -c both.json --role origin --json'],
  'dev-server': ['vsync dev-server', 'vsync dev-server --db ./temporal.db --port 7243 --ui-port 8243'],
  completion: [
    'source <(vsync completion bash)',
    'vsync completion fish > ~/.config/fish/completions/vsync.fish',
  ],
};

export function examplesOf(command: string): readonly string[] {
  return EXAMPLES[command] ?? [];
}

/** Ends the --help of each command with its examples. */
export function addExamples(program: Command): void {
  for (const command of program.commands) {
    const examples = examplesOf(command.name());
    const hasFlags = command.options.some(({ long }) => FLAGS.some(([key]) => long === `--${key}`));
    const flags = hasFlags
      ? '\nFlags that override the configuration, such as --log.level debug: vsync --help\n'
      : '';
    const lines = examples.map((line) => `  ${line}`);
    command.addHelpText('after', `${flags}\nExamples:\n${lines.join('\n')}`);
  }
}

/** The flags that override the configuration: the same for all commands, so only `vsync --help` lists them. */
export function flagsHelp(): string {
  const width = Math.max(...FLAGS.map(([key]) => key.length));
  const lines = FLAGS.map(([key, what]) => `  --${key.padEnd(width)}  ${what}`);
  return ['Flags that override the configuration:', ...lines].join('\n');
}
