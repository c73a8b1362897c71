import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { request } from 'undici';
import { freePorts, type NginxFault } from '../../dev/servers/start';
import { runVsync, startVsync } from '../../dev/shared/vsync-command';
import { eventually } from '../support/eventually';
import { SyncerWorld } from '../support/syncer-world';
import { describeWithNginx } from '../support/where-nginx-is';

describeWithNginx('Syncer on a Kubernetes API and three NGINX instances', () => {
  let world: SyncerWorld;
  let token: string;
  beforeAll(async () => {
    world = await SyncerWorld.start(3);
  });
  afterAll(async () => {
    await world.stop();
  });
  beforeEach(() => {
    token = randomUUID();
  });
  afterEach(async () => {
    await world.closeSyncers();
    await Promise.all(world.instances.map((instance) => instance.setFault()));
  });

  /** Few tries, for tokens that do not arrive. */
  const SHORT = { retries: 3, sync_timeout: 20 };

  async function counts(): Promise<number[]> {
    return Promise.all(world.instances.map(async (instance) => (await instance.seen()).requests));
  }

  test('waits for a token that arrives late, and does not ask the origin', async () => {
    const address = await world.syncer();
    await world.addToken(token, 1);
    const before = await counts();
    const asking = world.ask(address, token, 'nginx-1');
    const tries = async (): Promise<number[]> =>
      (await counts()).map((count, at) => count - (before[at] ?? 0));
    await eventually(async () => {
      expect(Math.min(...(await tries()).slice(1))).toBeGreaterThan(1);
    }, 'a second try at both');
    await world.addToken(token, 2, 3);
    const { status, verdict, body } = await asking;
    expect({ status, verdict }).toEqual({ status: 200, verdict: 'Synced' });
    expect(body).toMatchObject({ status: 'Synced', origin: 'known', instances: 3, present: 2 });
    expect((await tries())[0]).toBe(0);
    expect((await world.instance(2).seen()).host).toBe('gateway.example.org');
  });

  test('finds the origin by its address too', async () => {
    const address = await world.syncer();
    await world.addToken(token, 2, 3);
    const { verdict, body } = await world.ask(address, token, world.instance(1).ip);
    expect(verdict).toBe('Synced');
    expect(body).toMatchObject({ origin: 'known', present: 2 });
  });

  test.each<[string, string, number[]]>([
    ['Partialy', 'nginx-1', [1, 2]],
    ['NotSynced', 'nginx-1', [1]],
    ['Partialy', 'another-pod', [2, 3]],
    ['NotSynced', 'another-pod', [3]],
  ])('answers %s when %s asks and instances %j have the token', async (verdict, origin, numbers) => {
    const address = await world.syncer(SHORT);
    await world.addToken(token, ...numbers);
    expect((await world.ask(address, token, origin)).verdict).toBe(verdict);
  });

  test.each<NginxFault>(['403', '500', '503', 'redirect', 'reset', 'huge-headers'])(
    'takes %s of an instance for "not yet", and asks again',
    async (fault) => {
      const address = await world.syncer();
      await world.addToken(token, 1, 2, 3);
      await world.instance(2).setFault(fault);
      const before = (await world.instance(2).seen()).requests;
      const asked = world.ask(address, token, 'nginx-1');
      await eventually(async () => {
        expect((await world.instance(2).seen()).requests).toBeGreaterThan(before + 1);
      }, 'a second try');
      await world.instance(2).setFault();
      expect((await asked).verdict).toBe('Synced');
    },
  );

  test('answers Timeout at the deadline while an instance hangs', async () => {
    // Long enough for the answer of the other instance.
    const address = await world.syncer({ request_deadline: 4_000 });
    await world.addToken(token, 1, 2, 3);
    await world.instance(3).setFault('hang');
    const { verdict, body } = await world.ask(address, token, 'nginx-1');
    expect(verdict).toBe('Timeout');
    expect(body).toMatchObject({ pending: 1, present: 1 });
  });

  test('follows the pods of the Deployment', async () => {
    const address = await world.syncer(SHORT);
    await world.addToken(token, 1, 2);
    expect((await world.ask(address, token, 'nginx-1')).verdict).toBe('Partialy');
    const { ip } = world.instance(3);
    await world.gateway.setPodStatus('nginx-3', ip, false);
    await eventually(async () => {
      const { verdict, body } = await world.ask(address, token, 'nginx-1');
      expect({ verdict, body }).toMatchObject({ verdict: 'Synced', body: { instances: 2 } });
    }, 'a verdict about two instances');
    await world.gateway.setPodStatus('nginx-3', ip, true);
    await eventually(async () => {
      expect((await world.ask(address, token, 'nginx-1')).verdict).toBe('Partialy');
    }, 'a verdict about three instances');
  });

  test('verifies the certificates of the instances where it is asked to', async () => {
    await world.addToken(token, 1, 2, 3);
    const verified = (tls: object) => ({ ...SHORT, probe: { tls: { verify: true, ...tls } } });
    const foreign = await world.syncer(verified({}));
    expect((await world.ask(foreign, token, 'nginx-1')).body).toMatchObject({
      status: 'NotSynced',
      notYet: [
        { instance: 'nginx-2', state: 'failed', detail: 'tls' },
        { instance: 'nginx-3', state: 'failed', detail: 'tls' },
      ],
    });
    const caFile = path.join(world.folder, 'ca.pem');
    const certificates = world.instances.map(({ certFile }) => fs.readFileSync(certFile, 'utf8'));
    fs.writeFileSync(caFile, certificates.join(''));
    const wrongName = await world.syncer(verified({ caFile }));
    expect((await world.ask(wrongName, token, 'nginx-1')).verdict).toBe('NotSynced');
    const trusted = await world.syncer(verified({ caFile, serverName: 'localhost' }));
    expect((await world.ask(trusted, token, 'nginx-1')).verdict).toBe('Synced');
  });

  test('has no verdict and is not ready when its list is too old', async () => {
    const address = await world.syncer({ ...SHORT, maxListAge: '3s' });
    process.kill(world.kube.pid, 'SIGSTOP');
    try {
      await eventually(async () => {
        const { status, body } = await world.ask(address, token, 'nginx-1');
        expect({ status, body }).toMatchObject({
          status: 503,
          body: { error: 'NoInstances', message: expect.stringMatching(/maxListAge is 3 s/) as string },
        });
      }, 'a 503');
      expect((await request(`${address}/readyz`)).statusCode).toBe(503);
      expect((await request(`${address}/livez`)).statusCode).toBe(200);
    } finally {
      process.kill(world.kube.pid, 'SIGCONT');
    }
    await eventually(async () => {
      expect((await world.ask(address, token, 'nginx-1')).status).toBe(200);
    }, 'a verdict');
  });

  test('is not ready without a verb of its Role, and names it', async () => {
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
    await world.account.setRules(rules);
    try {
      const { address } = await world.startSyncer();
      await eventually(async () => {
        const { statusCode, body } = await request(`${address}/readyz`);
        expect({ statusCode, body: await body.json() }).toMatchObject({
          statusCode: 503,
          body: { problems: [expect.stringMatching(/does not permit "list" on deployments/)] },
        });
      }, 'the problem');
    } finally {
      await world.account.restoreRules();
    }
  });

  describe('as a command', () => {
    test('check passes for each instance of the Deployment', async () => {
      const args = ['syncer', 'check', '-c', world.configFile(), '--json'];
      const { code, stdout, stderr } = await runVsync(args, { home: world.folder });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const { checks } = JSON.parse(stdout) as { checks: { what: string; outcome: string }[] };
      expect(checks.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
      for (const name of ['nginx-1', 'nginx-2', 'nginx-3'])
        expect(checks.map(({ what }) => what)).toContainEqual(expect.stringContaining(`instance ${name} (`));
    });

    test('serves until SIGTERM, answers the question in progress, and ends with 0', async () => {
      const [port = 0] = await freePorts(1);
      const file = world.configFile({ listen: `127.0.0.1:${port}` });
      const serving = await startVsync(['syncer', '-c', file], { home: world.folder });
      const address = `http://127.0.0.1:${port}`;
      await eventually(async () => {
        expect((await request(`${address}/readyz`)).statusCode).toBe(200);
      }, 'readiness');
      const before = (await world.instance(3).seen()).requests;
      await world.addToken(token, 1, 2);
      const asked = world.ask(address, token, 'nginx-1');
      await eventually(async () => {
        expect((await world.instance(3).seen()).requests).toBeGreaterThan(before);
      }, 'a probe');
      const ended = serving.stop();
      await world.addToken(token, 3);
      expect((await asked).verdict).toBe('Synced');
      expect(await ended).toEqual({ code: 0, signal: null });
      expect(fs.readFileSync(serving.logFile, 'utf8')).not.toContain(token);
    });
  });

  describe('in mode keyval', () => {
    const keyval = (change: object = {}) => ({
      ...SHORT,
      probe: {
        mode: 'keyval',
        scheme: 'http',
        apiPort: world.instance(1).apiPort,
        zone: 'tokens',
        ...change,
      },
    });
    beforeEach(async () => {
      const sync = { nodesOnline: 2, recordsPending: 0 };
      await Promise.all(world.instances.map((instance) => instance.setZoneSync(sync)));
    });

    test('reads the key-value zones', async () => {
      const address = await world.syncer(keyval());
      expect((await world.ask(address, token, 'nginx-1')).verdict).toBe('NotSynced');
      await world.addToken(token, 2);
      expect((await world.ask(address, token, 'nginx-1')).verdict).toBe('Partialy');
      await world.addToken(token, 3);
      expect((await world.ask(address, token, 'nginx-1')).verdict).toBe('Synced');
    });

    test.each<[string, object, RegExp]>([
      ['a zone that does not exist', { zone: 'other' }, /KeyvalNotFound/],
      ['a version that the API does not have', { apiVersion: 12 }, /UnknownVersion/],
    ])('is not ready with %s', async (_, change, expected) => {
      const { address } = await world.startSyncer(keyval(change));
      await eventually(async () => {
        const { statusCode, body } = await request(`${address}/readyz`);
        expect({ statusCode, text: await body.text() }).toEqual({
          statusCode: 503,
          text: expect.stringMatching(expected) as string,
        });
      }, 'a problem');
    });

    test('reports instances that do not see all others', async () => {
      await world.instance(2).setZoneSync({ nodesOnline: 1, recordsPending: 7 });
      const address = await world.syncer(keyval());
      await eventually(async () => {
        const text = await (await request(`${address}/metrics`)).body.text();
        expect(text).toMatch(/records_pending\{instance="nginx-2"\} 7/);
      }, 'the metric');
      const ready = await (await request(`${address}/readyz`)).body.text();
      expect(ready).toMatch(/instance nginx-2: zone_sync sees 1 other nodes, and 2 are in the list/);
    });
  });

  test('writes no token into its log', () => {
    expect(world.logged).not.toBe('');
    expect(world.logged).not.toContain(token);
    expect(world.logged).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  });
});
