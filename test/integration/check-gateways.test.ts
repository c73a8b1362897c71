import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { runChecks } from '../../src/cli/check/command';
import type { Check } from '../../src/access/check-line';
import type { Config } from '../../src/config/schema';
import { assertKeyAccess } from '../../src/access/sync-path';
import { infoOf } from '../../src/activities/clients';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../support/fault-proxy';
import { portOf } from '../../dev/shared/sockets';
import { SyncFixture } from '../support/sync-fixture';
import { startVsync } from '../../dev/shared/vsync-command';

/** Gateways, policies and answers that work, but would fail a check with made-up paths or too strict schemas. */

let sync: SyncFixture;
let proxy: FaultProxy;

beforeAll(async () => {
  sync = await SyncFixture.create();
  proxy = await FaultProxy.before(sync.servers.origin.address);
});

afterAll(async () => {
  await proxy.close();
  await sync.tearDown();
});

const checksOf = (config: Config): Promise<Check[]> => runChecks(config, { warnings: [], foreign: [] });
const failed = (checks: readonly Check[]): string[] =>
  checks.filter(({ outcome }) => outcome === 'fail').map(({ what, detail }) => `${what}: ${detail}`);

/** Node's HTTP server refuses the verb LIST with 400, as some gateways do. All else is passed on. */
async function gatewayBefore(target: string): Promise<{ server: http.Server; requests: string[] }> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const { method, headers } = request;
    const onward = http.request(target + (request.url ?? ''), { method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, requests };
}

test('vsync check passes behind a gateway that refuses the verb LIST, and a cycle finds every secret', async () => {
  const { server, requests } = await gatewayBefore(sync.servers.origin.address);
  const address = `http://127.0.0.1:${portOf(server)}`;
  const made = await SyncFixture.create({
    edit: (file) => {
      (file['origin'] as { vault: { address: string } }).vault.address = address;
    },
  });
  try {
    await made.originVault.put(made.mount, 'team/a', { value: 1 });
    await made.originVault.put(made.mount, 'b', { value: 2 });
    expect(failed(await checksOf(made.config('origin')))).toEqual([]);
    await made.work();
    await made.start('origin');
    requests.length = 0;
    expect(await made.cycle('origin')).toMatchObject({ counts: { listed: 2, failed: 0, unknown: 0 } });
    expect(requests.filter((line) => line.includes('list=true')).length).toBeGreaterThanOrEqual(2);
  } finally {
    await made.tearDown();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('vsync check does not refuse a sufficient policy with "+" because of a made-up path', async () => {
  const { originVault, mount, id } = sync;
  const check = async (policy: string): Promise<Check | undefined> => {
    const token = await originVault.tokenFor(`plus-${id}`, policy);
    const config = sync.config('origin');
    config.origin.vault.auth = { kind: 'token', token };
    return (await checksOf(config)).find(({ what }) => what.endsWith(': capabilities'));
  };
  const list = `path "${mount}metadata/" { capabilities = ["list"] }\npath "${mount}metadata/+/" { capabilities = ["list"] }`;
  expect(await check(`${list}\npath "${mount}metadata/+/+" { capabilities = ["read"] }`)).toMatchObject({
    outcome: 'warning',
    detail: `read on ${mount}metadata/* is granted for ${mount}metadata/+/+ only: secrets at other paths are reported as forbidden`,
  });
  // A policy for another mount grants nothing here.
  expect(await check(`${list}\npath "other/metadata/+/+" { capabilities = ["read"] }`)).toMatchObject({
    outcome: 'fail',
    detail: expect.stringContaining(`the token lacks read on ${mount}metadata/*`) as string,
  });
  // The mount itself has to be listed, and "+" does not match it.
  expect(await check(`path "${mount}metadata/+/+" { capabilities = ["read", "list"] }`)).toMatchObject({
    outcome: 'fail',
    detail: expect.stringContaining(`the token lacks list on ${mount}metadata/*`) as string,
  });
});

describe('vsync check of a server whose answers lack fields', () => {
  /** Changes the answers of the real Vault to these requests. */
  function changed(part: string, change: (data: Record<string, unknown>) => void): void {
    proxy.choose(async (_method, url) => {
      if (!url.includes(part)) return undefined;
      const answer = await fetch(sync.servers.origin.address + url, {
        headers: { 'x-vault-token': sync.servers.origin.rootToken },
      });
      const body = (await answer.json()) as Record<string, unknown>;
      change(body);
      return { status: answer.status, body: JSON.stringify(body) };
    });
  }

  function config(): Config {
    const made = sync.config('origin');
    made.origin.vault.address = proxy.address;
    return made;
  }

  test('identifies a mount without uuid by its accessor', async () => {
    changed('sys/internal/ui/mounts', (body) => {
      delete (body['data'] as Record<string, unknown>)['uuid'];
    });
    expect(failed(await checksOf(config()))).toEqual([]);
  });

  test('names both missing fields of a mount without uuid and accessor', async () => {
    changed('sys/internal/ui/mounts', (body) => {
      Object.assign(body['data'] as Record<string, unknown>, { uuid: null, accessor: '' });
    });
    expect(failed(await checksOf(config()))).toEqual([
      expect.stringMatching(
        /neither the uuid nor the accessor of the mount, which identify a re-created mount/,
      ),
    ]);
  });

  test('names a missing cluster id, and does not report the Vault as sealed', async () => {
    changed('sys/health', (body) => {
      delete body['cluster_id'];
    });
    expect(failed(await checksOf(config()))).toEqual([expect.stringMatching(/the answer has no cluster_id/)]);
  });

  test('warns of a firewall that hides capabilities, and does not fail', async () => {
    proxy.choose((_method, url) =>
      url.includes('capabilities-self') ? { status: 403, body: '<html>' } : undefined,
    );
    const checks = await checksOf(config());
    expect(failed(checks)).toEqual([]);
    expect(checks.find(({ what }) => what.endsWith(': capabilities'))).toMatchObject({ outcome: 'warning' });
  });
});

describe('vsync check', () => {
  const CONTENT = 'written by the check of vsync, and removed at once';
  const left = async (): Promise<string[]> =>
    Object.keys(await sync.consul.revisions(sync.infoPrefix('origin')));

  test('removes the key in Consul that a killed check left, and keeps that of a running check', async () => {
    const prefix = sync.infoPrefix('origin');
    const put = (name: string, content: string, flags: number): Promise<unknown> =>
      fetch(`${sync.servers.consul}/v1/kv/${prefix}${name}?flags=${flags}`, { method: 'PUT', body: content });
    const nowS = Math.floor(Date.now() / 1000);
    await put('check-old', CONTENT, nowS - 3600);
    await put('check-running', CONTENT, nowS);
    await put('check-of-somebody', 'mine', 0);
    const { info, close } = await infoOf(sync.config('origin'));
    await assertKeyAccess(info);
    close();
    expect(await left()).toEqual([`${prefix}check-of-somebody`, `${prefix}check-running`]);
    for (const name of ['check-of-somebody', 'check-running']) await sync.consul.delete(prefix + name);
  });

  test('removes its key in Consul when it is interrupted', () => interrupted(true));

  test('names its key in Consul when it is interrupted and cannot remove it', () => interrupted(false));

  async function interrupted(isRemovable: boolean): Promise<void> {
    // The check is interrupted while it reads its key back: the key exists, and is not removed yet.
    let isHeld = false;
    const consul = await FaultProxy.before(sync.servers.consul);
    consul.choose((method, url) => {
      if (method === 'DELETE' && !isRemovable) return { status: 403, body: 'Permission denied' };
      if (method !== 'GET' || !/check-\w+\?/.test(url) || isHeld) return undefined;
      isHeld = true;
      return 'hang';
    });
    const made = await SyncFixture.create({
      edit: (file) => {
        (file['origin'] as { consul: { address: string } }).consul.address = consul.address;
      },
    });
    try {
      const command = await startVsync(['check', '-c', made.originFile], { home: made.folder });
      await eventually(async () => {
        if (!isHeld) throw new Error('not yet');
        return Promise.resolve();
      }, 'the check to read its key');
      const written = Object.keys(await made.consul.revisions(made.syncPath));
      expect(written).toHaveLength(1);
      expect(await command.stop()).toEqual({ code: 1, signal: null });
      expect(Object.keys(await made.consul.revisions(made.syncPath))).toEqual(isRemovable ? [] : written);
      const said = readFileSync(path.join(made.folder, 'vsync-check.log'), 'utf8');
      expect(said).toContain(
        isRemovable
          ? 'interrupted: the check left nothing behind'
          : `interrupted: Consul ${consul.address}: ${written[0]}: the check could not remove its key: `,
      );
    } finally {
      await made.tearDown();
      await consul.close();
    }
  }
});
