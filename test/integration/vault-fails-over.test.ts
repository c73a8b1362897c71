import { collectedLog } from '../support/collected-log';
import { HeldCycle } from '../support/held-cycle';
import { ManySecrets } from '../support/many-secrets';
import { RunningSync } from '../support/running-sync';
import { startVaultCluster, type VaultCluster } from '../../dev/servers/start';
import { sharedServers, type SharedServers } from '../support/shared-servers';

/** A real Vault of three nodes changes its leader during a step: by step-down, and by kill -9. */

const SECRETS = 100;

const { log, lines } = collectedLog();
let cluster: VaultCluster;
let running: RunningSync | undefined;

beforeAll(async () => {
  cluster = await startVaultCluster([]);
});

afterAll(() => cluster.stop());

afterEach(async () => {
  await running?.tearDown();
  running = undefined;
  await cluster.reviveAll();
});

/** A sync that reaches the cluster at the address of a node that is never killed. */
async function start(
  servers: Partial<SharedServers>,
): Promise<{ running: RunningSync; secrets: ManySecrets }> {
  running = await RunningSync.create({
    servers: { ...sharedServers(), ...servers },
    // An election takes long on a slow machine.
    timeout: '3m',
    log,
    edit: (file) => {
      file['maxDeletes'] = 1_000;
    },
  });
  const secrets = new ManySecrets(running, SECRETS);
  await secrets.plant();
  await running.sync.cycle('origin');
  await running.sync.cycle('destination');
  return { running, secrets };
}

type Case = [
  how: 'stepDown' | 'killActive',
  role: 'origin' | 'destination',
  step: string,
  request: RegExp,
  passed: number,
];

const AT_ORIGIN: readonly Case[] = [
  ['stepDown', 'origin', 'listPaths', /^LIST .*\/f\d+$/, 3],
  ['killActive', 'origin', 'fetchMetadata', /^GET .*\/metadata\//, 30],
];
const AT_DESTINATION: readonly Case[] = [
  ['stepDown', 'destination', 'copySecrets', /^POST .*\/data\//, 5],
  ['killActive', 'destination', 'copySecrets', /^POST .*\/data\//, 5],
];

test.each<['origin' | 'destination', readonly Case[]]>([
  ['origin', AT_ORIGIN],
  ['destination', AT_DESTINATION],
])(
  'vsync survives a leader change of the Vault of the %s: nothing is lost, and no version is needless',
  async (where, cases) => {
    const [address] = cluster.addresses;
    const vault = { address, rootToken: cluster.rootToken };
    const made = await start(where === 'origin' ? { origin: vault } : { destinations: [vault, vault] });
    const { sync, proxies } = made.running;
    const proxy = proxies[where === 'origin' ? 'originVault' : 'vault'];
    for (const [how, role, step, request, passed] of cases) {
      // The node that the sync uses must not be killed.
      if (how === 'killActive' && (await cluster.active()) === address) await cluster.stepDown();
      await made.secrets.change();
      if (role === 'destination') await sync.cycle('origin');
      lines.length = 0;

      const cycle = await HeldCycle.at(sync, { role, step, proxy, request, passed });
      const changed = cluster[how]();
      cycle.goOn();
      await changed;
      const { outcome, failures = [] } = await cycle.ends();
      await made.secrets.expectNothingLost();
      expect(outcome).toBe(failures.length === 0 ? 'synced' : 'partial');
      expect(failures.filter((failure) => failure.class !== 'unavailable')).toEqual([]);
      expect(lines.filter((line) => !line.startsWith(`Vault ${proxy.address}: `))).toEqual([]);

      if (role === 'origin') await sync.cycle('origin');
      await sync.cycle('destination');
      await made.secrets.expectArrived();
      await cluster.reviveAll();
    }
  },
);
