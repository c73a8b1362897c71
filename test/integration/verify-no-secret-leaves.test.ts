import { randomBytes } from 'node:crypto';
import { debugLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { exposed, rejection } from '../support/exposed';
import { exportRuns, readableTexts } from '../support/histories';
import { SyncFixture } from '../support/sync-fixture';
import { runVsync } from '../../dev/shared/vsync-command';

/** The invariant: a value exists in the memory of one activity only. A verify has two different values in one. */
test('vsync verify keeps secret values out of Temporal, Consul, the log and its report, also when it fails', async () => {
  const planted = {
    origin: `planted-${randomBytes(16).toString('hex')}`,
    own: `planted-${randomBytes(16).toString('hex')}`,
  };
  const { log, lines } = debugLog();
  const sync = await SyncFixture.create();
  try {
    for (const path of ['same', 'drift', 'missing'])
      await sync.originVault.put(sync.mount, path, {
        password: planted.origin,
        [planted.origin]: 'as a key',
      });
    await sync.work({ log });
    await sync.start('origin');
    await sync.start('destination');
    await sync.cycle('origin');
    await sync.cycle('destination');
    const [vault] = sync.destinationVaults;
    await vault?.put(sync.mount, 'drift', { password: planted.own, [planted.own]: 'as a key' });
    await vault?.put(sync.mount, 'extra', { password: planted.own });
    await vault?.delete(sync.mount, 'missing');

    const args = ['verify', '--json', '-c', sync.destinationFiles[0] ?? '', '--log.level', 'debug'];
    const report = await runVsync(args, { home: sync.folder });
    expect(report.code).toBe(3);
    const staged = await sync.verify();
    expect(staged.counts).toMatchObject({ equal: 1, drift: 1, missing: 1, extra: 1 });
    const repaired = await runVsync([...args, '--repair'], { home: sync.folder });
    expect(repaired.code).toBe(0);
    await sync.consul.delete(`${sync.infoPrefix('origin')}index`);
    const failure = exposed(await rejection(sync.verify()));

    const runs = await eventually(async () => {
      const found = await exportRuns(sync.client, sync.id);
      expect(found.filter(({ type }) => type === 'verifyDestination')).toHaveLength(4);
      return found;
    }, 'all verifies to be listed');
    const consul = await sync.consul.values(sync.syncPath);
    const lists = JSON.stringify(staged.findings);
    const everything = [
      readableTexts(runs),
      JSON.stringify(consul),
      ...lines,
      JSON.stringify([report, repaired]),
      lists,
      failure,
    ].join('\n');
    expect(everything).toContain(`${sync.mount}data/drift`); // proves that the search covers real content
    expect(lines.length).toBeGreaterThan(0);
    expect(failure).toContain('OriginInfoGone');
    expect(Object.keys(consul).some((key) => key.includes('destination/staging/'))).toBe(true);
    for (const value of Object.values(planted)) expect(everything).not.toContain(value);
  } finally {
    await sync.tearDown();
  }
});
