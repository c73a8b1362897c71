import type { WorkflowFailedError } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { copySecrets } from '../../src/activities/destination/copy-secrets';
import type { DestinationDeps } from '../../src/activities/destination/deps';
import { diffIndices } from '../../src/activities/destination/diff-indices';
import { guardDeletes } from '../../src/activities/destination/guard-deletes';
import { preflight } from '../../src/activities/destination/preflight';
import { toFailure } from '../../src/activities/failures';
import { createClients } from '../../src/clients';
import type { ConsulStore } from '../../src/consul/client';
import { openStore } from '../../src/consul/datacenter';
import { SyncInfo } from '../../src/consul/sync-info';
import { bucketId } from '../../src/sync/bucket';
import { failedCycle } from '../../src/status';
import type { CycleResult, PathFailure } from '../../src/workflows/messages';
import { FaultProxy, type Fault } from '../support/fault-proxy';
import { RunningSync } from '../support/running-sync';

/**
 * Rule 2, fault by fault: whatever a server answers instead of the truth, nothing is deleted at the destination for
 * it, the answer is told by its class, and the next cycle without the fault does what is to be done.
 *
 * All faults of one place are met by one cycle, and the places are tried at the same time, because a timeout takes
 * as long as it does in production.
 */

interface Case {
  fault: Fault;
  /** Class of a path for which Vault answered so. */
  vault: string;
  /** Type of the failure of a step for which Consul answered so, and words of its message. */
  consul: [type: string, words: string];
}

const json = (status: number, text: string, headers = {}): Fault => ({
  status,
  body: JSON.stringify({ errors: [text] }),
  headers,
});
const NOT_CONSULS = 'the answer is not in the form that Consul sends';
const NO_ANSWER = 'no usable answer (';

const CASES: Readonly<Record<string, Case>> = {
  "a 404 with somebody else's body": {
    fault: { status: 404, body: '<html>not found</html>' },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
  'a 403': {
    fault: json(403, 'permission denied'),
    vault: 'forbidden',
    consul: ['ConsulForbidden', 'permission denied (403)'],
  },
  'a 429 with Retry-After': {
    fault: json(429, 'rate limit quota exceeded', { 'retry-after': '1' }),
    vault: 'throttled',
    consul: ['ConsulUnavailable', 'Consul cannot answer now (429)'],
  },
  'a 412': {
    fault: json(412, 'required index state not present'),
    vault: 'unavailable',
    consul: ['ConsulRejected', 'the request was refused (412)'],
  },
  'a 500': {
    fault: json(500, 'internal error'),
    vault: 'unavailable',
    consul: ['ConsulUnavailable', 'Consul cannot answer now (500)'],
  },
  'a 503 of a sealed Vault': {
    fault: json(503, 'Vault is sealed'),
    vault: 'sealed',
    consul: ['ConsulUnavailable', 'Consul cannot answer now (503)'],
  },
  'no answer at all': {
    fault: 'hang',
    vault: 'unavailable',
    consul: ['ConsulUnavailable', 'no answer within 10 s'],
  },
  'a closed connection': { fault: 'reset', vault: 'unavailable', consul: ['ConsulUnavailable', NO_ANSWER] },
  'half an answer': { fault: 'truncated', vault: 'unavailable', consul: ['ConsulUnavailable', NO_ANSWER] },
  'truncated JSON': {
    fault: { status: 200, body: '{"data":{"keys":["a"', headers: { 'content-type': 'application/json' } },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
  'HTML with status 200': {
    fault: { status: 200, body: '<html>log in</html>', headers: { 'content-type': 'text/html' } },
    vault: 'malformed',
    consul: ['ConsulUnavailable', NOT_CONSULS],
  },
};
const NAMES = Object.keys(CASES);
const LIST = Object.values(CASES);

/** Longer than a request that is never answered, with all its repetitions. */
const PATIENT = '5m';
const signal = new AbortController().signal;

/** What one place has shown. */
interface Shown {
  /** The cycle that met the faults. */
  met: CycleResult;
  /** Secrets of the fault with this number that stood at the destination after it: value and version. */
  standing: [value: unknown, version: number | undefined][][];
  /** The cycles of both roles after it, without any fault. */
  next: { origin: CycleResult; destination: CycleResult };
}

const open: RunningSync[] = [];

async function start(options: Parameters<typeof RunningSync.create>[0]): Promise<RunningSync> {
  const running = await RunningSync.create({ timeout: PATIENT, numBuckets: 64, ...options });
  open.push(running);
  return running;
}

/** Number of the fault that a path was made for: `f3/x` and `m3` belong to the fourth. */
function numberIn(pattern: RegExp, url: string): number | undefined {
  const digits = pattern.exec(url)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

async function next(running: RunningSync): Promise<Shown['next']> {
  running.mendAll();
  const origin = await running.sync.cycle('origin');
  return { origin, destination: await running.sync.cycle('destination') };
}

function standingOf(running: RunningSync, paths: (number: number) => string[]): Promise<Shown['standing']> {
  return Promise.all(LIST.map((_, number) => Promise.all(paths(number).map((path) => running.at(path)))));
}

/** The origin's scan: folders `f<n>/` whose LIST meets the fault, or secrets `m<n>` whose metadata do. */
async function scan(place: 'LIST' | 'metadata'): Promise<Shown> {
  const paths = (number: number): string[] =>
    place === 'LIST' ? [`f${number}/x`, `f${number}/deep/y`] : [`m${number}`];
  const secrets = LIST.flatMap((_, number) => paths(number));
  const running = await start({ secrets: [...secrets, 'gone', 'stays'] });
  const { sync, proxies } = running;
  // A delete that is meant, beside all those that are not.
  await sync.originVault.delete(sync.mount, 'gone');
  const pattern = place === 'LIST' ? /\/metadata\/f(\d+)\/?$/ : /\/metadata\/m(\d+)$/;
  proxies.originVault.choose((method, url) => {
    const number = method === (place === 'LIST' ? 'LIST' : 'GET') ? numberIn(pattern, url) : undefined;
    return number === undefined ? undefined : LIST[number]?.fault;
  });
  const met = await sync.cycle('origin');
  const applied = await sync.cycle('destination');
  expect([applied.outcome, applied.counts.deleted]).toEqual(['synced', 1]);
  expect(await running.at('gone')).toEqual([undefined, 1]);
  return { met, standing: await standingOf(running, paths), next: await next(running) };
}

/** The question to the origin before a delete: the first one (`q<n>`), or the last one (`s<n>`). */
async function ask(place: 'first' | 'last'): Promise<Shown> {
  const letter = place === 'first' ? 'q' : 's';
  const paths = (number: number): string[] => [`${letter}${number}`];
  const running = await start({
    secrets: [...LIST.flatMap((_, number) => paths(number)), 'gone', 'stays'],
    edit: (file) => (file['maxDeletes'] = '100%'),
  });
  const { sync, proxies } = running;
  for (const path of [...LIST.flatMap((_, number) => paths(number)), 'gone'])
    await sync.originVault.delete(sync.mount, path);
  await sync.cycle('origin');
  const asked = new Set<string>();
  proxies.originVault.choose((_method, url) => {
    const number = numberIn(/\/metadata\/[qs](\d+)$/, url);
    if (number === undefined) return undefined;
    const isFirst = !asked.has(url);
    asked.add(url);
    return place === 'last' && isFirst ? undefined : LIST[number]?.fault;
  });
  const met = await sync.cycle('destination');
  expect(asked.size).toBe(LIST.length);
  expect(await running.at('gone')).toEqual([undefined, 1]);
  return { met, standing: await standingOf(running, paths), next: await next(running) };
}

type Place = 'LIST' | 'metadata' | 'first' | 'last';
let shown: Record<Place, Shown>;
let consul: Awaited<ReturnType<typeof readConsul>>;

beforeAll(async () => {
  const [list, metadata, first, last, ofConsul] = await Promise.all([
    scan('LIST'),
    scan('metadata'),
    ask('first'),
    ask('last'),
    readConsul(),
  ]);
  shown = { LIST: list, metadata, first, last };
  consul = ofConsul;
}, 420_000);

afterAll(async () => {
  for (const running of open) await running.tearDown();
}, 120_000);

/** Expects that a fault is told by its class, and that what it was about stands as it stood. */
function expectKept(place: Place, name: string, path: (number: number) => RegExp): void {
  const number = NAMES.indexOf(name);
  const { met, standing } = shown[place];
  const told: PathFailure[] = met.failures.filter((failure) => path(number).test(failure.path));
  expect(told.map((failure) => failure.class)).toEqual([CASES[name]?.vault]);
  expect(standing[number]?.length).toBeGreaterThan(0);
  for (const [value, version] of standing[number] ?? []) {
    expect(value).toEqual({ path: expect.any(String) as unknown });
    expect(version).toBe(1);
  }
}

describe('LIST of a folder answered by', () => {
  test.each(NAMES)('%s: the folder is unknown, and keeps all that it had', (name) => {
    expectKept('LIST', name, (number) => new RegExp(`/f${number}/$`));
  });

  test('all of them: the scan is partial, and the next one without them changes nothing', () => {
    expect(shown.LIST.met).toMatchObject({ outcome: 'partial', counts: { unknown: LIST.length, listed: 2 } });
    expect(shown.LIST.next.origin).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
    expect(shown.LIST.next.destination).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });
  });
});

describe('metadata of a secret answered by', () => {
  test.each(NAMES)('%s: the secret is unknown, and keeps its insight', (name) => {
    expectKept('metadata', name, (number) => new RegExp(`/data/m${number}$`));
  });

  test('all of them: the scan is partial, and the next one without them changes nothing', () => {
    expect(shown.metadata.met).toMatchObject({
      outcome: 'partial',
      counts: { unknown: LIST.length, read: 2 },
    });
    expect(shown.metadata.next.origin).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
    expect(shown.metadata.next.destination).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });
  });
});

describe.each([
  ['first', 'q'],
  ['last', 's'],
] as const)('the %s question to the origin before a delete answered by', (place, letter) => {
  test.each(NAMES)('%s: the secret is not deleted', (name) => {
    expectKept(place, name, (number) => new RegExp(`/data/${letter}${number}$`));
  });

  test('all of them: the cycle is partial, and the next one without them deletes what is gone', () => {
    const { met, next: after } = shown[place];
    expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 1, unknown: LIST.length } });
    expect(after.destination).toMatchObject({
      outcome: 'synced',
      counts: { deleted: LIST.length, unknown: 0 },
    });
  });
});

describe.each(['index', 'bucket'] as const)("the origin's %s in Consul answered by", (place) => {
  test.each(NAMES)('%s: every step that reads it fails, and says so', (name) => {
    const [type, words] = CASES[name]?.consul ?? [];
    const said = consul.failures[place][NAMES.indexOf(name)] ?? [];
    expect(said.map(([given]) => given)).toEqual(Array(place === 'index' ? 3 : 2).fill(type));
    for (const [, message] of said) {
      expect(message).toContain(place === 'index' ? 'origin/index: ' : 'origin/');
      expect(message).toContain(words);
    }
  });
});

test('cycles under such answers of Consul end in words, and the next one deletes what is gone and nothing else', () => {
  expect(consul.cycles).toEqual([
    [
      'failed',
      expect.stringMatching(
        /^ConsulUnavailable: diffIndices: .*origin\/index: the answer is not in the form/,
      ),
    ],
    ['timed-out', expect.stringContaining('the next cycle goes on from there')],
  ]);
  expect(consul.standing).toEqual([
    [{ path: 'gone' }, 1],
    [{ path: 'stays' }, 1],
  ]);
  expect(consul.next.destination).toMatchObject({ outcome: 'synced', counts: { deleted: 1, unknown: 0 } });
  expect(consul.after).toEqual([
    [undefined, 1],
    [{ path: 'stays' }, 1],
  ]);
});

/** A destination that has one delete to do, and cannot read the origin's sync info. */
async function readConsul(): Promise<{
  failures: Record<'index' | 'bucket', [type: string, message: string][][]>;
  cycles: [outcome: string, note: string | undefined][];
  standing: unknown[];
  next: Shown['next'];
  after: unknown[];
}> {
  const running = await start({ secrets: ['gone', 'stays', 'stays2'], timeout: '8s' });
  const { sync, proxies } = running;
  await sync.originVault.delete(sync.mount, 'gone');
  await sync.cycle('origin');
  const both = (): Promise<unknown[]> => Promise.all(['gone', 'stays'].map((path) => running.at(path)));

  const cycles: [string, string | undefined][] = [];
  const html: Fault = { status: 200, body: '<html>log in</html>' };
  for (const key of [/\/origin\/index\b/, /\/origin\/\d+\b/]) {
    proxies.originConsul.choose((_method, url) => (key.test(url) ? html : undefined));
    const ended = await sync
      .cycle('destination')
      .catch((error: unknown) => failedCycle(error as WorkflowFailedError));
    cycles.push([ended.outcome, ended.note]);
  }
  running.mendAll();

  const clients = await createClients(sync.config('destination'));
  if (clients.role !== 'destination') throw new Error('the configuration of a destination makes its clients');
  const { deps } = clients;
  const under = (place: 'index' | 'bucket') =>
    Promise.all(LIST.map(({ fault }) => stepsUnder(running, deps, place, fault)));
  const [index, bucket] = await Promise.all([under('index'), under('bucket')]);
  await clients.close();
  const standing = await both();
  return { failures: { index, bucket }, cycles, standing, next: await next(running), after: await both() };
}
/** A destination's clients that read the origin's sync info through a proxy of their own. */
async function faulted(
  running: RunningSync,
  deps: DestinationDeps,
  place: 'index' | 'bucket',
  fault: Fault,
): Promise<{ deps: DestinationDeps; close: () => Promise<void> }> {
  const proxy = await FaultProxy.before(running.sync.servers.consul);
  const prefix = running.sync.infoPrefix('origin');
  proxy.choose((_method, url) => {
    const key = url.split(`/kv/${prefix}`)[1]?.replace(/\?.*/, '') ?? '';
    return (place === 'index' ? key === 'index' : /^\d+$/.test(key)) ? fault : undefined;
  });
  const store: ConsulStore = await openStore(
    { ...deps.config.origin.consul, address: proxy.address },
    { section: 'origin.consul', indexKey: `${prefix}index` },
  );
  return {
    deps: { ...deps, originInfo: new SyncInfo(store, prefix) },
    close: async () => {
      store.close();
      await proxy.close();
    },
  };
}

/** What each step that reads the origin's sync info says of a fault. */
async function stepsUnder(
  running: RunningSync,
  clean: DestinationDeps,
  place: 'index' | 'bucket',
  fault: Fault,
): Promise<[type: string, message: string][]> {
  const { deps, close } = await faulted(running, clean, place, fault);
  const base = { v: 1, fingerprint: deps.fingerprint } as const;
  const { mounts } = await preflight(clean, signal);
  const { indexRevision, considered = '' } = await diffIndices(clean, { ...base, changed: false }, signal);
  const buckets = [bucketId(running.data('gone'), 64)];
  const steps = [
    ...(place === 'index' ? [() => diffIndices(deps, { ...base, changed: false }, signal)] : []),
    () => guardDeletes(deps, { ...base, buckets, considered, mounts }, signal),
    () =>
      new MockActivityEnvironment().run(() =>
        copySecrets(
          deps,
          { ...base, buckets, mounts, indexRevision, considered, deletes: true },
          signal,
          () => undefined,
        ),
      ),
  ];
  try {
    return await Promise.all(
      steps.map(async (step): Promise<[string, string]> => {
        const error = await (step()).then(
          () => new Error('the step did not fail'),
          (caught: unknown) => caught,
        );
        const failure = toFailure(error);
        return ['type' in failure ? (failure.type ?? '') : '', failure.message];
      }),
    );
  } finally {
    await close();
  }
}
