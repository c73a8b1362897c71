import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import { asNamed } from '../../dev/shared/list-front';
import { inParallel } from '../../dev/shared/wait';
import { BAO_KINDS, BaoSync } from '../support/bao-sync';
import { detailedListings, healthOfBao, refusal, type Behaviour } from '../support/bao-front';
import { eventually } from '../support/eventually';
import { OriginRun } from '../support/origin-run';
import { onVault } from '../support/vault-kind';
import { documentedPolicies } from '../../dev/shared/policies';

/** An origin at OpenBao, whose scan gets the metadata of a folder in one request. */

const policies = documentedPolicies();
const PATHS = ['top', 'team', 'team/a', 'team/b', 'deep/er/c'];
/** Folders of these paths, with the root of the mount. */
const FOLDERS = 4;

let bao: BaoSync;
let requests: string[] = [];
afterEach(() => bao.tearDown());

/** @param policy of the origin's token, by its name in docs/policies.md */
async function syncUnder(kind: (typeof BAO_KINDS)[number], policy: string): Promise<void> {
  let token = '';
  bao = await BaoSync.create(kind, {
    beforeFiles: async ({ originVault, mount, id }) => {
      token = await originVault.tokenFor(`origin-${id}`, textOf(policy, mount));
    },
    edit: (file, role) => {
      if (role === 'origin') (file['origin'] as { vault: { token: string } }).vault.token = token;
    },
  });
  const noted: Behaviour = (request, pass) => {
    if (request.headers['x-vault-token'] === token) requests.push(`${request.method} ${request.path}`);
    return pass(request);
  };
  const differences = kind === 'OpenBao' ? [] : [healthOfBao(), detailedListings()];
  bao.origin.behaviours = [noted, ...differences, ...bao.origin.behaviours];
  for (const path of PATHS) await bao.put(path);
  await bao.sync.run();
}

const textOf = (policy: string, mount: string): string =>
  policies.get(policy)?.replaceAll('secret/', mount) ?? '';

/** The requests of one cycle of the origin about secrets, by kind. */
async function cycle(): Promise<Record<string, number>> {
  requests = [];
  await bao.sync.cycle('origin');
  const { mount } = bao.sync;
  const counts: Record<string, number> = {};
  for (const request of requests) {
    const [method = '', path = ''] = request.split(' ');
    if (!path.startsWith(mount)) continue;
    const kind = `${asNamed(method, path).method} ${path.slice(mount.length).split('/')[0] ?? ''}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Index and buckets of the origin, of values and of settings, byte for byte. */
async function published(): Promise<Record<string, string>> {
  const values = await bao.sync.consul.values(bao.sync.infoPrefix('origin'));
  return Object.fromEntries(Object.entries(values).filter(([key]) => /\/(\d+|index)$/.test(key)));
}

const checked = async (): Promise<Check | undefined> => {
  const checks = await runChecks(bao.sync.config('origin'), { warnings: [], foreign: [] });
  return checks.find(({ what }) => what.endsWith('metadata of folders'));
};

describe.each(BAO_KINDS)('at the %s,', (kind) => {
  test('an origin cycle with exactly the documented policy makes one request for each folder, and none for a secret', async () => {
    await syncUnder(kind, 'origin-openbao');
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    await bao.sync.cycle('destination');
    for (const path of PATHS) expect(await bao.at(path)).toEqual([{ path }, 1]);

    await bao.put('team/a', { changed: true });
    await bao.put('team/new');
    await bao.sync.originVault.delete(bao.sync.mount, 'team/b');
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    await bao.sync.cycle('destination');
    expect(await bao.at('team/new')).toEqual([{ path: 'team/new' }, 1]);
    expect(await bao.at('team/a')).toEqual([{ changed: true }, 2]);
    expect(await bao.at('team/b')).toEqual([undefined, 1]);
    expect(await checked()).toMatchObject({ outcome: 'pass' });
  });

  test('a secret that is removed with its metadata is read singly, once: only a 404 for itself proves that it is gone', async () => {
    await syncUnder(kind, 'origin-openbao');
    await cycle();
    await bao.sync.originVault.request('DELETE', `${bao.sync.mount}metadata/team/b`);
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS, 'GET metadata': 1 });
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
  });

  test('an origin cycle without the policy reads metadata singly, publishes the same, and vsync check prints the line', async () => {
    await syncUnder(kind, 'origin');
    const singly = { 'LIST metadata': FOLDERS, 'GET metadata': PATHS.length };
    expect(await cycle()).toEqual(singly);
    const { mount, id, originVault } = bao.sync;
    expect(await checked()).toEqual({
      what: expect.any(String) as string,
      outcome: 'warning',
      detail: expect.stringContaining(`the token lacks list on ${mount}detailed-metadata/*`) as string,
      policy: `path "${mount}detailed-metadata/*" { capabilities = ["list"] }`,
    });
    await originVault.request('PUT', `sys/policies/acl/origin-${id}`, {
      policy: textOf('origin-openbao', mount),
    });
    // The worker asks again after an hour.
    expect(await cycle()).toEqual(singly);
    await bao.sync.stopWork();
    await bao.sync.work();
    const before = await published();
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    expect(await published()).toEqual(before);
  });
});

const COUNT = 500;
/** Secrets whose version ends after a second. */
const ending: string[] = [];
const untilGone = (path: string): Promise<void> =>
  eventually(async () => {
    if ((await bao.sync.originVault.get(bao.sync.mount, path)) !== undefined) throw new Error('it is there');
  }, `the version of ${path} to end`);

/** Puts a secret into one of the states that a scan distinguishes. */
async function makeSecret(at: number): Promise<void> {
  const { originVault, mount } = bao.sync;
  const path = `f${at % 7}/${at % 3 === 0 ? 'deeper/' : ''}s${at}`;
  const write = (what: string, body?: object): Promise<unknown> =>
    originVault.request('POST', `${mount}${what}/${path}`, body);
  const kinds: (() => Promise<unknown>)[] = [
    () => bao.put(path),
    () => bao.put(path).then(() => bao.put(path, { changed: at })),
    () => bao.put(path).then(() => originVault.delete(mount, path)),
    () => bao.put(path).then(() => write('destroy', { versions: [1] })),
    () => write('metadata', { custom_metadata: { owner: `team ${at}` } }),
    () =>
      bao.put(path).then(() => write('metadata', { max_versions: 3, custom_metadata: { at: String(at) } })),
    () => write('metadata', { delete_version_after: '1h' }).then(() => bao.put(path)),
    () =>
      write('metadata', { delete_version_after: '1s' }).then(() =>
        bao.put(path).then(() => ending.push(path)),
      ),
    () => bao.put(path).then(() => bao.put(`${path}/inside`)),
    () =>
      bao
        .put(path)
        .then(() => write('delete', { versions: [1] }))
        .then(() => bao.put(path, { again: at })),
  ];
  // By a fixed sequence that goes through all kinds in each folder.
  await kinds[(at * 7 + Math.floor(at / 10)) % kinds.length]?.();
}

/** Vault without listings with metadata. */
const singly: Behaviour = (request, pass) =>
  request.path.includes('/detailed-metadata')
    ? Promise.resolve(refusal(403, 'permission denied'))
    : pass(request);

test.each(BAO_KINDS)(
  'fetchMetadata publishes the same from listings with metadata as from single reads, byte for byte: the %s',
  async (kind) => {
    bao = await BaoSync.create(kind, {
      edit: (file, role) => {
        if (role === 'origin') file['syncMetadata'] = true;
      },
    });
    if (kind === 'stand-in') bao.origin.behaviours = [detailedListings(), ...bao.origin.behaviours];
    await inParallel(
      Array.from({ length: COUNT }, (_, at) => at),
      8,
      makeSecret,
    );
    // Versions that end by themselves have ended: both ways have to see the same secrets.
    await Promise.all(ending.map(untilGone));
    const { sync, origin } = bao;
    const bulk = await OriginRun.of(sync);
    expect(await bulk.cycle()).toMatchObject({ unknown: 0 });
    const before = await published();
    expect(Object.keys(before).length).toBeGreaterThan(4);

    origin.behaviours = [singly, ...origin.behaviours];
    const single = await OriginRun.of(sync);
    expect(await single.cycle()).toEqual({ unknown: 0, saved: { v: 1, writes: 0 } });
    expect(await published()).toEqual(before);
    await Promise.all([bulk.close(), single.close()]);
  },
  60_000,
);

const { test: testOnVault } = onVault('only the stand-in can show an answer from the middle of a write');

testOnVault('fetchMetadata reads a secret singly that has changed while its folder was listed', async () => {
  await syncUnder('stand-in', 'origin-openbao');
  const { behaviours } = bao.origin;
  const changing = detailedListings({ changing: (path) => path.endsWith('/team/a') });
  bao.origin.behaviours = behaviours.with(2, changing);
  expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS, 'GET metadata': 1 });
  await bao.sync.cycle('destination');
  for (const path of PATHS) expect(await bao.at(path)).toEqual([{ path }, 1]);
});
