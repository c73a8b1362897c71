/*
 * Which pods are NGINX instances. Pure. The current ReplicaSet is found as the original Syncer finds it: the Deployment
 * and its newest ReplicaSet have the same revision. The original takes its pods at once; here they must also be ready.
 */
import type { Instance } from '../instance';

const REVISION = 'deployment.kubernetes.io/revision';
const TEMPLATE_HASH = 'pod-template-hash';

/** What is read of an object's metadata. */
interface Metadata {
  readonly name?: string;
  readonly uid?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: unknown;
  readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[];
}

/** A Deployment or a ReplicaSet. */
export interface Owner {
  readonly metadata?: Metadata;
}

export interface Pod {
  readonly metadata?: Metadata;
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

export interface Objects {
  /** As the API lists them under the configured name: one or none. */
  readonly deployments: readonly Owner[];
  readonly replicaSets: readonly Owner[];
  readonly pods: readonly Pod[];
}

/** @returns the instances, or why they cannot be determined now: absent objects do not mean absent instances */
export function selectInstances({
  deployments,
  replicaSets,
  pods,
}: Objects): Instance[] | { problem: string } {
  const deployment = deployments[0];
  if (deployment === undefined) {
    return { problem: 'the Deployment does not exist: check the keys namespace and deployment' };
  }
  const revision = deployment.metadata?.annotations?.[REVISION];
  const current = replicaSets.find(
    (replicaSet) => isOf(replicaSet, deployment) && replicaSet.metadata?.annotations?.[REVISION] === revision,
  );
  const hash = current?.metadata?.labels?.[TEMPLATE_HASH];
  if (revision === undefined || hash === undefined) {
    return {
      problem:
        `no ReplicaSet has revision ${revision ?? '(none yet)'} of the Deployment: it was just changed, or the ` +
        'deployment controller of the cluster does not run',
    };
  }
  return pods.filter((pod) => pod.metadata?.labels?.[TEMPLATE_HASH] === hash).flatMap(asInstance);
}

/** A pod that answers requests: running, ready, not terminating. */
function asInstance({ metadata, status }: Pod): Instance[] {
  const ready = status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  if (metadata?.name === undefined || status?.podIP === undefined || status.podIP === '') return [];
  if (metadata.deletionTimestamp !== undefined || status.phase !== 'Running' || ready !== true) return [];
  return [{ name: metadata.name, address: status.podIP }];
}

function isOf(replicaSet: Owner, deployment: Owner): boolean {
  const owner = replicaSet.metadata?.ownerReferences?.find(({ controller }) => controller === true);
  return owner !== undefined && owner.uid === deployment.metadata?.uid;
}

/** A selector in the form of the query parameter `labelSelector`. */
export function formatSelector({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return key;
    }
  });
  return [...equal, ...others].join(',');
}
