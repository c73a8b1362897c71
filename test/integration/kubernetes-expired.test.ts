import { startKubeApi, type KubeApiServer } from '../../dev/servers/start';
import { KubernetesInstances } from '../../src/syncer/instances/kubernetes';
import { debugLog } from '../support/collected-log';
import { eventually } from '../support/eventually';
import { KubeAccount } from '../support/kube-account';
import { KubeGateway } from '../support/kube-gateway';

let server: KubeApiServer;
let gateway: KubeGateway;
let account: KubeAccount;
let source: KubernetesInstances;
beforeAll(async () => {
  // Without the cache a compaction of etcd is enough for a 410.
  server = await startKubeApi({ watchCache: false });
});
afterAll(async () => {
  await source.close();
  account.remove();
  await gateway.close();
  await server.stop();
});

/** How often the API has listed pods. */
async function podLists(): Promise<number> {
  const { body } = await gateway.admin.ask('GET', '/metrics');
  const counts = String(body).matchAll(
    /^apiserver_request_total\{.*resource="pods".*verb="LIST".*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

test('KubernetesInstances lists anew after a 410, without a problem', async () => {
  gateway = await KubeGateway.create(server);
  account = await KubeAccount.create(gateway);
  const { log, lines } = debugLog();
  source = new KubernetesInstances({
    ...{ namespace: gateway.namespace, deployment: gateway.deployment, kubeconfig: account.kubeconfig, log },
    times: { watchMs: 1_000, pauseMs: 100 },
  });
  await gateway.addPod('a', '127.0.0.2');
  await source.start();
  const listed = await podLists();
  // Newer than everything that the watch has seen. Only the newest survives the compaction.
  for (const name of ['newer', 'newest']) {
    await gateway.admin.create(`/api/v1/namespaces/${gateway.namespace}/configmaps`, { metadata: { name } });
  }
  await server.compact();
  await eventually(async () => {
    expect(await podLists()).toBeGreaterThan(listed);
  }, 'a new list');
  await gateway.addPod('b', '127.0.0.3');
  await eventually(() => {
    expect(source.current().instances.map(({ name }) => name)).toEqual(['a', 'b']);
    return Promise.resolve();
  }, 'the new pod');
  expect(lines.filter((line) => line.includes('"level":40'))).toEqual([]);
});
