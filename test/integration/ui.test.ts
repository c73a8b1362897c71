import { readFileSync } from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../dev/servers/start/ports';
import { runVsync, startVsync } from '../../dev/shared/vsync-command';
import type { Status } from '../../src/cli/status/status';
import { ROOT } from '../support/run-node';
import { eventually } from '../support/eventually';
import { SyncFixture } from '../support/sync-fixture';

let sync: SyncFixture;
beforeAll(async () => {
  sync = await SyncFixture.create();
  await sync.originVault.put(sync.mount, 'a', { password: 'planted-value' });
  await sync.run();
  await sync.cycle('origin');
  await sync.cycle('destination');
});
afterAll(() => sync.tearDown());

test('vsync ui shows what vsync status reports, with the outcomes of the last day, and ends with SIGTERM', async () => {
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const [file = ''] = sync.destinationFiles;
  const ui = await startVsync(['ui', '-c', sync.originFile, file, '--listen', address], {
    home: sync.folder,
  });
  await eventually(() => {
    expect(readFileSync(ui.logFile, 'utf8')).toContain(`vsync: status page on http://${address}\n`);
    return Promise.resolve();
  }, 'the address');

  const { stdout } = await runVsync(['status', '--json', '-c', file], { home: sync.folder });
  const expected = JSON.parse(stdout) as Status;
  const answer = await fetch(`http://${address}/status.json`);
  const [origin, destination] = (await answer.json()) as { status: Status }[];
  expect(origin?.status).toMatchObject({ role: 'origin', published: 1 });
  const { schedule, totals, cycles, vaults } = expected;
  expect(destination?.status).toMatchObject({ schedule, totals, cycles, vaults });

  // The list of Temporal shows a cycle a moment after it ended; the page asks it again after 30 s.
  const page = await eventually(async () => {
    const text = await (await fetch(`http://${address}/`)).text();
    const strips = [...text.matchAll(/Last 24 hours: ([^<]*)/g)].map(([, outcomes]) => outcomes);
    expect(strips).toEqual([expect.stringMatching(/\d synced/), expect.stringMatching(/\d synced/)]);
    return text;
  }, 'the outcomes');
  expect(page).toContain(`<title>2 of 2 ok – vsync</title>`);
  expect(page).not.toContain('planted-value');
  expect(await ui.stop()).toMatchObject({ code: 0 });
});

test('vsync ui refuses the token of the example', async () => {
  const [file = ''] = sync.destinationFiles;
  const token = path.join(ROOT, 'deploy', 'config', 'ui-token');
  const ended = await runVsync(['ui', '-c', file, '--token-file', token], { home: sync.folder });
  expect(ended).toMatchObject({ code: 2 });
  expect(ended.stderr).toContain('must begin with a token of at least 16 characters');
});

test('vsync ui refuses an address that others reach without a token', async () => {
  const [file = ''] = sync.destinationFiles;
  const ended = await runVsync(['ui', '-c', file, '--listen', '0.0.0.0:8230'], { home: sync.folder });
  expect(ended).toMatchObject({ code: 2 });
  expect(ended.stderr).toContain(
    '--listen 0.0.0.0:8230: other machines could read the page. Give --token-file FILE',
  );
});
