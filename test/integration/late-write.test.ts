import { RunningSync } from '../support/running-sync';

/** Invariant 9: a worker that was considered dead sends its write after another one has done the work. */

let running: RunningSync;

afterEach(() => running.tearDown());

/** Runs `happens` once, between a decision of the cycle and the request that follows from it. */
function before(method: string, end: string, happens: () => Promise<void>): void {
  let done = false;
  running.proxies.vault.choose(async (sent, url) => {
    if (done || sent !== method || !url.endsWith(end)) return undefined;
    done = true;
    await happens();
    return undefined;
  });
}

test('destination cycle whose write is late undoes nothing that was written in between, and adds no version', async () => {
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

test('destination cycle whose first write is late does not overwrite a secret that was created in between', async () => {
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

test('destination cycle whose delete is late does not delete a version that was written in between', async () => {
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
