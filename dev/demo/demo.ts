import { showChanges } from './changes';
import { connectToCompose } from './compose';
import { DESTINATIONS, ORIGIN_MOUNT, writeConfigs, type ConfigFiles } from './configs';
import { productOfDemo, startEnvironment, type Environment } from './environment';
import { showFirstCopy, type Destination } from './first-copy';
import { runWork, type Run } from '../shared/run';
import { showNextSteps, showStatus } from './next-steps';
import { makeSecrets } from './secrets';
import { removeSchedules, removeTraces } from './tidy';
import { untilInterrupted } from './until-interrupted';
import { VsyncProcesses } from './vsync';
import { inParallel, seconds } from '../shared/wait';

export interface DemoOptions {
  /** End after the last step instead of waiting for Ctrl-C. */
  once: boolean;
  /** Use the servers of docker-compose.yml. */
  compose: boolean;
}

const FIRST_COPY_WITHIN_MS = 120_000;
const CHANGE_WITHIN_MS = 60_000;
const TIDY_WITHIN_MS = 10_000;
const WRITES_AT_ONCE = 16;

/** Runs the demo. @returns the exit code */
export function runDemo(options: DemoOptions): Promise<number> {
  return runWork('demo', async (run) => {
    await runSteps(options, run);
    return 0;
  });
}

async function runSteps({ once, compose }: DemoOptions, { dir, signal, fail, cleanUps }: Run): Promise<void> {
  title(
    compose ? 'Servers of docker-compose.yml' : `Starting Temporal, Consul and three ${productOfDemo()}s`,
  );
  const environment = compose ? await connectToCompose() : await startEnvironment(dir);
  cleanUps.push(environment.stop);
  await environment.destinations[1].enableKv2(DESTINATIONS[1].mount);
  showServers(environment);
  const configs = writeConfigs(dir, environment);
  if (environment.outlivesDemo) {
    // An earlier demo may have been killed.
    await removeSchedules(environment, configs, { graceMs: 0 });
    await removeTraces(environment);
    cleanUps.push(() => removeTraces(environment));
  }
  signal.throwIfAborted();

  const secrets = makeSecrets();
  title(`Writing ${secrets.length} secrets to the origin`);
  const started = Date.now();
  await inParallel(secrets, WRITES_AT_ONCE, ({ path, value }) => {
    signal.throwIfAborted();
    return environment.origin.write(ORIGIN_MOUNT, path, value);
  });
  console.log(`  done in ${seconds(Date.now() - started)}`);

  title('Starting vsync, and the first copy');
  const vsync = new VsyncProcesses(dir, fail);
  cleanUps.push(() => vsync.stop());
  if (environment.outlivesDemo) {
    // While the workers are still there to end their cycles.
    cleanUps.push(() => removeSchedules(environment, configs, { graceMs: TIDY_WITHIN_MS }));
  }
  cleanUps.push(() => {
    console.log(compose ? '\nStopping vsync and tidying up ...' : '\nStopping vsync, then the servers ...');
    return Promise.resolve();
  });
  await startVsync(vsync, configs);
  const destinations: Destination[] = [
    { plan: DESTINATIONS[0], vault: environment.destinations[0] },
    { plan: DESTINATIONS[1], vault: environment.destinations[1] },
  ];
  await showFirstCopy(secrets, destinations, { withinMs: FIRST_COPY_WITHIN_MS, signal });

  title('One change at a time at the origin, and when it arrives');
  await showChanges(environment.origin, destinations, { withinMs: CHANGE_WITHIN_MS, signal });

  title('What vsync reports');
  await showStatus(configs);
  showNextSteps(environment, configs);
  if (once) return;
  console.log('\nCtrl-C ends everything that was started here.');
  await untilInterrupted(signal);
}

async function startVsync(vsync: VsyncProcesses, configs: ConfigFiles): Promise<void> {
  const [first, second] = configs.destinations;
  await vsync.start('origin', configs.origin, 'origin.log');
  await vsync.start('destination', first, 'dest-1.log');
  await vsync.start('destination', second, 'dest-2.log');
}

function showServers({ temporal, consul, product, origin, destinations }: Environment): void {
  const rows = [
    ['Temporal', `${temporal.address}, web UI ${temporal.uiAddress}`],
    ['Consul', consul.address],
    [`origin ${product}`, `${origin.address}, token ${origin.token}`],
    ...destinations.map((vault, index) => [
      `destination ${product} ${index + 1}`,
      `${vault.address}, token ${vault.token}`,
    ]),
  ];
  for (const [name = '', where = ''] of rows) console.log(`  ${name.padEnd(22)} ${where}`);
}

function title(text: string): void {
  console.log(`\n${text}`);
}
