import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { request } from 'undici';
import { freePorts, startNginxInstances, type NginxInstance } from '../servers/start';
import { runWork, type Run } from '../shared/run';
import { seconds, waitFor } from '../shared/wait';
import { runVsync, VsyncProcesses } from './vsync';
import { untilInterrupted } from './until-interrupted';

const COUNT = 3;
const ORIGIN = 'nginx-1';
const READY_WITHIN_MS = 30_000;
const DEADLINE_MS = 3_000;

/** The second act: Syncer and NGINX instances. @returns the exit code */
export function runSyncerDemo({ once }: { once: boolean }): Promise<number> {
  return runWork('demo', async (run) => {
    await runSteps(once, run);
    return 0;
  });
}

async function runSteps(once: boolean, { dir, signal, fail, cleanUps }: Run): Promise<void> {
  console.log(`\nStarting ${COUNT} nginx instances, which imitate NGINX Plus`);
  const instances = await startNginxInstances(COUNT);
  cleanUps.push(() => Promise.all(instances.map((instance) => instance.stop())));
  for (const [index, { ip, port }] of instances.entries()) {
    console.log(`  nginx-${index + 1}   https://${ip}:${port}/auth`);
  }
  const { file, address } = await writeConfig(dir, instances);

  console.log('\nStarting Syncer');
  const vsync = new VsyncProcesses(dir, fail);
  cleanUps.push(() => {
    console.log('\nStopping Syncer, then the instances ...');
    return vsync.stop();
  });
  await vsync.start('syncer', file, 'syncer.log');
  await waitFor(
    () => 'Syncer is not ready',
    () => isReady(address),
    { withinMs: READY_WITHIN_MS, signal },
  );
  console.log(`  it answers at ${address}, and describes itself there`);

  console.log(
    `\n${ORIGIN} gets a token each time, and asks before it answers its client: do the others have it?`,
  );
  await showQuestions(address, instances, signal);

  console.log('\nWhat Syncer reports');
  await showStatus(file);
  showNextSteps(address, file);
  if (once) return;
  console.log('\nCtrl-C ends everything that was started here.');
  await untilInterrupted(signal);
}

/** A file as the original reads it, with a fixed list in place of a Deployment. */
async function writeConfig(
  dir: string,
  instances: readonly NginxInstance[],
): Promise<{ file: string; address: string }> {
  const [port = 0] = await freePorts(1);
  const config = {
    host: 'gateway.example.org',
    path: '/auth',
    port: instances[0]?.port,
    ...{ sync_timeout: 100, connection_timeout: 2_000, retries: 21, request_deadline: DEADLINE_MS },
    instances: instances.map(({ ip }, index) => `nginx-${index + 1}=${ip}`),
    listen: `127.0.0.1:${port}`,
  };
  const file = path.join(dir, 'config.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  return { file, address: `http://127.0.0.1:${port}` };
}

async function isReady(address: string): Promise<boolean> {
  const answer = await request(`${address}/readyz`).catch(() => undefined);
  await answer?.body.dump();
  return answer?.statusCode === 200;
}

/** What happens to a token after the origin has it, and the verdict that must follow. */
interface Scene {
  what: string;
  expected: string;
  happens: (token: string, second: NginxInstance, third: NginxInstance) => Promise<unknown>;
}

const SCENES: readonly Scene[] = [
  {
    what: 'it arrives at nginx-2 after 0.3 s, at nginx-3 after 1.2 s',
    expected: 'Synced',
    happens: (token, second, third) =>
      Promise.all([second.addToken(token, { afterMs: 300 }), third.addToken(token, { afterMs: 1_200 })]),
  },
  {
    what: 'the others had it before the question',
    expected: 'Synced',
    happens: (token, second, third) => Promise.all([second.addToken(token), third.addToken(token)]),
  },
  {
    what: 'it never arrives at nginx-3',
    expected: 'Partialy',
    happens: (token, second) => second.addToken(token),
  },
  { what: 'it never arrives anywhere', expected: 'NotSynced', happens: () => Promise.resolve() },
  {
    what: 'nginx-3 answers 503',
    expected: 'Partialy',
    happens: (token, second, third) => Promise.all([second.addToken(token), third.setFault('503')]),
  },
  {
    what: `nginx-3 hangs; the deadline is ${seconds(DEADLINE_MS)}`,
    expected: 'Timeout',
    happens: (token, second, third) => Promise.all([second.addToken(token), third.setFault('hang')]),
  },
];

async function showQuestions(
  address: string,
  [first, second, third]: readonly NginxInstance[],
  signal: AbortSignal,
): Promise<void> {
  if (first === undefined || second === undefined || third === undefined) return;
  for (const { what, expected, happens } of SCENES) {
    signal.throwIfAborted();
    const token = randomUUID();
    await first.addToken(token);
    await happens(token, second, third);
    const started = Date.now();
    const verdict = await ask(address, token, signal);
    console.log(`  ${verdict.padEnd(10)} after ${seconds(Date.now() - started)}   ${what}`);
    if (verdict !== expected)
      throw new Error(`the verdict is ${verdict}, and ${expected} is expected: ${what}`);
    await third.setFault();
  }
}

async function ask(address: string, token: string, signal: AbortSignal): Promise<string> {
  const headers = { 'x-auth-token': token, 'x-nginx-origin': ORIGIN };
  const answer = await request(`${address}/v1/synced`, { headers, signal });
  const text = await answer.body.text();
  const verdict = answer.headers['x-token-status'];
  if (typeof verdict === 'string') return verdict;
  throw new Error(`Syncer answered ${answer.statusCode} without a verdict: ${text}`);
}

async function showStatus(file: string): Promise<void> {
  for (const action of ['status', 'check']) {
    console.log(`  $ bin/vsync syncer ${action} -c ${file}`);
    const { output, problem } = await runVsync(['syncer', action, '-c', file]);
    if (problem !== undefined) throw new Error(problem);
    for (const line of output.split('\n')) console.log(`    ${line}`);
  }
}

function showNextSteps(address: string, file: string): void {
  const headers = `-H 'X-Auth-Token: some-session-id' -H 'X-Nginx-Origin: ${ORIGIN}'`;
  const commands: [string, string][] = [
    ['ask about a token that no instance has', `curl -i ${headers} ${address}/v1/synced`],
    ['ask each instance once', `echo some-session-id | bin/vsync syncer probe -c ${file}`],
    ['the metrics', `curl -s ${address}/metrics | grep syncer_`],
  ];
  console.log(`\nThe API, described on a page: ${address}/`);
  console.log('\nTo try next, in another terminal in this folder:');
  for (const [what, command] of commands) console.log(`  # ${what}\n  ${command}`);
}
