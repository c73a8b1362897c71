import { freePorts, startVaultFile, type VaultFileServer } from '../../dev/servers/start';
import { eventually } from '../support/eventually';
import { formatStatus } from '../../src/cli/status/screen';
import { syncWithVault, type OwnVaultSync } from '../support/own-vault';
import { vaultError } from '../support/wrong-answers';

/** The lag of a destination: what the origin has published and the destination does not have. */

let vault: VaultFileServer;
let running: OwnVaultSync;
let metricsPort: number | undefined;

beforeAll(async () => {
  vault = await startVaultFile({ mounts: [] });
  [metricsPort] = await freePorts(1);
  const edit = (file: Record<string, unknown>, role: string): void => {
    if (role === 'destination') file['metrics'] = { listen: `127.0.0.1:${metricsPort}` };
  };
  running = await syncWithVault('destination', vault, { edit });
});

afterAll(async () => {
  await running.tearDown();
  await vault.stop();
});

async function createdTime(path: string): Promise<string> {
  const { originVault, mount } = running.sync;
  const answer = await originVault.request('GET', `${mount}metadata/${path}`);
  return (answer as { data: { versions: Record<string, { created_time: string }> } }).data.versions[1]
    ?.created_time as string;
}

/** What a metrics system reads from the worker. */
async function page(name: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${metricsPort}/${name}`)).text();
}

async function behindInMetrics(): Promise<number> {
  const [, behind] = /^vsync_secrets_behind\{sync="[^"]+"\} (\d+)$/m.exec(await page('metrics')) ?? [];
  return Number(behind);
}

/** What Temporal's UI shows of the last cycle. */
async function details(): Promise<string | undefined> {
  const cycle = await running.sync.lastCycle('destination');
  const metadata = await cycle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails;
}

test('vsync status, the metrics of a worker and the details of a cycle show how old the oldest change is that a destination does not have', async () => {
  const { sync, proxy } = running;
  await sync.originVault.put(sync.mount, 'first', { value: 1 });
  await sync.originVault.put(sync.mount, 'second', { value: 1 });
  await sync.cycle('origin');
  const first = await createdTime('first');
  const before = await sync.status('destination');
  expect(before.lag).toMatchObject({ secrets: 2, since: first });
  expect(await behindInMetrics()).toBe(2);
  // The age is that of the change, whenever it was published.
  expect(before.lag?.ms).toBeLessThanOrEqual(Date.now() - Date.parse(first));
  expect(formatStatus(before)).toMatch(
    /^ {2}lag {10}\S+: 2 secrets are behind the origin, the oldest change of /m,
  );

  proxy.choose((method, url) =>
    method === 'POST' && url.endsWith('/data/second') ? vaultError(500, 'internal error') : undefined,
  );
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'partial', counts: { failed: 1 } });
  expect((await sync.status('destination')).lag).toMatchObject({
    secrets: 1,
    since: await createdTime('second'),
  });
  expect(await details()).toMatch(/^partial: lag (\d+m)?\d+s$/);

  proxy.choose(() => undefined);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'synced' });
  const after = await sync.status('destination');
  expect(after.lag).toEqual({ ms: 0, secrets: 0 });
  expect(formatStatus(after)).toMatch(/^ {2}lag {10}none$/m);
  expect(await details()).toBe('synced');

  const { name } = sync.config('destination');
  const counted = (outcome: string): RegExp =>
    new RegExp(`^vsync_cycles_total\\{sync="${name}",role="destination",outcome="${outcome}"\\} [1-9]`, 'm');
  // The line of a cycle, from which it is counted, follows its result.
  await eventually(async () => {
    expect(await page('metrics')).toMatch(counted('synced'));
  }, 'the cycle to be counted');
  const metrics = await page('metrics');
  expect(metrics).toMatch(counted('partial'));
  expect(metrics).toMatch(/^vsync_secret_operations_total\{.*op="copy",result="failed",class="[\w-]+"\} 1$/m);
  // No label holds a path.
  expect(metrics).not.toMatch(new RegExp(`="[^"]*(first|second|${sync.mount})`));
  expect(JSON.parse(await page('readyz'))).toMatchObject({ ready: true });
  expect((await sync.status('origin')).lag).toBeUndefined();
});
