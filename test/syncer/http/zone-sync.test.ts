import { eventually } from '../../support/eventually';
import { answer, type TinyServer } from '../../support/tiny-server';
import { probeConfig } from '../probe-config';
import { RunningSyncer } from './running-syncer';

let syncer: RunningSyncer;

beforeEach(async () => {
  const { probe } = probeConfig({}, { mode: 'keyval', zone: 'tokens', zoneSyncEveryMs: 5 });
  syncer = await RunningSyncer.start(3, { probe });
});
afterEach(async () => {
  await syncer.close();
});

type Handler = Parameters<TinyServer['answers']>[0];

const code = (name: string): object => ({ error: { status: 404, text: '', code: name } });

/** An instance of NGINX Plus as its API answers: an unknown key, and what it reports of zone_sync. */
function nginxPlus(online: number, keyError = 'KeyvalKeyNotFound'): Handler {
  const zones = { tokens: { records_pending: 2, records_total: 5 } };
  return (request, response) => {
    const isZoneSync = request.url === '/api/9/stream/zone_sync/';
    const handler = isZoneSync
      ? answer(200, { status: { nodes_online: online }, zones })
      : answer(404, code(keyError));
    handler(request, response);
  };
}

interface Ready {
  readonly status: string;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

async function readyWhen(wanted: (ready: Ready, status: number) => void): Promise<void> {
  await eventually(async () => {
    const response = await syncer.get('/readyz');
    wanted((await response.json()) as Ready, response.status);
  }, 'the state of /readyz');
}

describe('the checks in mode keyval', () => {
  it('close the connections to an instance that has left, also without questions', async () => {
    let isClosed: boolean | undefined;
    for (const pod of syncer.pods) pod.answers(nginxPlus(2));
    syncer.pods[2]?.answers((request, response) => {
      isClosed ??= false;
      request.socket.once('close', () => (isClosed = true));
      nginxPlus(2)(request, response);
    });
    await eventually(() => {
      expect(isClosed).toBe(false);
      return Promise.resolve();
    }, 'a connection');
    syncer.source.list = { ...syncer.source.list, instances: syncer.source.list.instances.slice(0, 2) };
    await eventually(
      () => {
        expect(isClosed).toBe(true);
        return Promise.resolve();
      },
      'the end of the connection',
      // The instance itself closes an idle connection after 5 s.
      4_000,
    );
  });
});

describe('/readyz in mode keyval', () => {
  it('is ready while all instances see each other, and measures them', async () => {
    for (const pod of syncer.pods) pod.answers(nginxPlus(2));
    await readyWhen((ready, status) => {
      expect([status, ready]).toEqual([200, { status: 'ready', problems: [], warnings: [] }]);
    });
    await eventually(async () => {
      expect(await syncer.metric('syncer_zone_sync_nodes_online{instance="pod-1"}')).toBe(2);
      expect(await syncer.metric('syncer_zone_sync_records_pending{instance="pod-1"}')).toBe(2);
    }, 'the metrics');
  });

  it.each([
    ['KeyvalNotFound', 'correct probe.zone'],
    ['UnknownVersion', 'probe.apiVersion'],
  ])('is not ready after %s of one instance, until it is repaired', async (error, remedy) => {
    for (const pod of syncer.pods) pod.answers(nginxPlus(2));
    syncer.pods[1]?.answers(nginxPlus(2, error));
    await readyWhen(({ problems }, status) => {
      expect([status, problems.length]).toEqual([503, 1]);
      expect(problems[0]).toMatch(/^instance pod-1: /);
      expect(problems[0]).toContain(remedy);
    });
    syncer.pods[1]?.answers(nginxPlus(2));
    await readyWhen((_ready, status) => {
      expect(status).toBe(200);
    });
  });

  it('is ready with a warning while one instance is out of step or down', async () => {
    for (const pod of syncer.pods) pod.answers(nginxPlus(2));
    syncer.pods[1]?.answers(nginxPlus(1));
    syncer.pods[2]?.answers((request) => request.socket.destroy());
    await readyWhen(({ warnings, problems }, status) => {
      expect([status, problems, warnings.length]).toEqual([200, [], 2]);
      expect(warnings[0]).toContain('zone_sync sees 1 other nodes, and 2 are in the list');
    });
  });

  it.each([
    ['sees more nodes than are in the list, as during a rolling update', nginxPlus(5)],
    ['sees no other node', nginxPlus(0)],
    ['is down', ((request) => request.socket.destroy()) satisfies Handler],
  ])('stays ready with warnings while each instance %s', async (_what, handler) => {
    for (const pod of syncer.pods) pod.answers(handler);
    // Many checks: each asks for a key, and for zone_sync if that is answered.
    await eventually(() => {
      expect(syncer.pods[2]?.requests.length).toBeGreaterThan(20);
      return Promise.resolve();
    }, 'the checks');
    await readyWhen(({ problems, warnings }, status) => {
      expect([status, problems, warnings.length]).toEqual([200, [], 3]);
    });
  });

  it('sends the headers of the configuration with both questions', async () => {
    await syncer.close();
    const headers = { authorization: 'Basic c3luY2Vy' };
    const { probe } = probeConfig({}, { mode: 'keyval', zone: 'tokens', zoneSyncEveryMs: 5, headers });
    syncer = await RunningSyncer.start(3, { probe });
    for (const pod of syncer.pods)
      pod.answers((request, response) => {
        const isAllowed = request.headers.authorization === headers.authorization;
        (isAllowed ? nginxPlus(2) : answer(401))(request, response);
      });
    await eventually(async () => {
      expect(await syncer.metric('syncer_zone_sync_nodes_online{instance="pod-1"}')).toBe(2);
    }, 'the metric');
    await readyWhen(({ warnings }, status) => {
      expect([status, warnings]).toEqual([200, []]);
    });
  });

  it('is not ready if zone_sync is switched off', async () => {
    for (const pod of syncer.pods)
      pod.answers((request, response) => {
        const isKey = request.url?.includes('/keyvals/') === true;
        answer(404, code(isKey ? 'KeyvalKeyNotFound' : 'PathNotFound'))(request, response);
      });
    await readyWhen(({ problems }, status) => {
      expect(status).toBe(503);
      expect(problems[0]).toContain('zone_sync is not on there');
    });
  });
});
