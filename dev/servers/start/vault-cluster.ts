import { askHttp } from './http';
import { launchInFolder, type RestartableServer } from './launch';
import { enableKv2, expectOk, initialise, raftNode, unsealNode, until } from './vault-raft';

/** A node that hands a request on to one that was killed gives no answer for long: asked again instead. */
const ASK_MS = 500;

/** Three Vaults on raft, as for production: one is active, the others hand requests on to it. */
export interface VaultCluster {
  readonly rootToken: string;
  /** URL of each node, the first active one first. */
  readonly addresses: readonly [string, string, string];
  /** URL of the node that is active now. */
  active(): Promise<string>;
  /** Has the active node hand over to another one, and waits until that serves. */
  stepDown(): Promise<void>;
  /** kill -9 of the active node, and waits until another one serves. */
  killActive(): Promise<void>;
  /** Starts the nodes again that were killed, and waits until they serve. */
  reviveAll(): Promise<void>;
  stop(): Promise<void>;
}

interface Node {
  server: Omit<RestartableServer, 'address'>;
  address: string;
}

/** Starts the cluster, initialised, unsealed, with these KV v2 engines ready. */
export async function startVaultCluster(mounts: readonly string[]): Promise<VaultCluster> {
  const nodes: Node[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map(({ server }) => server.stop()));
  };
  try {
    for (const id of ['one', 'two', 'three']) {
      const server = await launchInFolder({}, await raftNode(id));
      nodes.push({ server, address: `http://127.0.0.1:${server.port}` });
    }
    const [first = '', second = '', third = ''] = nodes.map(({ address }) => address);
    const { rootToken, unsealKey } = await initialise(first);
    await unsealNode(first, unsealKey);
    // A node that joins has no vote for ten seconds otherwise, and two of three votes are needed.
    const autopilot = { server_stabilization_time: '1s', last_contact_threshold: '10s' };
    await expectOk(first, 'sys/storage/raft/autopilot/configuration', autopilot, rootToken);
    for (const address of [second, third]) {
      await expectOk(address, 'sys/storage/raft/join', { leader_api_addr: first });
      await unsealNode(address, unsealKey, true);
    }
    await until('all nodes are voters', async () => (await voters(first, rootToken)) === 3);
    for (const mount of mounts) await enableKv2(first, rootToken, mount);

    const gone = new Set<Node>();
    const activeNode = async (): Promise<Node | undefined> => {
      for (const node of nodes) {
        if (
          !gone.has(node) &&
          (await askHttp(`${node.address}/v1/sys/health`, { timeoutMs: ASK_MS })).status === 200
        )
          return node;
      }
      return undefined;
    };
    const active = async (): Promise<Node> => {
      const node = await activeNode();
      if (node === undefined) throw new Error('no node of the cluster is active');
      return node;
    };
    /** All that are left serve, by another node than the one that was active. */
    const takenOver = async (from: Node): Promise<void> => {
      await until(
        'another node is active',
        async () => ((await activeNode().catch(() => undefined)) ?? from) !== from,
      );
      for (const node of nodes.filter((each) => !gone.has(each))) {
        await until(`${node.address} serves`, async () => (await voters(node.address, rootToken)) === 3);
      }
    };
    return {
      rootToken,
      addresses: [first, second, third],
      active: async () => (await active()).address,
      stepDown: async () => {
        const from = await active();
        await expectOk(from.address, 'sys/step-down', {}, rootToken);
        await takenOver(from);
      },
      killActive: async () => {
        const from = await active();
        gone.add(from);
        await from.server.halt('SIGKILL');
        await takenOver(from);
      },
      reviveAll: async () => {
        for (const node of gone) {
          await node.server.restart();
          await unsealNode(node.address, unsealKey, true);
        }
        gone.clear();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Number of nodes that may vote; 0 if it is unknown now. */
async function voters(address: string, token: string): Promise<number> {
  const { status, body } = await askHttp(`${address}/v1/sys/storage/raft/configuration`, {
    token,
    timeoutMs: ASK_MS,
  }).catch(() => ({ status: 0, body: undefined }));
  if (status !== 200) return 0;
  const { data } = body as { data: { config: { servers: { voter: boolean }[] } } };
  return data.config.servers.filter(({ voter }) => voter).length;
}
