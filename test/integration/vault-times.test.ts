import { insightOfMetadata } from '../../src/rules/insight';
import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';
import { sharedServers } from '../support/shared-servers';
import { VaultApi } from '../../dev/shared/vault-api';
import { onVault } from '../support/vault-kind';

/**
 * Sync info has the time at which the current version was created. The original publishes `updated_time` instead. The
 * format stays compatible only while both are the same text on Vault, to the nanosecond, however a secret was written.
 */

const { origin } = sharedServers();
const api = new VaultApi(origin);
const MOUNT = 'kv-times/';
const kv = new Kv2(
  new VaultClient({
    address: origin.address,
    auth: { kind: 'token', token: origin.rootToken },
    namespace: '',
    concurrency: 4,
  }),
);

type Step = [method: string, area: string, body?: unknown];

const put: Step = ['POST', 'data', { data: { a: 1 } }];
const metadata = (settings: object): Step => ['POST', 'metadata', settings];
const ofFirst = (area: string): Step => ['POST', area, { versions: [1] }];

beforeAll(async () => {
  await api.mount(MOUNT);
});

afterAll(async () => {
  await api.unmount(MOUNT);
  await kv.client.close();
});

async function run(path: string, steps: readonly Step[]): Promise<void> {
  for (const [method, area, body] of steps) await api.request(method, `${MOUNT}${area}/${path}`, body);
}

/** The time of a secret that is published, and Vault's `updated_time` of it. */
async function timesOf(path: string): Promise<[published: string | undefined, updated: string]> {
  const answer = await kv.metadata(MOUNT, path);
  if (answer === undefined) throw new Error('the secret is there');
  return [insightOfMetadata(answer, Date.now())?.updateTime, answer.updated_time];
}

onVault('OpenBao moves updated_time with each metadata write').describe('insightOfMetadata', () => {
  test.each<[kind: string, steps: Step[]]>([
    ['a first write', [put]],
    ['a second write', [put, put]],
    ['a write with check-and-set', [put, ['POST', 'data', { data: {}, options: { cas: 1 } }]]],
    ['a patch of the value', [put, ['PATCH', 'data', { data: { b: 2 } }]]],
    ['custom metadata that come later', [put, metadata({ custom_metadata: { owner: 'x' } })]],
    ['custom metadata that were there before', [metadata({ custom_metadata: { owner: 'x' } }), put]],
    ['a patch of the metadata', [put, ['PATCH', 'metadata', { max_versions: 3 }]]],
    ['each setting by itself', [put, metadata({ cas_required: true }), metadata({ max_versions: 2 })]],
    ['an expiry that is set later', [put, metadata({ delete_version_after: '1h' })]],
    ['a version that expires', [metadata({ delete_version_after: '1h' }), put]],
    ['max_versions that drop old versions', [metadata({ max_versions: 1 }), put, put, put]],
    ['an undelete', [put, ofFirst('delete'), ofFirst('undelete')]],
    ['an undelete with an expiry', [metadata({ delete_version_after: '1h' }), put, ofFirst('undelete')]],
    ['a delete of the latest, undone', [put, ['DELETE', 'data'], ofFirst('undelete')]],
    ['an older version that is destroyed', [put, put, ofFirst('destroy')]],
    ['a write after a delete', [put, ['DELETE', 'data'], put]],
    ['a write after a destroy', [put, ofFirst('destroy'), put]],
    ['a secret that was made anew', [put, put, ['DELETE', 'metadata'], put]],
  ])(
    "publishes Vault's updated_time, which is the time of the current version, after %s",
    async (kind, steps) => {
      const path = kind.replaceAll(' ', '-');
      await run(path, steps);
      const [published, updated] = await timesOf(path);
      expect(published).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      expect(published).toBe(updated);
    },
  );

  test("publishes Vault's updated_time, which is the time of the current version, after the upgrade of a mount from version 1", async () => {
    await api.request('POST', 'sys/mounts/kv-times-1', { type: 'kv', options: { version: '1' } });
    await api.request('POST', 'kv-times-1/a', { a: 1 });
    await api.request('POST', 'sys/mounts/kv-times-1/tune', { options: { version: '2' } });
    try {
      await api.ready('kv-times-1/');
      const answer = await kv.metadata('kv-times-1/', 'a');
      expect(answer?.current_version).toBe(1);
      expect(answer && insightOfMetadata(answer, Date.now())?.updateTime).toBe(answer?.updated_time);
    } finally {
      await api.unmount('kv-times-1/');
    }
  });
});
