import type { CycleResult, PathFailure } from '../../src/contract/cycle';
import { RunningSync } from '../support/running-sync';
import { WRONG_ANSWERS } from '../support/wrong-answers';

/**
 * Invariant 2, fault by fault: whatever a server answers in place of the truth, nothing is deleted at the destination
 * because of it. The path is reported with its class, and the next cycle without the fault does what is left.
 *
 * One cycle meets all faults of one place, and the places run at the same time. The Vault itself reports that it is
 * healthy, so none of this counts as an outage.
 */

const NAMES = Object.keys(WRONG_ANSWERS);
const FAULTS = Object.values(WRONG_ANSWERS).map(({ fault }) => fault);

/** Longer than an unanswered request takes with all its repetitions. */
const PATIENT = '2m';
/** A tenth of the time that production waits for an answer. */
const VAULT_TIMES = { requestTimeoutMs: 2_000 };

/** The results of one place. */
interface Shown {
  /** The cycle that met the faults. */
  met: CycleResult;
  /** By the number of the fault: value and version of its secrets at the destination after that cycle. */
  found: [value: unknown, version: number | undefined][][];
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

function foundAt(running: RunningSync, paths: (number: number) => string[]): Promise<Shown['found']> {
  return Promise.all(FAULTS.map((_, number) => Promise.all(paths(number).map((path) => running.at(path)))));
}

/** The origin's scan: folders `f<n>/` whose LIST meets the fault, or secrets `m<n>` whose metadata do. */
async function scan(place: 'LIST' | 'metadata'): Promise<Shown> {
  const paths = (number: number): string[] =>
    place === 'LIST' ? [`f${number}/x`, `f${number}/deep/y`] : [`m${number}`];
  const secrets = FAULTS.flatMap((_, number) => paths(number));
  const running = await start({ secrets: [...secrets, 'gone', 'stays'] });
  const { sync, proxies } = running;
  // The only delete that is right.
  await sync.originVault.delete(sync.mount, 'gone');
  const pattern = place === 'LIST' ? /\/metadata\/f(\d+)\/?$/ : /\/metadata\/m(\d+)$/;
  proxies.originVault.choose((method, url) => {
    const number = method === (place === 'LIST' ? 'LIST' : 'GET') ? numberIn(pattern, url) : undefined;
    return number === undefined ? undefined : FAULTS[number];
  });
  const met = await sync.cycle('origin');
  // Compared as a whole, so that a failure of this test shows why nothing was applied.
  expect(met).toMatchObject({ outcome: 'partial' });
  const applied = await sync.cycle('destination');
  expect([applied.outcome, applied.counts.deleted]).toEqual(['synced', 1]);
  expect(await running.at('gone')).toEqual([undefined, 1]);
  return { met, found: await foundAt(running, paths), next: await next(running) };
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
  return { met, found: await foundAt(running, paths), next: await next(running) };
}

type Place = 'LIST' | 'metadata' | 'first' | 'last';
let shown: Record<Place, Shown>;

beforeAll(async () => {
  const places = [scan('LIST'), scan('metadata'), ask('first'), ask('last')] as const;
  // A failure is reported only when all places have ended, so that no cycle runs during the tear-down.
  await Promise.allSettled(places);
  const [list, metadata, first, last] = await Promise.all(places);
  shown = { LIST: list, metadata, first, last };
}, 420_000);

afterAll(async () => {
  for (const running of open) await running.tearDown();
});

/** Expects that a path is reported with the class of its fault, and that its secrets are unchanged. */
function expectKept(place: Place, name: string, path: (number: number) => RegExp): void {
  const number = NAMES.indexOf(name);
  const { met, found } = shown[place];
  const reported: PathFailure[] = met.failures.filter((failure) => path(number).test(failure.path));
  expect(reported.map((failure) => failure.class)).toEqual([WRONG_ANSWERS[name]?.vault]);
  expect(found[number]?.length).toBeGreaterThan(0);
  for (const [value, version] of found[number] ?? []) {
    expect(value).toEqual({ path: expect.any(String) as unknown });
    expect(version).toBe(1);
  }
}

describe('for the LIST of a folder,', () => {
  test.each(NAMES)(
    'origin cycle reports the folder as unknown after %s, and keeps all that it had',
    (name) => {
      expectKept('LIST', name, (number) => new RegExp(`/f${number}/$`));
    },
  );

  test('origin cycle is partial under all faults, and the next one without them changes nothing', () => {
    expect(shown.LIST.met).toMatchObject({
      outcome: 'partial',
      counts: { unknown: FAULTS.length, listed: 2 },
    });
    expect(shown.LIST.next.origin).toMatchObject({ outcome: 'unchanged', counts: { unknown: 0 } });
    expect(shown.LIST.next.destination).toMatchObject({ outcome: 'unchanged', counts: { deleted: 0 } });
  });
});

describe('for the metadata of a secret,', () => {
  test.each(NAMES)('origin cycle reports the secret as unknown after %s, and keeps its insight', (name) => {
    expectKept('metadata', name, (number) => new RegExp(`/data/m${number}$`));
  });

  test('origin cycle is partial under all faults, and the next one without them changes nothing', () => {
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
] as const)('for the %s question to the origin before a delete,', (place, letter) => {
  test.each(NAMES)('destination cycle does not delete the secret after %s', (name) => {
    expectKept(place, name, (number) => new RegExp(`/data/${letter}${number}$`));
  });

  test('destination cycle is partial under all faults, and the next one without them deletes what is gone', () => {
    const { met, next: after } = shown[place];
    expect(met).toMatchObject({ outcome: 'partial', counts: { deleted: 1, unknown: FAULTS.length } });
    expect(after.destination).toMatchObject({
      outcome: 'synced',
      counts: { deleted: FAULTS.length, unknown: 0 },
    });
  });
});
