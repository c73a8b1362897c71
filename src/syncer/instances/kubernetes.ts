/*
 * The pods of the gateway's Deployment, watched in the Kubernetes API. A Deployment, its ReplicaSets and its pods are
 * three lists; `select.ts` decides which pods are instances. Absence needs evidence: while the lists do not fit together,
 * as for a moment in each rolling update, the last instances stay, and their age grows.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  AppsV1Api,
  CoreV1Api,
  Observable,
  type KubernetesObject,
  type V1Deployment,
  type V1Pod,
  type V1ReplicaSet,
} from '@kubernetes/client-node';
import type { Logger } from '../../log';
import type { Instance, InstanceList, InstanceSource } from './instance';
import { loadAccess, type KubernetesAccess } from './kubernetes/access';
import { ObjectList, type Listed, type ListTimes } from './kubernetes/list';
import { formatSelector, selectInstances } from './kubernetes/select';

export interface KubernetesOptions extends KubernetesAccess {
  readonly namespace: string;
  /** Name of the gateway's Deployment. */
  readonly deployment: string;
  /** The list of instances must not become older; 30 s by default. */
  readonly maxListAgeMs?: number;
  readonly log: Logger;
  /** For tests. */
  readonly times?: Partial<ListTimes>;
}

const DEFAULT_MAX_LIST_AGE_MS = 30_000;

const TIMES: Omit<ListTimes, 'watchMs'> = {
  answerMs: 5_000,
  pauseMs: 1_000,
  firstRetryMs: 250,
  lastRetryMs: 10_000,
};

export class KubernetesInstances implements InstanceSource {
  readonly kind = 'kubernetes';
  private readonly times: ListTimes;
  private readonly deployments: ObjectList<V1Deployment>;
  /** Of the Deployment's selector, which is read first. */
  private selected: Selected | undefined;
  private instances: readonly Instance[] = [];
  private freshAtMs: number | undefined;
  private mismatch: string | undefined;
  private loggedProblem: string | undefined;

  constructor(private readonly options: KubernetesOptions) {
    // A third, so that one lost watch does not make the list too old.
    const watchMs = (options.maxListAgeMs ?? DEFAULT_MAX_LIST_AGE_MS) / 3;
    this.times = { ...TIMES, watchMs, ...options.times };
    this.deployments = this.objects(this.deploymentsListed());
  }

  async start(): Promise<void> {
    await this.deployments.start();
    await Promise.all([this.selected?.replicaSets.start(), this.selected?.pods.start()]);
  }

  current(): InstanceList {
    this.refresh();
    const problem = this.problem();
    return {
      instances: this.instances,
      ...(this.freshAtMs === undefined ? {} : { freshAtMs: this.freshAtMs }),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  async close(): Promise<void> {
    const { selected } = this;
    await Promise.all([this.deployments.close(), selected?.replicaSets.close(), selected?.pods.close()]);
  }

  private problem(): string | undefined {
    const lists = [this.deployments, this.selected?.replicaSets, this.selected?.pods];
    const problem = lists.find((list) => list?.problem !== undefined)?.problem ?? this.mismatch;
    const { namespace, deployment } = this.options;
    return problem === undefined ? undefined : `Kubernetes API, ${namespace}/${deployment}: ${problem}`;
  }

  private readonly onChange = (): void => {
    this.follow();
    this.select();
    const problem = this.problem();
    if (problem === this.loggedProblem) return;
    this.loggedProblem = problem;
    if (problem === undefined) this.options.log.info('the list of instances is up to date again');
    else this.options.log.warn(problem);
  };

  /** Lists the objects of the Deployment's selector. It can change only if the Deployment is created anew. */
  private follow(): void {
    const selector = this.deployments.items()?.[0]?.spec?.selector;
    if (selector === undefined) return;
    const label = formatSelector(selector);
    if (this.selected?.label === label) return;
    void this.selected?.replicaSets.close();
    void this.selected?.pods.close();
    this.selected = {
      label,
      replicaSets: this.objects(this.replicaSetsListed(label)),
      pods: this.objects(this.podsListed(label)),
    };
    void this.selected.replicaSets.start();
    void this.selected.pods.start();
  }

  private select(): void {
    const deployments = this.deployments.items();
    const [replicaSets, pods] = [this.selected?.replicaSets.items(), this.selected?.pods.items()];
    if (deployments === undefined) return;
    if (deployments.length > 0 && (replicaSets === undefined || pods === undefined)) return;
    const selection = selectInstances({ deployments, replicaSets: replicaSets ?? [], pods: pods ?? [] });
    if ('problem' in selection) {
      this.mismatch = selection.problem;
      return;
    }
    this.mismatch = undefined;
    // The same list, if nothing has changed: connections are kept per list.
    if (!isDeepStrictEqual(selection, this.instances)) this.instances = selection;
    this.refresh();
  }

  /** The whole is as old as the oldest of its lists. */
  private refresh(): void {
    const { selected, deployments } = this;
    const times = [deployments.freshAtMs, selected?.replicaSets.freshAtMs, selected?.pods.freshAtMs];
    if (this.mismatch !== undefined || selected?.pods.items() === undefined) return;
    if (times.every((time) => time !== undefined)) this.freshAtMs = Math.min(...times);
  }

  private objects<T extends KubernetesObject>(listed: Listed<T>): ObjectList<T> {
    return new ObjectList(listed, {
      access: () => loadAccess(this.options, this.times.answerMs),
      times: this.times,
      onChange: this.onChange,
    });
  }

  private deploymentsListed(): Listed<V1Deployment> {
    const { namespace, deployment } = this.options;
    const field = `metadata.name=${deployment}`;
    return {
      asked: { resource: 'deployments', namespace },
      path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`,
      selector: { field },
      list: (config, signal) =>
        config
          .makeApiClient(AppsV1Api)
          .listNamespacedDeployment({ namespace, fieldSelector: field }, until(signal)),
    };
  }

  private replicaSetsListed(label: string): Listed<V1ReplicaSet> {
    const { namespace } = this.options;
    return {
      asked: { resource: 'replicasets', namespace },
      path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/replicasets`,
      selector: { label },
      list: (config, signal) =>
        config
          .makeApiClient(AppsV1Api)
          .listNamespacedReplicaSet({ namespace, labelSelector: label }, until(signal)),
    };
  }

  private podsListed(label: string): Listed<V1Pod> {
    const { namespace } = this.options;
    return {
      asked: { resource: 'pods', namespace },
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`,
      selector: { label },
      list: (config, signal) =>
        config.makeApiClient(CoreV1Api).listNamespacedPod({ namespace, labelSelector: label }, until(signal)),
    };
  }
}

interface Selected {
  readonly label: string;
  readonly replicaSets: ObjectList<V1ReplicaSet>;
  readonly pods: ObjectList<V1Pod>;
}

type RequestOptions = NonNullable<Parameters<CoreV1Api['listNamespacedPod']>[1]>;

/** The library's requests have no other place for a signal. */
function until(signal: AbortSignal): RequestOptions {
  return {
    middlewareMergeStrategy: 'append',
    middleware: [
      {
        pre: (request) => {
          request.setSignal(signal);
          return new Observable(Promise.resolve(request));
        },
        post: (response) => new Observable(Promise.resolve(response)),
      },
    ],
  };
}
