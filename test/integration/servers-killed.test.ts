import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { HeldCycle } from '../support/held-cycle';
import { ManySecrets } from '../support/many-secrets';
import { asShared, startOwnServers, stopOwnServers, type OwnServers } from '../support/own-servers';
import { RunningSync, type Proxies } from '../support/running-sync';

/** kill -9 of each real server during each step of both cycles. The server's data is on disk. */

const SECRETS = 100;

interface Kill {
  server: keyof OwnServers;
  /** Role and activity. */
  in: `${'origin' | 'destination'} ${string}`;
  /** Which of the step's requests is in flight, as "METHOD /url"; any by default. */
  request?: RegExp;
  /** Number of these requests that pass before. */
  passed?: number;
  /** The server is killed after it has done the work and before it answers; else before it gets the request. */
  done?: true;
}

const COMMIT = /^PUT \/v1\/txn/;
const METADATA = /^GET .*\/metadata\//;
const VALUE = /^GET .*\/data\//;
const WRITE = /^POST .*\/data\//;
const DELETE = /^POST .*\/delete\//;

/** Each of these is recovered from in another way. */
const ALWAYS: readonly Kill[] = [
  { server: 'originVault', in: 'origin listPaths', request: /^LIST .*\/f\d+$/, passed: 3 },
  { server: 'consul', in: 'origin fetchMetadata', request: COMMIT },
  { server: 'consul', in: 'origin saveSyncInfo', request: COMMIT, done: true },
  { server: 'temporal', in: 'origin saveSyncInfo', request: COMMIT },
  { server: 'originVault', in: 'destination copySecrets', request: VALUE, passed: 5 },
  { server: 'vault', in: 'destination copySecrets', request: WRITE, passed: 5 },
  { server: 'vault', in: 'destination copySecrets', request: DELETE, done: true },
  { server: 'consul', in: 'destination copySecrets', request: COMMIT, passed: 1 },
  { server: 'consul', in: 'destination saveSyncInfo', request: COMMIT, done: true },
  { server: 'temporal', in: 'destination copySecrets', passed: 3 },
];

/** All other steps. Each is recovered from like one of the above, so they only run on request. */
const ON_REQUEST: readonly Kill[] = [
  { server: 'originVault', in: 'origin preflight' },
  { server: 'originVault', in: 'origin fetchMetadata', request: METADATA, passed: 50 },
  { server: 'consul', in: 'origin preflight' },
  { server: 'consul', in: 'origin listPaths' },
  { server: 'consul', in: 'origin saveSyncInfo', request: COMMIT },
  { server: 'temporal', in: 'origin preflight' },
  { server: 'temporal', in: 'origin listPaths' },
  { server: 'temporal', in: 'origin fetchMetadata' },
  { server: 'originVault', in: 'destination preflight' },
  { server: 'vault', in: 'destination preflight' },
  { server: 'vault', in: 'destination copySecrets', request: WRITE, passed: 5, done: true },
  { server: 'vault', in: 'destination copySecrets', request: DELETE },
  { server: 'consul', in: 'destination preflight' },
  { server: 'consul', in: 'destination diffIndices' },
  { server: 'consul', in: 'destination guardDeletes' },
  { server: 'consul', in: 'destination copySecrets', request: COMMIT, done: true },
  { server: 'consul', in: 'destination saveSyncInfo', request: COMMIT },
  { server: 'temporal', in: 'destination preflight' },
  { server: 'temporal', in: 'destination diffIndices' },
  { server: 'temporal', in: 'destination guardDeletes' },
  { server: 'temporal', in: 'destination saveSyncInfo', request: COMMIT },
];

const KILLS = process.env['VSYNC_TEST_EVERY_KILL'] === undefined ? ALWAYS : [...ALWAYS, ...ON_REQUEST];

const NAME: Readonly<Record<keyof OwnServers, string>> = {
  originVault: "the origin's Vault",
  vault: "the destination's Vault",
  consul: 'Consul',
  temporal: 'Temporal',
};

/** The proxy whose requests show that the step has begun. */
const PROXY: Readonly<Record<keyof OwnServers, keyof Proxies>> = {
  originVault: 'originVault',
  vault: 'vault',
  consul: 'originConsul',
  temporal: 'originConsul',
};

const { log, lines } = collectedLog();
let servers: OwnServers;
let running: RunningSync;
let secrets: ManySecrets;

beforeAll(async () => {
  servers = await startOwnServers();
  running = await RunningSync.create({
    servers: asShared(servers),
    numBuckets: 4,
    // A server may be away for long on a slow machine.
    timeout: '3m',
    log,
    edit: (file) => {
      file['maxDeletes'] = 1_000;
      const { origin, destination } = file as Record<string, { consul: object } | undefined>;
      if (destination !== undefined) destination.consul = { ...origin?.consul };
    },
  });
  secrets = new ManySecrets(running, SECRETS);
  await secrets.plant();
  await running.sync.cycle('origin');
  await running.sync.cycle('destination');
  await secrets.expectArrived();
});

afterAll(async () => {
  await running.tearDown();
  await stopOwnServers(servers);
});

test.each(
  KILLS.map((kill): [string, string, string, Kill] => [
    NAME[kill.server],
    kill.done === true ? 'after' : 'before',
    kill.in,
    kill,
  ]),
)(
  'vsync survives kill -9 of %s %s a request of %s: nothing is lost, no version is needless, and the outage is reported',
  async (_server, _when, _step, { server, in: where, request, passed, done }) => {
    const { sync, proxies } = running;
    const [role, step] = where.split(' ') as ['origin' | 'destination', string];
    const proxy = proxies[PROXY[server]];
    const kill = (): Promise<void> => servers[server].halt('SIGKILL');
    await secrets.change();
    if (role === 'destination') await sync.cycle('origin');
    lines.length = 0;

    const at = { role, step, proxy, ...(request && { request }), ...(passed && { passed }) };
    const cycle = await HeldCycle.at(sync, { ...at, ...(done && { fault: { lost: kill } }) });
    if (done === undefined) await kill();
    cycle.goOn();
    // The server stays down until the step has noticed: the step fails and is retried, or leaves out some paths.
    if (server !== 'temporal')
      await eventually(async () => {
        if (lines.length === 0 && (await cycle.isRunning())) throw new Error('the fault is not noticed yet');
      }, 'the outage to be noticed');
    await servers[server].restart();
    const { outcome, note = '', failures = [] } = await cycle.ends();
    await secrets.expectNothingLost();

    if (outcome === 'failed') expect(note).toMatch(/^(Vault|Consul)Unavailable: (preflight|diffIndices): /);
    else expect(outcome).toMatch(/^(synced|partial)$/);
    expect(failures.filter((failure) => !/^(unavailable|sealed)$/.test(failure.class))).toEqual([]);
    if (server !== 'temporal') {
      expect(lines.filter((line) => !line.includes(` ${proxy.address}: `))).toEqual([]);
      expect(lines.length + failures.length).toBeGreaterThan(0);
    }

    if (role === 'origin') await sync.cycle('origin');
    await sync.cycle('destination');
    await secrets.expectArrived();
  },
);
