import type { CycleResult, PathFailure } from '../../src/contract/cycle';
import { RunningSync } from '../support/running-sync';
import { WRONG_ANSWERS } from '../support/wrong-answers';

/**
 * Rule 2, fault by fault: whatever a server answers instead of the truth, nothing is deleted at the destination for
 * it, the answer is told by its class, and the next cycle without the fault does what is to be done.
 *
 * All faults of one place are met by one cycle, and the places are tried at the same time. The Vault itself says all
 * the while that it is well: none of this is taken for an outage.
 */

const NAMES = Object.keys(WRONG_ANSWERS);
const FAULTS = Object.values(WRONG_ANSWERS).map(({ fault }) => fault);

/** Longer than a request that is never answered, with all its repetitions. */
const PATIENT = '2m';
/** A tenth of what production waits for an answer. */
const VAULT_TIMES = { requestTimeoutMs: 2_000 };

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
  const running = await RunningSync.create({
    timeout: PATIENT,
    vaultTimes: VAULT_TIMES,
    numBuckets: 64,
    ...options,
  });
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
  return Promise.all(FAULTS.map((_, number) => Promise.all(paths(number).map((path) => running.at(path)))));
}

/** The origin's scan: folders `f<n>/` whose LIST meets the fault, or secrets `m<n>` whose metadata do. */
async function scan(place: 'LIST' | 'metadata'): Promise<Shown> {
  const paths = (number: number): string[] =>
    place === 'LIST' ? [`f${number}/x`, `f${number}/deep/y`] : [`m${number}`];
  const secrets = FAULTS.flatMap((_, number) => paths(number));
  const running = await start({ secrets: [...secrets, 'gone', 'stays'] });
  const { sync, proxies } = running;
  // A delete that is meant, beside all those that are not.
  await sync.originVault.delete(sync.mount, 'gone');
  const pattern = place === 'LIST' ? /\/metadata\/f(\d+)\/?$/ : /\/metadata\/m(\d+)$/;
  proxies.originVault.choose((method, url) => {
    const number = method === (place === 'LIST' ? 'LIST' : 'GET') ? numberIn(pattern, url) : undefined;
    return number === undefined ? undefined : FAULTS[number];
  });
  const met = await sync.cycle('origin');
  // All that it says: without it nobody knows why nothing was applied.
  expect(met).toMatchObject({ outcome: 'partial' });
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
    secrets: [...FAULTS.flatMap((_, number) => paths(number)), 'gone', 'stays'],
    edit: (file) => (file['maxDeletes'] = '100%'),
  });
  const { sync, proxies } = running;
  for (const path of [...FAULTS.flatMap((_, number) => paths(number)), 'gone'])
    await sync.originVault.delete(sync.mount, path);
  await sync.cycle('origin');
  const asked = new Set<string>();
  proxies.originVault.choose((_method, url) => {
    const number = numberIn(/\/metadata\/[qs](\d+)$/, url);
    if (number === undefined) return undefined;
    const isFirst = !asked.has(url);
    asked.add(url);
    return place === 'last' && isFirst ? undefined : FAULTS[number];
  });
  const met = await sync.cycle('destination');
  expect(asked.size).toBe(FAULTS.length);
  expect(await running.at('gone')).toEqual([undefined, 1]);
  return { met, standing: await standingOf(running, paths), next: await next(running) };
}

type Place = 'LIST' | 'metadata' | 'first' | 'last';
let shown: Record<Place, Shown>;

beforeAll(async () => {
  const places = [scan('LIST'), scan('metadata'), ask('first'), ask('last')] as const;
  // One that fails is told when the others are over: nothing may be asked behind the back of the tear-down.
  await Promise.allSettled(places);
  const [list, metadata, first, last] = await Promise.all(places);
  shown = { LIST: list, metadata, first, last };
}, 420_000);

afterAll(async () => {
  for (const running of open) await running.tearDown();
}, 120_000);

/** Expects that a fault is told by its class, and that what it was about stands as it stood. */
function expectKept(place: Place, name: string, path: (number: number) => RegExp): void {
  const number = NAMES.indexOf(name);
  const { met, standing } = shown[place];
  const told: PathFailure[] = met.failures.filter((failure) => path(number).test(failure.path));
  expect(told.map((failure) => failure.class)).toEqual([WRONG_ANSWERS[name]?.vault]);
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
    expect(shown.LIST.met).toMatchObject({
      outcome: 'partial',
      counts: { unknown: FAULTS.length, listed: 2 },
    });
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
      counts: { unknown: FAULTS.length, read: 2 },
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
    expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 1, unknown: FAULTS.length } });
    expect(after.destination).toMatchObject({
      outcome: 'synced',
      counts: { deleted: FAULTS.length, unknown: 0 },
    });
  });
});
