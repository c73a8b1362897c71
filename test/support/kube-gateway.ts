import { randomBytes } from 'node:crypto';
import { KubeApi } from '../../dev/shared/kube-api';
import type { KubeApiServer } from '../../dev/servers/start';

const REVISION = 'deployment.kubernetes.io/revision';

interface Created {
  metadata: { uid: string };
}

/** What Kubernetes' controllers and kubelets do for a gateway's Deployment, done by the test. */
export class KubeGateway {
  readonly deployment = 'gateway';
  private readonly api: KubeApi;
  private deploymentUid = '';
  private replicaSetUid = '';
  private hash = '';
  private revision = 0;

  private constructor(
    readonly server: KubeApiServer,
    readonly namespace: string,
  ) {
    this.api = new KubeApi(server);
  }

  /** A namespace of its own, with a Deployment that has one ReplicaSet and no pods. */
  static async create(server: KubeApiServer): Promise<KubeGateway> {
    const gateway = new KubeGateway(server, `gateway-${randomBytes(4).toString('hex')}`);
    await gateway.api.create('/api/v1/namespaces', { metadata: { name: gateway.namespace } });
    await gateway.createDeployment();
    await gateway.rollOut('first');
    return gateway;
  }

  /** The API with every right. */
  get admin(): KubeApi {
    return this.api;
  }

  async createDeployment(): Promise<void> {
    const { metadata } = await this.api.create<Created>(this.apps('deployments'), {
      metadata: { name: this.deployment, labels: LABELS },
      spec: { selector: { matchLabels: LABELS }, template: podTemplate(LABELS) },
    });
    this.deploymentUid = metadata.uid;
  }

  async deleteDeployment(): Promise<void> {
    await this.api.delete(this.apps('deployments', this.deployment), { now: true });
  }

  /** A new ReplicaSet is the current one; pods of the earlier ones stay. */
  async rollOut(hash: string): Promise<void> {
    await this.createReplicaSet(hash);
    await this.raiseRevision();
  }

  /** As the deployment controller does before it raises the revision of the Deployment. */
  async createReplicaSet(hash: string): Promise<void> {
    const labels = { ...LABELS, 'pod-template-hash': hash };
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: this.deployment, controller: true };
    const { metadata } = await this.api.create<Created>(this.apps('replicasets'), {
      metadata: {
        name: `${this.deployment}-${hash}`,
        labels,
        annotations: { [REVISION]: String(this.revision + 1) },
        ownerReferences: [{ ...owner, uid: this.deploymentUid }],
      },
      spec: { selector: { matchLabels: labels }, template: podTemplate(labels) },
    });
    this.hash = hash;
    this.replicaSetUid = metadata.uid;
  }

  async raiseRevision(): Promise<void> {
    this.revision += 1;
    await this.api.patch(this.apps('deployments', this.deployment), {
      metadata: { annotations: { [REVISION]: String(this.revision) } },
    });
  }

  /** A pod of the current ReplicaSet, running and ready unless `ready` is false. */
  async addPod(name: string, podIP: string, { ready = true } = {}): Promise<void> {
    const labels = { ...LABELS, 'pod-template-hash': this.hash };
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', controller: true, uid: this.replicaSetUid };
    await this.api.create(this.pods(), {
      metadata: { name, labels, ownerReferences: [{ ...owner, name: `${this.deployment}-${this.hash}` }] },
      spec: { ...podTemplate(labels).spec, nodeName: 'node-1' },
    });
    await this.setPodStatus(name, podIP, ready);
  }

  async setPodStatus(name: string, podIP: string, ready: boolean): Promise<void> {
    await this.api.patch(`${this.pods(name)}/status`, {
      status: {
        phase: 'Running',
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    });
  }

  /** It keeps being terminated: no kubelet reports its end. */
  async terminatePod(name: string): Promise<void> {
    await this.api.delete(this.pods(name));
  }

  async removePod(name: string): Promise<void> {
    await this.api.delete(this.pods(name), { now: true });
  }

  async close(): Promise<void> {
    await this.api.close();
  }

  private apps(kind: string, name?: string): string {
    return `/apis/apps/v1/namespaces/${this.namespace}/${kind}${name === undefined ? '' : `/${name}`}`;
  }

  private pods(name?: string): string {
    return `/api/v1/namespaces/${this.namespace}/pods${name === undefined ? '' : `/${name}`}`;
  }
}

const LABELS = { app: 'gateway' };

function podTemplate(labels: Record<string, string>) {
  return { metadata: { labels }, spec: { containers: [{ name: 'nginx', image: 'nginx' }] } };
}
