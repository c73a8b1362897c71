import { BAO_KINDS, BaoSync } from '../support/bao-sync';
import { kvPath, type Behaviour } from '../support/bao-front';

/** OpenBao mounts and secrets whose metadata can be written with check-and-set only (`metadata_cas_required`). */

describe.each(BAO_KINDS)('destination cycle with %s at both ends', (kind) => {
  let bao: BaoSync;

  beforeAll(async () => {
    bao = await BaoSync.create(kind, {
      edit: (file) => {
        file['syncMetadata'] = true;
      },
    });
    const [vault] = bao.sync.destinationVaults;
    await vault?.request('POST', `${bao.sync.mount}config`, { metadata_cas_required: true });
    await bao.sync.run();
  });

  afterAll(() => bao.tearDown());

  const cycles = async () => {
    await bao.sync.cycle('origin');
    return bao.sync.cycle('destination');
  };

  test('copies new secrets with their settings where the mount demands metadata_cas', async () => {
    await bao.set('expires', { delete_version_after: '1h' });
    await bao.put('expires');
    await bao.put('lives');
    await bao.set('lives', { max_versions: 5, custom_metadata: { owner: 'x' } });
    expect(await cycles()).toMatchObject({
      outcome: 'synced',
      counts: { added: 2, settings: 2, failed: 0 },
    });
    expect(await bao.metadata('lives', 'destination')).toMatchObject({
      max_versions: 5,
      custom_metadata: { owner: 'x' },
    });
  });

  test('writes changed settings with the metadata version that it read, also where the secret demands it', async () => {
    const [vault] = bao.sync.destinationVaults;
    const { current_metadata_version: cas } = await bao.metadata('lives', 'destination');
    const demand = { metadata_cas_required: true, metadata_cas: cas };
    await vault?.request('POST', `${bao.sync.mount}metadata/lives`, demand);
    await vault?.request('POST', `${bao.sync.mount}config`, { metadata_cas_required: false });
    await bao.set('lives', { max_versions: 6 });
    expect(await cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 1, failed: 0 } });
    expect(await bao.metadata('lives', 'destination')).toMatchObject({
      max_versions: 6,
      current_metadata_version: cas + 2,
    });
  });

  test('reads settings again that an operator changed in between, and reports those that keep changing', async () => {
    const { sync } = bao;
    const asked: string[] = [];
    let cut = 1;
    const operator: Behaviour = async (request, pass) => {
      const at = kvPath(request);
      if (at?.area !== 'metadata' || at.secret !== 'lives') return pass(request);
      if (request.method === 'POST' && cut-- > 0) {
        const { metadata_cas: cas } = JSON.parse(request.body) as { metadata_cas: number };
        const body = JSON.stringify({ custom_metadata: { by: 'hand' }, metadata_cas: cas });
        expect((await pass({ ...request, body })).status).toBe(204);
      }
      const answer = await pass(request);
      asked.push(`${request.method} ${answer.status}`);
      return answer;
    };
    const undo = bao.before(operator);
    await bao.set('lives', { max_versions: 7 });
    expect(await cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 1, failed: 0 } });
    expect(asked).toEqual(['GET 200', 'POST 400', 'GET 200', 'POST 204']);
    expect(await bao.metadata('lives', 'destination')).toMatchObject({
      max_versions: 7,
      custom_metadata: { owner: 'x' },
    });

    // Settings that change before each write are not overwritten. They are reported, and the next cycle tries again.
    cut = 3;
    await bao.set('lives', { max_versions: 8 });
    const cycle = await cycles();
    expect(cycle).toMatchObject({ outcome: 'partial', counts: { settings: 0 } });
    expect(cycle.failures).toEqual([
      { path: `${sync.mount}data/lives`, class: 'settings-conflict', at: 'destination' },
    ]);
    expect((await bao.metadata('lives', 'destination')).custom_metadata).toEqual({ by: 'hand' });
    undo();
    expect(await cycles()).toMatchObject({ outcome: 'synced', counts: { settings: 1, failed: 0 } });
  });
});
