import { RunningSync } from '../support/running-sync';

/** Rule 9: a worker that was thought dead comes back in the middle of its write, after another one has done the work. */

let running: RunningSync;

afterEach(() => running.tearDown());

/** Has something happen between what a cycle has decided and the request that it sends for it, once. */
function before(method: string, end: string, happens: () => Promise<void>): void {
  let done = false;
  running.proxies.vault.choose(async (sent, url) => {
    if (done || sent !== method || !url.endsWith(end)) return undefined;
    done = true;
    await happens();
    return undefined;
  });
}

test('a write that comes late does not undo what was written in between, and adds no version', async () => {
  running = await RunningSync.create({ secrets: ['a'] });
  const { sync } = running;
  await sync.originVault.put(sync.mount, 'a', { value: 'second' });
  await sync.cycle('origin');
  before('POST', '/data/a', async () => {
    await sync.originVault.put(sync.mount, 'a', { value: 'third' });
    await sync.destinationVaults[0]?.put(sync.mount, 'a', { value: 'third' });
  });
  expect(await sync.cycle('destination')).toMatchObject({ counts: { updated: 0, skipped: 1, failed: 0 } });
  expect(await running.at('a')).toEqual([{ value: 'third' }, 2]);
  await sync.cycle('origin');
  await sync.cycle('destination');
  expect(await running.at('a')).toEqual([{ value: 'third' }, 2]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});

test('a first write that comes late does not overwrite what came to stand there', async () => {
  running = await RunningSync.create({});
  const { sync } = running;
  await running.put('new');
  await sync.cycle('origin');
  before('POST', '/data/new', async () => {
    await sync.originVault.put(sync.mount, 'new', { value: 'newer' });
    await sync.destinationVaults[0]?.put(sync.mount, 'new', { value: 'newer' });
  });
  expect(await sync.cycle('destination')).toMatchObject({ counts: { added: 0, skipped: 1, failed: 0 } });
  expect(await running.at('new')).toEqual([{ value: 'newer' }, 1]);
});

test('a delete that comes late does not hit a version that was written in between', async () => {
  running = await RunningSync.create({ secrets: ['a', 'b', 'c'] });
  const { sync } = running;
  await sync.originVault.delete(sync.mount, 'a');
  await sync.cycle('origin');
  before('POST', '/delete/a', async () => {
    await sync.originVault.put(sync.mount, 'a', { value: 'back' });
    await sync.destinationVaults[0]?.put(sync.mount, 'a', { value: 'back' });
  });
  await sync.cycle('destination');
  expect(await running.at('a')).toEqual([{ value: 'back' }, 2]);
  await sync.cycle('origin');
  await sync.cycle('destination');
  expect(await running.at('a')).toEqual([{ value: 'back' }, 2]);
  expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged' });
});
