import { createHash } from 'node:crypto';
import { VaultRequests } from '../../dev/shared/vault-requests';
import { cyclesOf } from '../../src/temporal/schedule';
import { sharedServers } from '../support/shared-servers';
import { largestPayload } from '../support/shares';
import { SyncFixture } from '../support/sync-fixture';
import { inParallel } from '../../dev/shared/wait';

/** Entries of one folder, all of them in the answer to one LIST. */
const WIDE = 20_000;
const LEVELS = 50;
/** Secrets, and side folders, on each level. */
const ON_LEVEL = 4;
const LONG_PATHS = 600;
const LONG_PATH_CHARACTERS = 1_000;
const MIB = 2 ** 20;
const LARGE = ['just', 'under', 'fits'];

/** Far below Temporal's limit of 2 MB, and below the 256 KB from which it warns. */
const MAX_PAYLOAD_BYTES = 64_000;
const MAX_HISTORY_BYTES = 1_000_000;

/** Data that is large in several ways, in one mount. The second test needs what the first one published. */
describe('with large shapes,', () => {
  let sync: SyncFixture;
  const wide = [...Array(WIDE).keys()].map((n) => `wide/an-entry-of-one-very-large-folder-${n}`);
  const picked = wide.filter((path) => path.endsWith('77'));
  const deep = treePaths();
  const long = [...Array(LONG_PATHS).keys()].map(longPath);
  const large = LARGE.map((name) => `large/${name}`);
  const wanted = [...picked, ...deep, ...long, ...large];

  beforeAll(async () => {
    sync = await SyncFixture.create({
      numBuckets: 64,
      timeout: '5m',
      edit: (file) => {
        const section = file['origin'] as { mounts: string[]; include: string[] };
        // The wide folder is listed completely. To read and copy all of it would take long, and test nothing more.
        const wanted = ['deep/**', 'long/**', 'large/**', 'wide/*77'];
        section.include = wanted.map((glob) => (section.mounts[0] ?? '') + glob);
      },
    });
    await sync.run();
    const { address, rootToken: token } = sharedServers().origin;
    // Bare requests, because there are more than 20,000.
    const vault = new VaultRequests({ address, token }, 16);
    await inParallel([...wide, ...deep, ...long], 16, (path) => vault.writeValue(sync.mount, path, { v: 1 }));
    await vault.close();
    for (const path of large) await sync.originVault.put(sync.mount, path, { value: valueOf(path) });
  });

  afterAll(async () => {
    await sync.tearDown();
  });

  async function historyOfLast(role: 'origin' | 'destination') {
    const last = cyclesOf(await sync.schedule(role).describe()).at(-1);
    const handle = sync.client.workflow.getHandle(last?.workflowId ?? '', last?.runId);
    const { raw } = await handle.describe();
    return {
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes),
      payload: largestPayload(await handle.fetchHistory()),
    };
  }

  test('origin cycle lists and publishes a folder of 20,000 entries, a tree of 50 levels and paths of 1,000 characters', async () => {
    const secrets = wanted.length;
    const result = await sync.cycle('origin');
    expect(result).toMatchObject({
      outcome: 'synced',
      counts: { listed: secrets, read: secrets, unknown: 0 },
    });
    const { bytes, payload } = await historyOfLast('origin');
    expect(bytes).toBeLessThan(MAX_HISTORY_BYTES);
    expect(payload).toBeGreaterThan(0);
    expect(payload).toBeLessThan(MAX_PAYLOAD_BYTES);
  });

  test('destination cycle copies all of these paths, and secrets of 1 MiB', async () => {
    expect(await sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: wanted.length, failed: 0, unknown: 0 },
    });
    const { bytes, payload } = await historyOfLast('destination');
    expect(bytes).toBeLessThan(MAX_HISTORY_BYTES);
    expect(payload).toBeGreaterThan(0);
    expect(payload).toBeLessThan(MAX_PAYLOAD_BYTES);
    const [vault] = sync.destinationVaults;
    for (const path of large) {
      expect(await vault?.get(sync.mount, path)).toEqual({ value: valueOf(path) });
    }
    for (const path of [picked[0], deep.at(-1), long.at(-1)])
      expect(await vault?.get(sync.mount, path ?? '')).toEqual({ v: 1 });
    expect(await sync.cycle('destination')).toMatchObject({ outcome: 'unchanged', counts: { read: 0 } });
  });
});

/** A deep tree. Each level has some secrets, and some side folders with one secret each. */
function treePaths(): string[] {
  const paths: string[] = [];
  let folder = 'deep/';
  for (let level = 1; level <= LEVELS; level++) {
    for (let n = 0; n < ON_LEVEL; n++) paths.push(`${folder}secret-${n}`, `${folder}side-${n}/secret`);
    folder += `level-${level}/`;
  }
  return [...paths, `${folder}deepest`];
}

/** Text that hardly compresses, in one of two folders. */
function longPath(number: number): string {
  const parts: string[] = [];
  for (let n = 0; parts.join('/').length < LONG_PATH_CHARACTERS; n++)
    parts.push(createHash('sha512').update(`${number}/${n}`).digest('base64url'));
  const name = parts.join('-').slice(0, LONG_PATH_CHARACTERS - 'long/0/'.length);
  return `long/${number % 2}/${name}`;
}

/** A text of one MiB, of a little less, or of less than the 512 KiB that a Vault with its storage in Consul accepts. */
function valueOf(path: string): string {
  const bytes = { just: MIB, under: MIB - 1024, fits: 500 * 1024 }[path.slice('large/'.length)] ?? 0;
  return path.slice(-1).repeat(bytes);
}
