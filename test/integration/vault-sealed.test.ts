import { collectedLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { HeldCycle } from '../support/held-cycle';
import { ManySecrets } from '../support/many-secrets';
import { RunningSync } from '../support/running-sync';
import { startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';

/** Real Vaults are sealed during a step and unsealed later. */

const SECRETS = 100;
const DELETES = 12;
/** Classes of a path that could not be requested. A request in flight may get no answer at all. */
const AWAY = /^(sealed|unavailable)$/;

const { log, lines } = collectedLog();
let vaults: { originVault: VaultFileServer; vault: VaultFileServer };
let running: RunningSync;
let secrets: ManySecrets;

beforeAll(async () => {
  const [originVault, vault] = await Promise.all([
    startVaultFile({ mounts: [] }),
    startVaultFile({ mounts: [] }),
  ]);
  vaults = { originVault, vault };
  running = await RunningSync.create({
    servers: { ...sharedServers(), origin: originVault, destinations: [vault, vault] },
    numBuckets: 2,
    // A Vault may be sealed for long on a slow machine.
    timeout: '3m',
    log,
    edit: (file) => {
      file['maxDeletes'] = 1_000;
    },
  });
  secrets = new ManySecrets(running, SECRETS);
  await secrets.plant();
  await running.sync.cycle('origin');
  await running.sync.cycle('destination');
});

afterAll(async () => {
  await running.tearDown();
  await Promise.all(Object.values(vaults).map((vault) => vault.stop()));
});

type Case = [
  side: 'origin' | 'destination',
  doing: string,
  role: 'origin' | 'destination',
  step: string,
  request: RegExp,
  passed: number,
];

test.each<Case>([
  ['origin', 'its folders are listed', 'origin', 'listPaths', /^LIST .*\/f\d+$/, 3],
  ['destination', 'values are written', 'destination', 'copySecrets', /^POST .*\/data\//, 5],
  ['origin', 'it is asked about deletes', 'destination', 'copySecrets', /^GET .*\/metadata\//, 5],
  ['destination', 'it deletes', 'destination', 'copySecrets', /^POST .*\/delete\//, 3],
])(
  'vsync survives a seal of the Vault of the %s while %s: nothing is lost, the seal is reported, and the work continues after the unseal',
  async (side, _doing, role, step, request, passed) => {
    const whose = side === 'origin' ? 'originVault' : 'vault';
    const { sync, proxies } = running;
    await secrets.delete(...secrets.living.slice(-DELETES));
    await secrets.change();
    if (role === 'destination') await sync.cycle('origin');
    lines.length = 0;

    const cycle = await HeldCycle.at(sync, { role, step, proxy: proxies[whose], request, passed });
    await vaults[whose].seal();
    cycle.goOn();
    await eventually(async () => {
      if (lines.length === 0 && (await cycle.isRunning())) throw new Error('the fault is not noticed yet');
    }, 'the seal to be noticed');
    if (whose === 'originVault') await secrets.expectNothingLost();
    await vaults[whose].unseal();
    const { outcome, failures = [] } = await cycle.ends();
    await secrets.expectNothingLost();

    expect(outcome).toBe(failures.length === 0 ? 'synced' : 'partial');
    expect(failures.filter((failure) => !AWAY.test(failure.class))).toEqual([]);
    expect(lines.filter((line) => !line.startsWith(`Vault ${proxies[whose].address}: `))).toEqual([]);
    const told = [...lines, ...failures.map((failure) => failure.class)];
    expect(told).toContainEqual(expect.stringMatching(/^sealed$|: the Vault is sealed \(503\): unseal it/));

    if (role === 'origin') await sync.cycle('origin');
    await sync.cycle('destination');
    await secrets.expectArrived();
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
  },
);
