import type { Finding } from '../../src/activities/destination/verify/findings';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync, type Ended } from '../../dev/shared/vsync-command';

const PATHS = ['team/a', 'team/b', 'team/c', 'team/d', 'top'];

describe('vsync verify', () => {
  let sync: SyncFixture;

  beforeEach(async () => {
    sync = await SyncFixture.create();
    for (const path of PATHS) await sync.originVault.put(sync.mount, path, { path });
    await sync.run();
    await sync.cycle('origin');
    await sync.cycle('destination');
  });

  afterEach(() => sync.tearDown());

  const vault = () => sync.destinationVaults[0];
  const short = (findings: readonly Finding[]): string[] =>
    findings.map(({ kind, path, class: why }) =>
      [kind, path.replace(`${sync.mount}data/`, ''), why].filter((word) => word !== undefined).join(' '),
    );
  const command = (...args: string[]): Promise<Ended> =>
    runVsync(['verify', ...args, '-c', sync.destinationFiles[0] ?? ''], { home: sync.folder });

  /** Makes a difference of every kind that manual changes can cause. */
  async function disturb(): Promise<void> {
    await vault()?.put(sync.mount, 'team/a', { path: 'by hand' });
    await vault()?.delete(sync.mount, 'team/b');
    await vault()?.request('DELETE', `${sync.mount}metadata/team/c`);
    await vault()?.put(sync.mount, 'team/foreign/x', { mine: true });
    await vault()?.put(sync.mount, 'was-foreign', { mine: true });
    await vault()?.delete(sync.mount, 'was-foreign');
    await sync.originVault.put(sync.mount, 'top', { path: 'newer' });
  }

  test('reports nothing after a cycle, and changes nothing', async () => {
    const before = await sync.consul.revisions(sync.syncPath);
    const ended = await command();
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toBe(
      `${sync.config('destination').name}: the values at both ends\n  nothing is wrong\n` +
        '0 to add, 0 to update, 0 to delete, 0 held, 5 equal\n',
    );
    const after = await sync.consul.revisions(sync.syncPath);
    const staging = `${sync.infoPrefix('destination')}staging/`;
    expect(Object.fromEntries(Object.entries(after).filter(([key]) => !key.startsWith(staging)))).toEqual(
      before,
    );
    for (const path of PATHS) expect(await vault()?.version(sync.mount, path)).toBe(1);
  });

  test('distinguishes drift, missing and extra secrets from recent changes, and --repair repairs them with one version each', async () => {
    await disturb();
    const ended = await command();
    expect(ended.code).toBe(3);
    expect(ended.stdout.split('\n')).toEqual([
      `${sync.config('destination').name}: the values at both ends`,
      `  + ${sync.mount}team/b  (missing at the destination; its current version is deleted)`,
      `  + ${sync.mount}team/c  (missing at the destination; nothing is there)`,
      `  ~ ${sync.mount}team/a  (drift: the values differ)`,
      `  ~ ${sync.mount}top  (changed at the origin, not drift: the next cycles copy it; the origin has a newer version than its info)`,
      `  # ${sync.mount}team/foreign/x  (extra: belongs to no secret of the origin, and is kept)`,
      '2 to add, 2 to update, 0 to delete, 1 held, 1 equal',
      '',
    ]);
    expect(ended.stderr).toContain(
      'is not as it should be: drift 1, missing 2; a cycle repairs drift and missing',
    );
    expect(ended.stderr).toContain(`vsync verify --repair -c ${sync.destinationFiles[0] ?? ''}`);

    const repaired = await command('--repair', '--json');
    expect(repaired).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(repaired.stdout) as {
      counts: unknown;
      findings: Finding[];
      repair: object;
    };
    expect(report.counts).toMatchObject({ equal: 1, drift: 1, missing: 2, changed: 1, extra: 1 });
    expect(short(report.findings)).toEqual([
      'drift team/a',
      'missing team/b deleted',
      'missing team/c absent',
      'changed top newer',
      'extra team/foreign/x',
    ]);
    expect(report.repair).toMatchObject({
      doubted: 3,
      left: 0,
      cycle: { result: { counts: { deleted: 0, failed: 0 } } },
    });
    for (const path of ['team/a', 'team/b', 'team/c'])
      expect(await vault()?.get(sync.mount, path)).toEqual({ path });
    expect(await vault()?.version(sync.mount, 'team/a')).toBe(3);
    expect(await vault()?.version(sync.mount, 'team/b')).toBe(2);
    expect(await vault()?.version(sync.mount, 'team/c')).toBe(1);
    expect(await vault()?.version(sync.mount, 'team/d')).toBe(1);
    expect(await vault()?.get(sync.mount, 'team/foreign/x')).toEqual({ mine: true });

    expect(await command()).toMatchObject({ code: 0, stderr: '' });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  });

  test('leaves staged lists that the next verify, or a cycle that writes, removes when they are old', async () => {
    // A value without a write time counts as old. A worker checks soon after its start, then once an hour.
    const old = `${sync.infoPrefix('destination')}staging/${'0'.repeat(64)}`;
    const isThere = async (): Promise<boolean> => old in (await sync.consul.revisions(old));
    for (const act of [() => sync.verify(), () => sync.cycle('destination')]) {
      await sync.stopWork();
      await sync.originVault.put(sync.mount, 'team/new', { act: act.toString() });
      await sync.consul.put(old, 'old');
      await sync.work();
      await sync.cycle('origin');
      expect(await isThere()).toBe(true);
      await act();
      expect(await isThere()).toBe(false);
    }
    expect((await sync.verify()).findings).toEqual([]);
  });
});
