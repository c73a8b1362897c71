import { DESTINATIONS, ORIGIN_MOUNT, type ConfigFiles } from './configs';
import type { Environment } from './environment';
import { CHANGED_PATH } from './secrets';
import { runVsync } from './vsync';

/** Prints the `vsync status` of each sync. */
export async function showStatus(configs: ConfigFiles): Promise<void> {
  for (const config of [configs.origin, ...configs.destinations]) {
    console.log(`  $ bin/vsync status -c ${config}`);
    const { output, code, problem } = await runVsync(['status', '-c', config]);
    // 3: a cycle is about to settle the last change.
    if (problem !== undefined && code !== 3) throw new Error(problem);
    for (const line of output.split('\n')) console.log(`    ${line}`);
  }
}

/** Prints the web UI's address and commands to try, complete for this demo's servers. */
export function showNextSteps(environment: Environment, configs: ConfigFiles): void {
  const { temporal, origin, destinations } = environment;
  const [, second] = DESTINATIONS;
  const [, secondVault] = destinations;
  const secret = JSON.stringify({ data: { password: 'changed by hand' } });
  const commands: [string, string][] = [
    ['the schedules, as Temporal sees them', temporal.commandLine('schedule list')],
    ['the last cycles', temporal.commandLine('workflow list --limit 10')],
    ['how a destination is doing', `bin/vsync status -c ${configs.destinations[0]}`],
    ['a cycle right now, with its result', `bin/vsync trigger -c ${configs.destinations[0]} --wait`],
    [
      'change a secret at the origin',
      `curl -sH 'X-Vault-Token: ${origin.token}' -d '${secret}' ${origin.address}/v1/${ORIGIN_MOUNT}data/${CHANGED_PATH}`,
    ],
    [
      'and see it arrive in the second destination',
      `curl -sH 'X-Vault-Token: ${secondVault.token}' ${secondVault.address}/v1/${second.mount}data/${second.pathOf(CHANGED_PATH)}`,
    ],
  ];
  console.log(`\nTemporal's web UI: ${temporal.uiAddress}/namespaces/default/schedules`);
  console.log('\nTo try next, in another terminal in this folder:');
  for (const [what, command] of commands) console.log(`  # ${what}\n  ${command}`);
}
