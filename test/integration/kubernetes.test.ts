import { startKubeApi, type KubeApiServer } from '../../dev/servers/start';
import { KubernetesInstances, type KubernetesOptions } from '../../src/syncer/instances/kubernetes';
import { debugLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { chartRules, KubeAccount, NEEDED_VERBS, type Rule } from '../support/kube-account';
import { KubeGateway } from '../support/kube-gateway';

/** Short, so that a test meets the end of many watches. The time for an answer is that of production: the API may be slow. */
const TIMES = { watchMs: 1_000, pauseMs: 100, firstRetryMs: 50, lastRetryMs: 500 };

let server: KubeApiServer;
let gateway: KubeGateway;
let account: KubeAccount;
let source: KubernetesInstances | undefined;
let lines: string[];

beforeAll(async () => {
  server = await startKubeApi();
});
afterAll(async () => {
  await server.stop();
});
beforeEach(async () => {
  gateway = await KubeGateway.create(server);
  account = await KubeAccount.create(gateway);
});
afterEach(async () => {
  await source?.close();
  source = undefined;
  account.remove();
  await gateway.close();
});

async function start(change: Partial<KubernetesOptions> = {}): Promise<KubernetesInstances> {
  const { namespace, deployment } = gateway;
  const collected = debugLog();
  lines = collected.lines;
  const options = { namespace, deployment, kubeconfig: account.kubeconfig, log: collected.log, times: TIMES };
  source = new KubernetesInstances({ ...options, ...change });
  await source.start();
  return source;
}

function names(): string[] {
  return (source?.current().instances ?? []).map(({ name }) => name).sort();
}

async function listsEventually(expected: string[]): Promise<void> {
  await eventually(
    () => {
      expect(names()).toEqual(expected);
      return Promise.resolve();
    },
    `a list of ${expected.join(', ') || 'no pods'}`,
  );
}

async function problemEventually(expected: RegExp | undefined): Promise<void> {
  await eventually(
    () => {
      const { problem } = source?.current() ?? {};
      if (expected === undefined) expect(problem).toBeUndefined();
      else expect(problem).toMatch(expected);
      return Promise.resolve();
    },
    expected === undefined ? 'the end of the problem' : `the problem ${expected.source}`,
  );
}

/** Rules without one verb on one resource. */
function rulesWithout(verb: string, resource: string): Rule[] {
  return chartRules().flatMap((rule) =>
    rule.resources.map((only) => ({
      ...rule,
      resources: [only],
      verbs: rule.verbs.filter((each) => only !== resource || each !== verb),
    })),
  );
}

describe('KubernetesInstances follows', () => {
  test('pods that come, become ready, stop being ready, and end', async () => {
    await gateway.addPod('a', '127.0.0.2');
    await gateway.addPod('b', '127.0.0.3', { ready: false });
    const { instances, problem, freshAtMs } = (await start()).current();
    expect({ instances, problem }).toEqual({ instances: [{ name: 'a', address: '127.0.0.2' }] });
    expect(freshAtMs).toBeGreaterThan(Date.now() - 60_000);
    await gateway.setPodStatus('b', '127.0.0.3', true);
    await listsEventually(['a', 'b']);
    await gateway.addPod('c', '127.0.0.4');
    await listsEventually(['a', 'b', 'c']);
    await gateway.setPodStatus('a', '127.0.0.2', false);
    await listsEventually(['b', 'c']);
    await gateway.terminatePod('b');
    await listsEventually(['c']);
    await gateway.removePod('c');
    await listsEventually([]);
  });

  test('a rolling update to the pods of the new ReplicaSet', async () => {
    await gateway.addPod('old', '127.0.0.2');
    await start();
    expect(names()).toEqual(['old']);
    await gateway.createReplicaSet('second');
    await gateway.addPod('new', '127.0.0.3');
    await gateway.raiseRevision();
    await listsEventually(['new']);
    expect(source?.current().problem).toBeUndefined();
  });

  test('a scale to zero, and reports a fresh list without instances', async () => {
    await gateway.addPod('a', '127.0.0.2');
    await start();
    await gateway.removePod('a');
    await listsEventually([]);
    const { freshAtMs = 0, problem } = source?.current() ?? {};
    expect(problem).toBeUndefined();
    expect(freshAtMs).toBeGreaterThan(Date.now() - 60_000);
  });

  test('a Deployment that is created only later', async () => {
    await gateway.deleteDeployment();
    await start();
    expect(source?.current()).toEqual({
      instances: [],
      problem: `Kubernetes API, ${gateway.namespace}/gateway: the Deployment does not exist: check the keys namespace and deployment`,
    });
    await gateway.createDeployment();
    await gateway.rollOut('again');
    await gateway.addPod('a', '127.0.0.2');
    await listsEventually(['a']);
    await problemEventually(undefined);
  });

  test('nothing, and proves every second that the list is complete', async () => {
    const { freshAtMs: first = 0 } = (await start()).current();
    await eventually(() => {
      expect(source?.current().freshAtMs).toBeGreaterThan(first + 2_000);
      return Promise.resolve();
    }, 'a newer proof');
  });
});

describe('KubernetesInstances', () => {
  test('keeps the last instances while the ReplicaSet of a new revision is missing', async () => {
    await gateway.addPod('a', '127.0.0.2');
    const { freshAtMs } = (await start()).current();
    await gateway.raiseRevision();
    await problemEventually(/no ReplicaSet has revision 2 of the Deployment/);
    expect(names()).toEqual(['a']);
    expect(source?.current().freshAtMs).toBeGreaterThanOrEqual(freshAtMs ?? 0);
    await gateway.rollOut('second');
    await listsEventually([]);
    await problemEventually(undefined);
  });

  test('keeps the last instances over a restart of the API, and sees what changes after it', async () => {
    await gateway.addPod('a', '127.0.0.2');
    await start();
    const halted = server.halt();
    await problemEventually(/connection refused|connection was closed|connection ended/);
    await halted;
    const { freshAtMs } = source?.current() ?? {};
    expect(names()).toEqual(['a']);
    await server.restart();
    expect(source?.current().freshAtMs).toBeGreaterThanOrEqual(freshAtMs ?? 0);
    await problemEventually(undefined);
    await gateway.addPod('b', '127.0.0.3');
    await listsEventually(['a', 'b']);
  });

  test('keeps the last instances while the API hangs, and reports that it does not answer', async () => {
    await gateway.addPod('a', '127.0.0.2');
    await start();
    process.kill(server.pid, 'SIGSTOP');
    try {
      await problemEventually(/stopped answering a watch|no answer in time/);
      expect(names()).toEqual(['a']);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await problemEventually(undefined);
    await gateway.addPod('b', '127.0.0.3');
    await listsEventually(['a', 'b']);
  });
});

describe('KubernetesInstances with a Role', () => {
  test.each(NEEDED_VERBS)(
    'without "%s" on %s names both, and heals when the Role has them',
    async (verb, resource) => {
      await gateway.addPod('a', '127.0.0.2');
      await account.setRules(rulesWithout(verb, resource));
      await start();
      await problemEventually(
        new RegExp(`does not permit "${verb}" on ${resource} in namespace ${gateway.namespace}`),
      );
      expect(source?.current().freshAtMs).toBeUndefined();
      await account.setRules(chartRules());
      await problemEventually(undefined);
      await listsEventually(['a']);
    },
  );
});

describe('KubernetesInstances with a service account', () => {
  test('reads a token again that has expired', async () => {
    await gateway.addPod('a', '127.0.0.2');
    await start();
    // Beyond the minute for clocks that differ.
    account.writeToken({ expiresInSeconds: -120 });
    await problemEventually(/does not accept the token \(401\)/);
    expect(names()).toEqual(['a']);
    account.writeToken({ expiresInSeconds: 3_600 });
    await problemEventually(undefined);
    expect(lines.join('\n')).not.toMatch(/eyJ/);
  });

  test('uses the one of its pod', async () => {
    await gateway.addPod('a', '127.0.0.2');
    process.env['KUBERNETES_SERVICE_HOST'] = '127.0.0.1';
    process.env['KUBERNETES_SERVICE_PORT'] = String(server.port);
    try {
      await start({ kubeconfig: undefined, root: account.writePodFiles() });
    } finally {
      delete process.env['KUBERNETES_SERVICE_HOST'];
      delete process.env['KUBERNETES_SERVICE_PORT'];
    }
    expect(source?.current()).toMatchObject({ instances: [{ name: 'a' }] });
  });
});
