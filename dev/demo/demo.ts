import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { showChanges } from './changes';
import { connectToCompose } from './compose';
import { DESTINATIONS, ORIGIN_MOUNT, writeConfigs, type ConfigFiles } from './configs';
import { startEnvironment, type Environment } from './environment';
import { showFirstCopy, type Destination } from './first-copy';
import { abortOnSignals, abortWhenNpmIsGone, Interrupted } from '../shared/interruption';
import { showNextSteps, showStatus } from './next-steps';
import { makeSecrets } from './secrets';
import { removeSchedules, removeTraces } from './tidy';
import { VsyncProcesses } from './vsync';
import { inParallel, pause, seconds } from '../shared/wait';

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
export async function runDemo(options: DemoOptions): Promise<number> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-demo-'));
  const controller = new AbortController();
  abortOnSignals(controller);
  abortWhenNpmIsGone(controller);
  // Each is run at the end, the last one first.
  const cleanUps: (() => Promise<void>)[] = [];
  let exitCode = 0;
  try {
    await runSteps(options, dir, controller, cleanUps);
  } catch (error) {
    exitCode = report(error);
  }
  for (const cleanUp of cleanUps.reverse()) {
    await cleanUp().catch((error: unknown) => {
      exitCode ||= 1;
      console.error(`error: tidying up: ${(error as Error).message}`);
    });
  }
  // After a failure the logs are worth more than a tidy folder.
  const keep = exitCode === 1 && fs.readdirSync(dir).length > 0;
  if (keep) console.error(`The logs and configuration files are kept in ${dir}`);
  else fs.rmSync(dir, { recursive: true, force: true });
  return exitCode;
}

async function runSteps(
  { once, compose }: DemoOptions,
  dir: string,
  controller: AbortController,
  cleanUps: (() => Promise<void>)[],
): Promise<void> {
  const { signal } = controller;
  title(compose ? 'Servers of docker-compose.yml' : 'Starting Temporal, Consul and three Vaults');
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
  const vsync = new VsyncProcesses(dir, (problem) => {
    controller.abort(problem);
  });
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

  title('What vsync says');
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

function showServers({ temporal, consul, origin, destinations }: Environment): void {
  const rows = [
    ['Temporal', `${temporal.address}, web UI ${temporal.uiAddress}`],
    ['Consul', consul.address],
    ['origin Vault', `${origin.address}, token ${origin.token}`],
    ...destinations.map((vault, index) => [
      `destination Vault ${index + 1}`,
      `${vault.address}, token ${vault.token}`,
    ]),
  ];
  for (const [name = '', where = ''] of rows) console.log(`  ${name.padEnd(20)} ${where}`);
}

/** Ctrl-C is how this ends well; a vsync process that ends is not. */
async function untilInterrupted(signal: AbortSignal): Promise<void> {
  try {
    // Long sleeps, because nothing else keeps this process alive: its children do not.
    for (;;) await pause(60_000, signal);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

function report(error: unknown): number {
  if (error instanceof Interrupted) {
    console.log('\nInterrupted before the last step.');
    return error.exitCode;
  }
  console.error(`\nerror: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
}

function title(text: string): void {
  console.log(`\n${text}`);
}
