import { loadConfig } from '../../src/config/load';
import type { DestinationConfig } from '../../src/config/schema';
import type { SecretAnswer } from '../../src/syncer/secrets/answer';
import { SecretsQuestion, type QuestionOptions } from '../../src/syncer/secrets/secrets-question';
import { FaultProxy } from '../support/fault-proxy';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture, type FixtureOptions } from '../support/sync-fixture';

/** Whether a secret is at every destination, as `vsync synced` and `/v1/secrets/synced` ask it. */

const open: SyncFixture[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((sync) => sync.tearDown()));
});

async function running(options: FixtureOptions = {}): Promise<SyncFixture> {
  const sync = await SyncFixture.create(options);
  open.push(sync);
  await sync.run();
  if (options.destinations === 2) {
    await sync.start('destination', 1);
    await sync.stopWatch(1);
  }
  return sync;
}

function configsOf(sync: SyncFixture): DestinationConfig[] {
  return sync.destinationFiles.map((file) => loadConfig('destination', { file, flags: {}, env: {} }).config);
}

async function ask(
  sync: SyncFixture,
  rel: string,
  options: Partial<QuestionOptions> = {},
): Promise<SecretAnswer> {
  const question = new SecretsQuestion(configsOf(sync));
  try {
    const place = question.placeOf(sync.mount + rel);
    return await question.ask(place, { signal: new AbortController().signal, ...options });
  } finally {
    await question.close();
  }
}

/** The answer in lines: the verdict, then state and detail of each destination. */
async function lines(...of: Parameters<typeof ask>): Promise<string[]> {
  const { verdict, destinations } = await ask(...of);
  return [verdict, ...destinations.map(({ state, detail }) => `${state}: ${detail}`)];
}

describe('SecretsQuestion', () => {
  test('follows a secret from the origin to each destination', async () => {
    const sync = await running({ destinations: 2 });
    expect(await ask(sync, 'app')).toMatchObject({
      path: `${sync.mount}data/app`,
      verdict: 'NotSynced',
      destinations: [
        { name: `d0-${sync.id}`, state: 'deleted' },
        { name: `d1-${sync.id}`, state: 'deleted' },
      ],
    });
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    const unpublished = "behind: it does not have the secret; the origin's next cycle publishes it";
    expect(await lines(sync, 'app')).toEqual(['NotSynced', unpublished, unpublished]);
    await sync.cycle('origin');
    await sync.cycle('destination', 0);
    expect(await lines(sync, 'app')).toEqual([
      'Partialy',
      'synced: has version 1',
      'behind: it does not have the secret; the next cycle of the destination copies it',
    ]);
    await sync.cycle('destination', 1);
    expect(await lines(sync, 'app')).toEqual(['Synced', 'synced: has version 1', 'synced: has version 1']);
    expect(await ask(sync, 'app')).toMatchObject({ destinations: [{ version: 1 }, { version: 1 }] });

    await sync.originVault.put(sync.mount, 'app', { a: 2 });
    expect(await lines(sync, 'app')).toEqual([
      'NotSynced',
      "behind: it has version 1; the origin's next cycle publishes it",
      "behind: it has version 1; the origin's next cycle publishes it",
    ]);
  });

  test('does not take an old copy for a secret that was created again with the same version', async () => {
    const sync = await running();
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.originVault.request('DELETE', `${sync.mount}metadata/app`);
    await sync.originVault.put(sync.mount, 'app', { a: 2 });
    const [verdict, detail] = await lines(sync, 'app');
    expect(verdict).toBe('NotSynced');
    expect(detail).toMatch(
      /^behind: it has version 1 of \S+, from before the secret was created again; the origin's/,
    );
  });

  test('wakes up when a cycle has saved the index of the destination', async () => {
    const consul = await FaultProxy.before(sharedServers().consul);
    const sync = await running({
      edit: (file, role) => {
        if (role === 'destination')
          (file['destination'] as { consul: object }).consul = { address: consul.address };
      },
    });
    try {
      await sync.originVault.put(sync.mount, 'app', { a: 1 });
      await sync.cycle('origin');
      consul.choose(() => undefined);
      const seen: string[] = [];
      let isAsking: () => void = () => undefined;
      const asking = new Promise<void>((resolve) => (isAsking = resolve));
      const answer = ask(sync, 'app', {
        waitMs: 60_000,
        onAnswer: ({ verdict }) => {
          seen.push(verdict);
          isAsking();
        },
      });
      await asking;
      await sync.cycle('destination');
      expect(await answer).toMatchObject({ verdict: 'Synced', destinations: [{ state: 'synced' }] });
      expect(new Set(seen)).toEqual(new Set(['NotSynced']));
      const blocking = consul.requests.filter((request) =>
        /%2Findex\?.*\bindex=[1-9]\d*&wait=60s/.test(request),
      );
      expect(blocking).not.toEqual([]);
    } finally {
      open.splice(0);
      await sync.tearDown();
      await consul.close();
    }
  });

  test('gives up when the wait is over, and keeps the last answer', async () => {
    const sync = await running();
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    expect(await ask(sync, 'app', { waitMs: 100 })).toMatchObject({
      verdict: 'NotSynced',
      destinations: [{ state: 'behind' }],
    });
  });

  test('answers for one destination while the other is down', async () => {
    const consul = await FaultProxy.before(sharedServers().consul);
    const sync = await running({ destinations: 2 });
    try {
      await sync.originVault.put(sync.mount, 'app', { a: 1 });
      await sync.cycle('origin');
      await sync.cycle('destination', 0);
      await sync.cycle('destination', 1);
      const [first, second] = configsOf(sync) as [DestinationConfig, DestinationConfig];
      consul.choose(() => 'reset');
      second.destination.consul.address = consul.address;
      const question = new SecretsQuestion([first, second]);
      const place = question.placeOf(`${sync.mount}app`);
      const { verdict, destinations } = await question.ask(place, { signal: new AbortController().signal });
      expect(verdict).toBe('Partialy');
      expect(destinations).toMatchObject([{ state: 'synced' }, { state: 'failed' }]);
      expect(destinations[1]?.detail).toContain(`Consul ${consul.address}: `);
      // It is asked again once it is back.
      consul.choose(() => undefined);
      expect(await question.ask(place, { signal: new AbortController().signal })).toMatchObject({
        verdict: 'Synced',
      });
      await question.close();
    } finally {
      await consul.close();
    }
  });

  test('fails for every destination while the Vault of the origin is down', async () => {
    const vault = await FaultProxy.before(sharedServers().origin.address);
    const sync = await running();
    vault.choose(() => ({ status: 503 }));
    const [config] = configsOf(sync) as [DestinationConfig];
    config.origin.vault.address = vault.address;
    const question = new SecretsQuestion([config]);
    const answer = await question.ask(question.placeOf(`${sync.mount}app`), {
      signal: new AbortController().signal,
    });
    expect(answer).toMatchObject({ verdict: 'NotSynced', destinations: [{ state: 'failed' }] });
    expect(answer.destinations[0]?.detail).toContain(`Vault ${vault.address}: ${sync.mount}metadata/app: `);
    await question.close();
    await vault.close();
  });

  test('does not count a newer version than the one that the origin answers with, unless the values are equal', async () => {
    const vault = await FaultProxy.before(sharedServers().origin.address);
    const sync = await running();
    try {
      const [config] = configsOf(sync) as [DestinationConfig];
      config.origin.vault.address = vault.address;
      const question = new SecretsQuestion([config]);
      const answer = async (options: Partial<QuestionOptions> = {}): Promise<SecretAnswer> =>
        question.ask(question.placeOf(`${sync.mount}app`), {
          signal: new AbortController().signal,
          ...options,
        });
      await sync.originVault.put(sync.mount, 'app', { a: 1 });
      vault.remember(true);
      await answer();
      vault.remember(false);
      await sync.originVault.put(sync.mount, 'app', { a: 2 });
      await sync.cycle('origin');
      await sync.cycle('destination');
      let left = Infinity;
      vault.choose((_method, url) => (url.includes('/metadata/app') && left-- > 0 ? 'stale' : undefined));
      const older = await answer();
      expect(older).toMatchObject({
        verdict: 'NotSynced',
        destinations: [{ state: 'behind', version: 1 }],
      });
      expect(older.destinations[0]?.detail).toMatch(
        /^it has version 2, and the origin answers with version 1,/,
      );
      expect(await answer({ verify: true })).toMatchObject({
        verdict: 'Synced',
        destinations: [{ detail: 'has version 2, and the same value' }],
      });
      await sync.destinationVaults[0]?.put(sync.mount, 'app', { a: 'by hand' });
      expect(await answer({ verify: true })).toMatchObject({ destinations: [{ state: 'behind' }] });
      // The second read is the current one, as if the secret had been written between the two.
      left = 1;
      expect(await answer()).toMatchObject({
        verdict: 'Synced',
        destinations: [{ state: 'synced', version: 2 }],
      });
      await question.close();
    } finally {
      await vault.close();
    }
  });

  test('does not take the old version of a standby that lags for the one that was written', async () => {
    const sync = await running();
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await lines(sync, 'app', { atLeast: 1 })).toEqual(['Synced', 'synced: has version 1']);
    expect(await lines(sync, 'app', { atLeast: 2 })).toEqual([
      'NotSynced',
      'behind: the origin answers with version 1, an older one than 2; a standby may lag',
    ]);
  });

  test('tells a held delete from one that has happened', async () => {
    const sync = await running({
      edit: (file) => {
        file['maxDeletes'] = 0;
      },
    });
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    await sync.originVault.put(sync.mount, 'other', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    await sync.originVault.delete(sync.mount, 'app');
    expect(await lines(sync, 'app')).toEqual([
      'NotSynced',
      'deleted: version 1 is deleted at the origin; the next cycles delete the copy',
    ]);
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await lines(sync, 'app')).toEqual([
      'NotSynced',
      'held: version 1 is deleted at the origin; the delete of the copy waits for "vsync approve -c FILE": 1 are more than maxDeletes, 0',
    ]);
    await sync.approve();
    await sync.cycle('destination');
    expect(await lines(sync, 'app')).toEqual([
      'NotSynced',
      'deleted: version 1 is deleted at the origin, and this destination has no copy',
    ]);
  });

  test('follows the transforms, and names a collision', async () => {
    const sync = await running({
      transforms: [{ name: 'flat', from: '/data/(?P<team>[ab])/(?P<rest>.*)$', to: 'kv/data/rest' }],
    });
    const target = 'kv/data/app';
    await sync.originVault.put(sync.mount, 'a/app', { a: 1 });
    await sync.cycle('origin');
    expect(await ask(sync, 'a/app')).toMatchObject({ destinations: [{ state: 'behind', to: target }] });
    await sync.originVault.put(sync.mount, 'b/app', { b: 1 });
    // It is not published yet, and would be refused.
    expect(await lines(sync, 'b/app')).toEqual([
      'NotSynced',
      `refused: ${sync.mount}data/a/app would land on the same path; neither is copied`,
    ]);
    await sync.cycle('origin');
    expect(await lines(sync, 'a/app', { waitMs: 60_000 })).toEqual([
      'NotSynced',
      `refused: ${sync.mount}data/b/app would land on the same path; neither is copied`,
    ]);
  });

  test('names the filter that excludes a secret, and counts the other destinations only', async () => {
    const sync = await running({
      destinations: 2,
      edit: (file, role) => {
        const origin = file['origin'] as { exclude?: string[]; mounts: string[] };
        if (role === 'origin') origin.exclude = [`${origin.mounts[0] ?? ''}private/**`];
        const destination = file['destination'] as { exclude: string[]; mounts: string[] } | undefined;
        if (destination !== undefined && String(file['name']).startsWith('d0'))
          destination.exclude = [`${destination.mounts[0] ?? ''}local/**`];
      },
    });
    await sync.originVault.put(sync.mount, 'local/app', { a: 1 });
    await sync.originVault.put(sync.mount, 'private/app', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination', 1);
    expect(await lines(sync, 'local/app')).toEqual([
      'Synced',
      'excluded: destination.include and destination.exclude leave it out',
      'synced: has version 1',
    ]);
    const unpublished = 'excluded: the origin does not publish it (origin.include, origin.exclude)';
    expect(await lines(sync, 'private/app')).toEqual(['NotSynced', unpublished, unpublished]);
  });

  test('names a loop and a secret that is its own copy, where origin and destination are one Vault', async () => {
    const { origin } = sharedServers();
    const sync = await running({
      transforms: [
        { name: 'copies', from: '^(?P<mount>[^/]+)/data/(?P<rest>pub/.*)$', to: 'mount/data/copies/rest' },
      ],
      edit: (file, role) => {
        const vault = { address: origin.address, token: origin.rootToken };
        if (role === 'destination') Object.assign(file['destination'] as object, { vault });
      },
    });
    await sync.originVault.put(sync.mount, 'pub/app', { a: 1 });
    await sync.originVault.put(sync.mount, 'own', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    // Its copy would be a secret of the origin again.
    expect(await lines(sync, 'pub/app')).toEqual([
      'NotSynced',
      expect.stringContaining('refused: origin and destination are one Vault, and'),
    ]);
    expect(await lines(sync, 'own')).toEqual([
      'Synced',
      'synced: origin and destination are one Vault, and this secret is its own copy',
    ]);
  });

  test('compares the values with verify, and reports a copy that was changed or removed by hand', async () => {
    const sync = await running();
    const [vault] = sync.destinationVaults;
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    expect(await lines(sync, 'app', { verify: true })).toEqual([
      'Synced',
      'synced: has version 1, and the same value',
    ]);
    await vault?.put(sync.mount, 'app', { a: 'by hand' });
    expect(await lines(sync, 'app')).toEqual(['Synced', 'synced: has version 1']);
    const repair = 'a cycle repairs it: vsync verify --repair -c FILE';
    expect(await lines(sync, 'app', { verify: true, waitMs: 60_000 })).toEqual([
      'NotSynced',
      `differs: the value at the destination is another one; ${repair}`,
    ]);
    await vault?.delete(sync.mount, 'app');
    expect(await lines(sync, 'app', { verify: true })).toEqual([
      'NotSynced',
      `differs: the current version is deleted at the destination; ${repair}`,
    ]);
  });

  test('counts no claim that was made with another configuration, or that belongs to another sync', async () => {
    const sync = await running();
    await sync.originVault.put(sync.mount, 'app', { a: 1 });
    await sync.cycle('origin');
    await sync.cycle('destination');
    const askWith = async (change: (config: DestinationConfig) => void): Promise<SecretAnswer> => {
      const [config] = configsOf(sync) as [DestinationConfig];
      change(config);
      const question = new SecretsQuestion([config]);
      const answer = await question.ask(question.placeOf(`${sync.mount}app`), {
        signal: new AbortController().signal,
      });
      await question.close();
      return answer;
    };
    const moved = await askWith(({ destination }) => {
      destination.transforms = [{ name: 't', from: '/data/(?P<all>.*)$', to: 'kv/data/all' }];
    });
    expect(moved).toMatchObject({ verdict: 'NotSynced', destinations: [{ state: 'behind' }] });
    expect(moved.destinations[0]?.detail).toContain(
      'its last cycle ran with another configuration than this file has',
    );
    const renamed = await askWith((config) => {
      config.name = 'another';
    });
    expect(renamed).toMatchObject({
      verdict: 'NotSynced',
      destinations: [{ name: 'another', state: 'failed' }],
    });
    expect(renamed.destinations[0]?.detail).toContain(`is the sync info of d0-${sync.id}`);
  });

  test('refuses two files of one destination', async () => {
    const sync = await SyncFixture.create();
    open.push(sync);
    const [config] = configsOf(sync) as [DestinationConfig];
    expect(() => new SecretsQuestion([config, config])).toThrow(
      `two of the configurations are of the destination d0-${sync.id}`,
    );
  });
});
