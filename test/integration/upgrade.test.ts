import type { ScheduleOptions } from '@temporalio/client';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CountingProxy } from '../../dev/shared/counting-proxy';
import type { VaultApi } from '../../dev/shared/vault-api';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { onVault } from '../support/vault-kind';

/*
 * A new version takes over the data and the schedules of an old one. test/vectors/upgrade.json holds what commit
 * dcb8c85 left behind. It was recorded with that commit's own SyncFixture (with the id `upgrade`) on real servers:
 *
 * - One origin; `d0` with `onConflict: keep`, and `d1` with `ignoreDeletes`. All have `syncMetadata` and
 *   `maxDeletes: 0`, and 4 buckets.
 * - The origin has the secrets of the file. `d0` has another value at `kept` from the beginning, and first copies
 *   `moved` to `elsewhere/moved`; then the transform is removed, so an orphan is left.
 * - `gone` is deleted at the origin, and its delete approved. Then `waits/1` and `waits/2` are deleted, and their
 *   deletes wait. Cycles run until nothing changes any more.
 * - One more cycle of each sync: its result and its requests about secrets.
 * - Then every key in Consul, the description of every schedule, and the values, settings and times of every secret.
 *   Addresses are replaced by words. The values are test data.
 *
 * The test writes the same secrets to its own Vaults. A proxy before each Vault replaces the identities and times of
 * the answers by the recorded ones, so that the recorded hashes fit. To change the stored format on purpose, keep this
 * file: it shows that the data of users is still read.
 */

interface Side {
  cluster: string;
  /** uuid */
  mount: string;
  secrets: Record<string, Secret>;
}

interface Secret {
  /** By version; null for a deleted one. */
  values: unknown[];
  settings: { custom_metadata: object | null; delete_version_after: string };
  created_time: string;
  updated_time: string;
  versions: { created_time: string; deletion_time: string }[];
}

const SYNCS = ['o', 'd0', 'd1'] as const;
type Sync = (typeof SYNCS)[number];

interface Recorded {
  vaults: Record<Sync, Side>;
  /** `ageS`: seconds since it was written, of keys whose flags hold that. */
  consul: { key: string; text?: string; base64?: string; ageS?: number }[];
  schedules: (ScheduleOptions & { paused: boolean })[];
  cycles: Record<Sync, { result: { outcome: string; counts: object }; requests: string[] }>;
}

const FILE = path.join(__dirname, '..', 'vectors', 'upgrade.json');

onVault('the recorded times are those of Vault').describe('after an upgrade', () => {
  const proxies = {} as Record<Sync, CountingProxy>;
  let sync: SyncFixture;
  let recorded: Recorded;
  let revisions: Record<string, number>;

  const vaultOf = (name: Sync): VaultApi =>
    ({ o: sync.originVault, d0: sync.destinationVaults[0], d1: sync.destinationVaults[1] })[name] as VaultApi;
  const cycle = (name: Sync) =>
    name === 'o' ? sync.cycle('origin') : sync.cycle('destination', Number(name.slice(1)));
  /** Requests about secrets since the last call, as `METHOD /path`, sorted. */
  const requests = (): string[] =>
    SYNCS.flatMap((name) => proxies[name].take())
      .filter(({ url }) => /\/(data|metadata)\//.test(url))
      .map(({ method, url }) => `${method} ${url}`)
      .sort();
  /** Current version of every secret of both destinations. */
  const versions = async (): Promise<Record<string, number>> => {
    const all = (['d0', 'd1'] as const).flatMap((name) =>
      Object.keys(recorded.vaults[name].secrets).map(async (secret): Promise<[string, number]> => [
        `${name}: ${secret}`,
        await vaultOf(name).version(sync.mount, secret),
      ]),
    );
    return Object.fromEntries(await Promise.all(all));
  };

  beforeAll(async () => {
    const { origin, destinations, consul, temporal } = sharedServers();
    for (const [name, { address }] of [
      ['o', origin],
      ['d0', destinations[0]],
      ['d1', destinations[1]],
    ] as const)
      proxies[name] = await CountingProxy.before(address);
    const text = readFileSync(FILE, 'utf8')
      .replaceAll('<origin Vault>', proxies.o.address)
      .replaceAll('<Vault of d0>', proxies.d0.address)
      .replaceAll('<Vault of d1>', proxies.d1.address)
      .replaceAll('<Consul>', consul)
      .replaceAll('<Temporal>', temporal);
    recorded = JSON.parse(text) as Recorded;
    sync = await SyncFixture.create({
      id: 'upgrade',
      destinations: 2,
      numBuckets: 4,
      edit: (file) => {
        const of = file['name'] === 'd1-upgrade' ? 'd1' : 'd0';
        const originSection = file['origin'] as { vault: { address: string } };
        originSection.vault.address = proxies.o.address;
        Object.assign(file, { syncMetadata: true, maxDeletes: 0, ignoreDeletes: of === 'd1' });
        const section = file['destination'] as { vault: { address: string } } | undefined;
        if (section === undefined) return;
        section.vault.address = proxies[of].address;
        Object.assign(section, of === 'd0' && { onConflict: 'keep' });
      },
    });
    for (const name of SYNCS) {
      await writeSecrets(vaultOf(name), sync.mount, recorded.vaults[name].secrets);
      proxies[name].rewrite = await rewriting(vaultOf(name), sync.mount, recorded.vaults[name]);
    }
    for (const key of recorded.consul) await putKey(consul, key);
    for (const { paused, ...schedule } of recorded.schedules)
      await sync.client.schedule.create({ ...schedule, state: { paused } });
    revisions = await sync.consul.revisions(sync.syncPath);
    await sync.work();
  });

  afterAll(async () => {
    await sync.tearDown();
    for (const proxy of Object.values(proxies)) await proxy.close();
  });

  test('cycles write, read and compare nothing that the old version would not', async () => {
    const before = await versions();
    for (const name of SYNCS) {
      requests();
      const { outcome, counts, failures, note } = await cycle(name);
      const { result, requests: expected } = recorded.cycles[name];
      expect([name, { outcome, counts, failures, ...(note && { note }) }]).toEqual([name, result]);
      expect([name, requests()]).toEqual([name, expected]);
    }
    expect(await sync.consul.revisions(sync.syncPath)).toEqual(revisions);
    expect(await versions()).toEqual(before);
  });

  test('start takes over the schedules of the old version without --adopt', async () => {
    const before = await versions();
    await sync.start('origin');
    for (const number of [0, 1]) await sync.start('destination', number);
    for (const number of [0, 1]) await sync.stopWatch(number);
    const found = await Promise.all([
      sync.schedule('origin').describe(),
      sync.schedule('destination', 0).describe(),
      sync.schedule('destination', 1).describe(),
    ]);
    expect(
      found.map(({ scheduleId, action: { workflowId, workflowType, taskQueue, args, memo }, policies }) => ({
        scheduleId,
        action: { type: 'startWorkflow', workflowType, workflowId, taskQueue, args, memo },
        policies: { overlap: policies.overlap, catchupWindow: policies.catchupWindow },
      })),
    ).toEqual(
      recorded.schedules.map(({ scheduleId, action, policies }) => ({ scheduleId, action, policies })),
    );
    // Their schedules were started before there was sync info, and so before they could be recorded.
    const now = Object.entries(await sync.consul.revisions(sync.syncPath));
    expect(now.filter(([key, revision]) => revisions[key] !== revision).map(([key]) => key)).toEqual([
      `${sync.infoPrefix('destination', 1)}schedule`,
      `${sync.infoPrefix('origin')}schedule`,
    ]);
    expect(await versions()).toEqual(before);
  });

  test('destination cycles copy a change as one version each', async () => {
    const before = await versions();
    await sync.originVault.put(sync.mount, 'a', { value: 'third' });
    for (const name of SYNCS) await cycle(name);
    const [d0 = 0, d1 = 0] = [before['d0: a'], before['d1: a']];
    expect(await versions()).toEqual({ ...before, 'd0: a': d0 + 1, 'd1: a': d1 + 1 });
  });

  test('approve releases exactly the deletes that were pending in the old version', async () => {
    const before = await versions();
    await sync.approve(0);
    expect((await cycle('d0')).counts).toMatchObject({ deleted: 2 });
    expect(await versions()).toEqual(before);
    const at = (secret: string): Promise<unknown> => vaultOf('d0').get(sync.mount, secret);
    expect([await at('waits/1'), await at('waits/2')]).toEqual([undefined, undefined]);
    expect(await at('elsewhere/moved')).toEqual({ value: 'moved' });
  });
});

async function writeSecrets(vault: VaultApi, mount: string, secrets: Side['secrets']): Promise<void> {
  for (const [secret, { values, settings, versions }] of Object.entries(secrets)) {
    const current = versions.at(-1)?.deletion_time ?? '';
    // Before the value where that has an end, so that it gets one here too.
    const { custom_metadata, ...others } = settings;
    await vault.request('POST', `${mount}metadata/${secret}`, {
      ...others,
      ...(custom_metadata && { custom_metadata }),
    });
    for (const value of values) await vault.put(mount, secret, value ?? {});
    if (current !== '' && Date.parse(current) < Date.now()) await vault.delete(mount, secret);
  }
}

/** Replaces identities and times of a Vault's answers by the recorded ones. */
async function rewriting(
  vault: VaultApi,
  mount: string,
  { cluster, mount: uuid, secrets }: Side,
): Promise<(body: string) => string> {
  const { cluster_id } = (await vault.request('GET', 'sys/health')) as { cluster_id: string };
  const mounts = (await vault.request('GET', 'sys/mounts')) as { data: Record<string, { uuid: string }> };
  const words = new Map([
    [cluster_id, cluster],
    [mounts.data[mount]?.uuid ?? '', uuid],
  ]);
  for (const [secret, { created_time, updated_time, versions }] of Object.entries(secrets)) {
    const { data } = (await vault.request('GET', `${mount}metadata/${secret}`)) as {
      data: Omit<Secret, 'versions'> & { versions: Record<string, Secret['versions'][number]> };
    };
    words.set(data.created_time, created_time).set(data.updated_time, updated_time);
    for (const [at, version] of versions.entries()) {
      const here = data.versions[at + 1];
      if (here === undefined) throw new Error(`${secret} has no version ${at + 1}`);
      words.set(here.created_time, version.created_time);
      if (here.deletion_time !== '') words.set(here.deletion_time, version.deletion_time);
    }
  }
  return (body) => [...words].reduce((text, [from, to]) => text.replaceAll(from, to), body);
}

async function putKey(
  consul: string,
  { key, text, base64, ageS }: Recorded['consul'][number],
): Promise<void> {
  const flags = ageS === undefined ? 0 : Math.floor(Date.now() / 1000) - ageS;
  const body = text ?? Buffer.from(base64 ?? '', 'base64');
  const answer = await fetch(`${consul}/v1/kv/${key}?flags=${flags}`, { method: 'PUT', body });
  if (!answer.ok) throw new Error(`${key}: ${answer.status}`);
}
