import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import { asNamed } from '../../dev/shared/list-front';
import { BAO_KINDS, BaoSync } from '../support/bao-sync';
import { detailedListings, healthOfBao, type Behaviour } from '../support/bao-front';
import { documentedPolicies } from '../support/policies';

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

const checked = async (): Promise<Check | undefined> => {
  const checks = await runChecks(bao.sync.config('origin'), { warnings: [], foreign: [] });
  return checks.find(({ what }) => what.endsWith('metadata of folders'));
};

describe.each(BAO_KINDS)('at the %s,', (kind) => {
  test('an origin cycle with exactly the documented policy makes one request for each folder, and none for a secret', async () => {
    await syncUnder(kind, 'origin-openbao');
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    expect(await bao.sync.cycle('destination')).toMatchObject({ outcome: 'synced', counts: { added: 5 } });
    for (const path of PATHS) expect(await bao.at(path)).toEqual([{ path }, 1]);

    await bao.put('team/a', { changed: true });
    await bao.put('team/new');
    await bao.sync.originVault.delete(bao.sync.mount, 'team/b');
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    expect(await bao.sync.cycle('destination')).toMatchObject({
      outcome: 'synced',
      counts: { added: 1, updated: 1, deleted: 1 },
    });
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
    const writes = await bao.sync.consul.values(bao.sync.infoPrefix('origin'));
    expect(await cycle()).toEqual({ 'LIST detailed-metadata': FOLDERS });
    const bucketsOf = (values: Record<string, string>): Record<string, string> =>
      Object.fromEntries(Object.entries(values).filter(([key]) => /\/(\d+|index)$/.test(key)));
    const after = await bao.sync.consul.values(bao.sync.infoPrefix('origin'));
    expect(bucketsOf(after)).toEqual(bucketsOf(writes));
  });
});
