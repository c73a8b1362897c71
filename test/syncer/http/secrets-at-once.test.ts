import { MAX_SECRET_QUESTIONS } from '../../../src/syncer/limits';
import { eventually } from '../../support/eventually';
import { silence } from '../../support/tiny-server';
import { AskedSync } from './asked-sync';
import { RunningSyncer } from './running-syncer';

let sync: AskedSync;
let syncer: RunningSyncer;

afterEach(async () => {
  await syncer.close();
  await sync.close();
});

async function start(vaultKeys?: object): Promise<void> {
  sync = await AskedSync.create('token', vaultKeys);
  syncer = await RunningSyncer.start(2, { sync: [sync.file] });
}

const about = async (path: string): Promise<Response> => syncer.get(`/v1/secrets/synced?path=${path}`);

describe('many questions about secrets', () => {
  it('share rounds that ask each server once, if they are equal', async () => {
    await start();
    const asked = Array.from({ length: MAX_SECRET_QUESTIONS }, () => about('secret/app'));
    for (const each of await Promise.all(asked)) {
      await each.text();
      expect([each.status, each.headers.get('x-secret-status')]).toEqual([200, 'NotSynced']);
    }
    const { requests } = sync.vault;
    const rounds = requests.filter((request) => request === 'GET /v1/secret/metadata/app').length;
    expect(rounds).toBeGreaterThan(0);
    expect(rounds).toBeLessThan(MAX_SECRET_QUESTIONS / 4);
  });

  it.each([
    ['a token', { token: 'token' }],
    ['a namespace', { token: 'token', namespace: 'team' }],
    ['an AppRole', { approle: { role_id: 'role', secret_id: 'secret' } }],
  ])(
    'do not hold up the end of the service while a Vault is silent (%s)',
    async (_, vaultKeys) => {
      await start(vaultKeys);
      sync.vault.answers(silence);
      sync.consul.answers(silence);
      const asked = Array.from({ length: MAX_SECRET_QUESTIONS }, (_, at) => about(`secret/app-${at}`));
      await eventually(async () => {
        const oneMore = await about('secret/one-more');
        await oneMore.text();
        expect(oneMore.status).toBe(429);
      }, 'all questions to be in progress');
      const startedMs = performance.now();
      await syncer.stop();
      expect(performance.now() - startedMs).toBeLessThan(2_000);
      for (const each of await Promise.all(asked)) {
        await each.text();
        expect(each.status).toBe(503);
      }
    },
    30_000,
  );
});
