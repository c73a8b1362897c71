import { pino } from 'pino';
import { cyclesOf } from '../../src/temporal/schedule';
import { readStatus } from '../../src/cli/status/read-status';
import { FaultProxy, type Choice } from '../support/fault-proxy';
import { eventually } from '../support/eventually';
import { RunningSync, type RunningOptions } from '../support/running-sync';
import { sharedServers } from '../support/shared-servers';
import { onVault } from '../support/vault-kind';

/** Failures of the original vsync that concern the two ends, and what a user can see of a cycle. */

let running: RunningSync;

/** Messages of the log. Temporal's runtime keeps the first log of a process, so all tests share one. */
const lines: string[] = [];
const log = pino(
  { level: 'info' },
  { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) },
);
const start = async (options: RunningOptions): Promise<RunningSync> =>
  (running = await RunningSync.create({ ...options, log }));

afterEach(() => running.tearDown());

test('8. vsync verify finds drift at the destination, and --repair repairs it with one version each', async () => {
  const paths = ['a', 'b', 'c', 'd'];
  await start({ secrets: paths });
  const { sync } = running;
  const [vault] = sync.destinationVaults;
  await vault?.put(sync.mount, 'a', { path: 'by hand' });
  await vault?.delete(sync.mount, 'b');
  await vault?.request('DELETE', `${sync.mount}metadata/c`);
  await vault?.put(sync.mount, 'extra', { path: 'of somebody else' });
  // A cycle compares indices and does not notice drift. This is what verify is for.
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });

  const { findings, counts } = await sync.verify();
  expect(counts).toMatchObject({ equal: 1, drift: 1, missing: 2, extra: 1 });
  expect(findings.map(({ kind, path }) => [kind, path])).toEqual([
    ['drift', running.data('a')],
    ['missing', running.data('b')],
    ['missing', running.data('c')],
    ['extra', running.data('extra')],
  ]);
  expect(await sync.repair()).toMatchObject({ doubted: 3, left: 0 });
  expect(await Promise.all(paths.map((path) => running.at(path)))).toEqual([
    [{ path: 'a' }, 3],
    [{ path: 'b' }, 2],
    [{ path: 'c' }, 1],
    [{ path: 'd' }, 1],
  ]);
  expect(await running.at('extra')).toEqual([{ path: 'of somebody else' }, 1]);
  expect((await sync.verify()).counts).toMatchObject({ equal: 4, drift: 0, missing: 0 });
});

test('9. destination cycle refuses two origin paths with one destination path by name, and vsync plan lists the orphans of a changed transform', async () => {
  let mount = '';
  const flat = (): object => ({
    transforms: [{ name: 'flat', from: `^${mount}data/[ab]/(?P<name>.+)$`, to: `${mount}data/name` }],
  });
  await start({
    secrets: ['a/x', 'b/x', 'b/y'],
    beforeFiles: (fixture) => {
      mount = fixture.mount;
      return Promise.resolve();
    },
    edit: (file, role) => {
      if (role === 'destination') Object.assign(file['destination'] as object, flat());
    },
  });
  const { sync } = running;
  for (let round = 0; round < 2; round++) {
    const result = await sync.cycle('destination');
    expect(result).toMatchObject({ outcome: 'partial', counts: { failed: 2, added: 0, updated: 0 } });
    expect(result.failures).toEqual(
      expect.arrayContaining([
        { path: running.data('a/x'), class: 'collision', with: running.data('b/x') },
        { path: running.data('b/x'), class: 'collision', with: running.data('a/x') },
      ]),
    );
  }
  expect(await running.at('x')).toEqual([undefined, 0]);
  expect(await running.at('y')).toEqual([{ path: 'b/y' }, 1]);

  // The new transform gives each secret its own place. The old place of b/y becomes an orphan.
  await sync.reconfigure('destination', ({ destination }) => {
    destination.transforms = [
      { name: 'apart', from: `^${mount}data/(?P<team>[ab])/(?P<name>.+)$`, to: `${mount}data/of/team/name` },
    ];
  });
  for (const path of ['a/x', 'b/x', 'b/y']) expect(await running.at(`of/${path}`)).toEqual([{ path }, 1]);
  const { planned, orphans } = await sync.plan();
  expect(planned).toEqual([]);
  expect(orphans.map(({ at, of }) => [at, of])).toEqual([[running.data('y'), running.data('b/y')]]);
  expect(await running.at('y')).toEqual([{ path: 'b/y' }, 1]);
  expect(await sync.approveOrphans()).toBe(1);
  expect(await sync.cycle('destination')).toMatchObject({ counts: { deleted: 1 } });
  expect(await running.at('y')).toEqual([undefined, 1]);
  expect((await sync.plan()).orphans).toEqual([]);
});

/** Answers that every other namespace does not exist. */
const onlyIn =
  (namespace: string): Choice =>
  (_method, _url, headers) =>
    [undefined, namespace].includes(headers['x-vault-namespace'] as string | undefined)
      ? undefined
      : { status: 404, body: JSON.stringify({ errors: ['namespace not found'] }) };

const onVaultOnly = onVault('it has no namespaces; on OpenBao namespaces.test.ts uses real ones');

onVaultOnly.test(
  '10. destination cycle copies custom_metadata and settings, and each side has its own namespace, token and Consul token',
  async () => {
    const ownConsul = await FaultProxy.before(sharedServers().consul);
    await start({
      edit: (file, role) => {
        file['syncMetadata'] = true;
        const origin = file['origin'] as { vault: object; consul: object };
        Object.assign(origin.vault, { namespace: 'at-origin' });
        Object.assign(origin.consul, { token: 'consul-token-of-origin' });
        if (role !== 'destination') return;
        const destination = file['destination'] as { vault: object; consul: object };
        Object.assign(destination.vault, { namespace: 'at-destination' });
        Object.assign(destination.consul, {
          address: ownConsul.address,
          token: 'consul-token-of-destination',
        });
      },
      // These Vaults have no namespaces. A Vault that ignores the header would be refused, so the proxies answer for it.
      beforeWork: ({ originVault, vault }) => {
        originVault.choose(onlyIn('at-origin'));
        vault.choose(onlyIn('at-destination'));
      },
    });
    try {
      const { sync, proxies } = running;
      /** Values of the header, of all requests to each server. */
      const told = new Map<string, Set<string>>();
      const remember = (server: string, proxy: FaultProxy, header: string): void => {
        told.set(server, new Set());
        proxy.choose((_method, _url, headers) => {
          told.get(server)?.add(String(headers[header]));
          return undefined;
        });
      };
      remember('origin Vault', proxies.originVault, 'x-vault-namespace');
      remember('destination Vault', proxies.vault, 'x-vault-namespace');
      remember('origin Consul', proxies.originConsul, 'x-consul-token');
      remember('destination Consul', ownConsul, 'x-consul-token');

      const settings = {
        custom_metadata: { owner: 'team', room: '7' },
        max_versions: 5,
        cas_required: true,
        delete_version_after: '48h0m0s',
      };
      await sync.originVault.request('POST', `${sync.mount}metadata/tuned`, {
        ...settings,
        cas_required: false,
      });
      await running.put('tuned', 'plain');
      await sync.originVault.request('POST', `${sync.mount}metadata/tuned`, settings);
      await sync.cycle('origin');
      expect(await sync.cycle('destination')).toMatchObject({ counts: { added: 2, settings: 1, failed: 0 } });
      const answer = await sync.destinationVaults[0]?.request('GET', `${sync.mount}metadata/tuned`);
      expect(answer).toMatchObject({ data: { ...settings, current_version: 1 } });
      expect(Object.fromEntries([...told].map(([server, values]) => [server, [...values]]))).toEqual({
        'origin Vault': ['at-origin'],
        'destination Vault': ['at-destination'],
        'origin Consul': ['consul-token-of-origin'],
        'destination Consul': ['consul-token-of-destination'],
      });
    } finally {
      running.mendAll();
      await ownConsul.close();
    }
  },
);

test('12. vsync shows what a cycle did in its status, in the memo of the workflow and in one log line, without a metrics server', async () => {
  await start({ secrets: ['a', 'b', 'gone', 'bad'] });
  const { sync, proxies } = running;
  await sync.originVault.put(sync.mount, 'a', { path: 'changed' });
  await sync.originVault.put(sync.mount, 'bad', { path: 'changed' });
  await running.put('new');
  await sync.originVault.delete(sync.mount, 'gone');
  await sync.cycle('origin');
  proxies.vault.choose((method, url) =>
    method === 'POST' && url.endsWith('/data/bad')
      ? { status: 403, body: '{"errors":["permission denied"]}' }
      : undefined,
  );
  await sync.cycle('destination');

  const counts = { added: 1, updated: 1, deleted: 1, failed: 1 };
  const status = await readStatus(sync.client, sync.config('destination'));
  const failures = [{ path: running.data('bad'), class: 'forbidden', at: 'destination' }];
  expect(status.cycles[0]).toMatchObject({ outcome: 'partial', counts, failures });
  expect(status.last).toMatchObject({ outcome: 'partial', counts });

  const last = cyclesOf(await sync.schedule('destination').describe()).at(-1);
  const { memo } = await sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId).describe();
  expect(memo).toMatchObject({ outcome: 'partial', ...counts });
  await eventually(() => {
    expect(lines).toContain(
      `${last?.workflowId ?? ''}: partial, read 2, added 1, updated 1, deleted 1, failed 1: forbidden at the destination: ${running.data('bad')}`,
    );
    return Promise.resolve();
  }, 'the line of the cycle to be logged');
});
