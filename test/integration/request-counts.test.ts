import { makePaths, makeValue } from '../../dev/shared/sample-secrets';
import { cyclesOf } from '../../src/temporal/schedule';
import { CountedServers } from '../../dev/shared/counted-servers';
import { vaultKind as serverKind } from '../../dev/servers/start';
import { sharedServers } from '../support/shared-servers';
import { SyncFixture } from '../support/sync-fixture';
import { inParallel } from '../../dev/shared/wait';

/** Two sizes, so that a count that depends on the number of secrets fails with one of them. */
const SIZES = [30, 240];
const BUCKETS = 64;
const SEED = 6;

/**
 * Most events of a cycle with one chunk or group. A few vary with how many answers arrive at the same time. Each chunk
 * or group adds about six, so that a cycle with 128 of them stays under 2,000.
 */
const MAX_EVENTS = { nothing: 24, scan: 36, copy: 48 };
/** Most bytes of such a cycle. With 128 chunks a cycle stays under 1 MB. */
const MAX_BYTES = 16_000;

type Role = 'origin' | 'destination';

/** A sync with this many secrets, and proxies in front of all its servers. */
class CountedSync {
  private constructor(
    readonly sync: SyncFixture,
    readonly paths: readonly string[],
    private readonly servers: CountedServers,
  ) {}

  static async create(secrets: number): Promise<CountedSync> {
    const { origin, destinations, consul } = sharedServers();
    const [{ address: destination }] = destinations;
    const servers = await CountedServers.before({ origin: origin.address, destination, consul });
    const { addresses } = servers;
    const sync = await SyncFixture.create({
      numBuckets: BUCKETS,
      destinationVault: addresses.destination,
      edit: (file) => {
        for (const section of [file['origin'], file['destination']]) {
          if (section !== undefined) (section as { consul: object }).consul = { address: addresses.consul };
        }
        (file['origin'] as { vault: { address: string } }).vault.address = addresses.origin;
      },
    });
    // The workers start before the secrets exist, so that a test counts the first copy.
    await sync.run();
    const { paths } = makePaths({ mount: sync.mount, secrets, folders: secrets / 10, seed: SEED });
    await inParallel(paths, 16, async (path) => {
      await sync.originVault.put(sync.mount, path, makeValue(SEED, path));
    });
    await sync.cycle('origin');
    return new CountedSync(sync, paths, servers);
  }

  /** Runs a cycle. @returns its result, its requests to each server by kind, and its writes to Consul */
  async cycle(role: Role) {
    this.servers.take();
    const result = await this.sync.cycle(role);
    const { requests, writes } = this.servers.take();
    const { 'origin Vault': originVault, 'destination Vault': vault, Consul: consul } = requests;
    return { result, originVault, vault, consul, writes, history: await this.historyOfLast(role) };
  }

  async tearDown(): Promise<void> {
    await this.sync.tearDown();
    await this.servers.close();
  }

  private async historyOfLast(role: Role): Promise<{ events: number; bytes: number }> {
    const last = cyclesOf(await this.sync.schedule(role).describe()).at(-1);
    const handle = this.sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId);
    const { historyLength, raw } = await handle.describe();
    return { events: historyLength, bytes: Number(raw.workflowExecutionInfo?.historySizeBytes) };
  }
}

describe.each(SIZES)('with %d secrets,', (secrets) => {
  let counted: CountedSync;

  beforeAll(async () => {
    counted = await CountedSync.create(secrets);
  });

  afterAll(async () => {
    await counted.tearDown();
  });

  test('the first copy reads and writes each secret once, with a short history', async () => {
    const { result, originVault, vault, history } = await counted.cycle('destination');
    expect(result).toMatchObject({ outcome: 'synced', counts: { added: secrets, failed: 0 } });
    expect(originVault['read value']).toBe(secrets);
    expect(vault['write value']).toBe(secrets);
    expect(history.events).toBeLessThanOrEqual(MAX_EVENTS.copy);
    expect(history.bytes).toBeLessThan(MAX_BYTES);
  });

  test('an unchanged destination cycle makes 8 requests, whatever the number of secrets', async () => {
    const { result, originVault, vault, consul, history } = await counted.cycle('destination');
    expect(result.outcome).toBe('unchanged');
    expect({ originVault, vault, consul }).toEqual({
      originVault: { capabilities: 1, mount: 1 },
      vault: { capabilities: 1, mount: 1 },
      consul: { 'read index': 2, 'read state': 1, 'read unsaved': 1 },
    });
    expect(history.events).toBeLessThanOrEqual(MAX_EVENTS.nothing);
    expect(history.bytes).toBeLessThan(MAX_BYTES);
  });

  test('unchanged cycles write nothing to Consul', async () => {
    for (const role of ['origin', 'destination'] as const) {
      const { result, writes } = await counted.cycle(role);
      expect(result.outcome).toBe('unchanged');
      expect(writes).toEqual({ transactions: 0, keys: [], staged: 0 });
    }
  });

  test('an origin cycle reads the metadata of each secret once and lists each folder once, with 5 other requests to its Vault', async () => {
    const { result, originVault, history } = await counted.cycle('origin');
    expect(result).toMatchObject({ outcome: 'unchanged', counts: { read: secrets } });
    const { 'read metadata': read = 0, list, ...rest } = originVault;
    // The root token of OpenBao may list metadata.
    expect(read).toBe(serverKind() === 'bao' ? 0 : secrets);
    expect(list).toBe(foldersOf(counted.paths));
    expect(rest).toEqual({ capabilities: 1, mount: 4 });
    expect(history.events).toBeLessThanOrEqual(MAX_EVENTS.scan);
    expect(history.bytes).toBeLessThan(MAX_BYTES);
  });

  test('an origin cycle with one changed secret writes bucket, index and state in one transaction, and stages one value', async () => {
    const { sync, paths } = counted;
    await sync.originVault.put(sync.mount, paths[0] ?? '', { changed: true });
    const { result, writes } = await counted.cycle('origin');
    expect(result.outcome).toBe('synced');
    const names = writes.keys.map((key) => key.slice(sync.infoPrefix('origin').length));
    expect({ ...writes, keys: names }).toEqual({
      transactions: 1,
      keys: [expect.stringMatching(/^\d+$/), 'index', 'state'],
      // With known metadata, the changed chunk and its manifest are staged too.
      staged: serverKind() === 'bao' ? 3 : 1,
    });
    const copied = await counted.cycle('destination');
    expect(copied.result).toMatchObject({ outcome: 'synced', counts: { updated: 1, read: 1 } });
    expect(copied.vault['write value']).toBe(1);
  });
});

/** Number of folders that Vault lists: those with content, and the mount itself. */
function foldersOf(paths: readonly string[]): number {
  const folders = new Set(['']);
  for (const path of paths) {
    const parts = path.split('/').slice(0, -1);
    parts.forEach((_, depth) => folders.add(parts.slice(0, depth + 1).join('/')));
  }
  return folders.size;
}
