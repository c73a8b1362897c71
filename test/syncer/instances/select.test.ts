import {
  formatSelector,
  selectInstances,
  type Owner,
  type Pod,
} from '../../../src/syncer/instances/kubernetes/select';

const REVISION = 'deployment.kubernetes.io/revision';

function deployment(revision?: string): Owner {
  return { metadata: { uid: 'd', annotations: revision === undefined ? {} : { [REVISION]: revision } } };
}

function replicaSet(hash: string, revision: string, owner = 'd'): Owner {
  const ownerReferences = [
    { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gw', uid: owner, controller: true },
  ];
  return {
    metadata: {
      labels: { 'pod-template-hash': hash },
      annotations: { [REVISION]: revision },
      ownerReferences,
    },
  };
}

function pod(name: string, hash: string, change: Partial<Pod> = {}): Pod {
  return {
    metadata: { name, labels: { 'pod-template-hash': hash } },
    status: { phase: 'Running', podIP: '127.0.0.2', conditions: [{ type: 'Ready', status: 'True' }] },
    ...change,
  };
}

const OLD_AND_NEW = [replicaSet('old', '1'), replicaSet('new', '2')];

describe('selectInstances', () => {
  test('takes the pods of the ReplicaSet that has the revision of the Deployment', () => {
    const pods = [pod('a', 'old'), pod('b', 'new')];
    const select = (revision: string) =>
      selectInstances({ deployments: [deployment(revision)], replicaSets: OLD_AND_NEW, pods });
    expect(select('1')).toEqual([{ name: 'a', address: '127.0.0.2' }]);
    expect(select('2')).toEqual([{ name: 'b', address: '127.0.0.2' }]);
  });

  test('takes no ReplicaSet of another Deployment with the same labels', () => {
    const replicaSets = [replicaSet('foreign', '2', 'other'), replicaSet('new', '2')];
    const pods = [pod('a', 'foreign'), pod('b', 'new')];
    expect(selectInstances({ deployments: [deployment('2')], replicaSets, pods })).toEqual([
      { name: 'b', address: '127.0.0.2' },
    ]);
  });

  const status = { phase: 'Running', podIP: '127.0.0.2', conditions: [{ type: 'Ready', status: 'True' }] };
  test.each<[string, Partial<Pod>]>([
    ['is pending', { status: { ...status, phase: 'Pending' } }],
    ['has ended', { status: { ...status, phase: 'Succeeded' } }],
    ['has no address yet', { status: { ...status, podIP: '' } }],
    ['has no status yet', { status: {} }],
    ['is not ready', { status: { ...status, conditions: [{ type: 'Ready', status: 'False' }] } }],
    [
      'is not known to be ready',
      { status: { ...status, conditions: [{ type: 'Ready', status: 'Unknown' }] } },
    ],
    [
      'is ready only to be started',
      { status: { ...status, conditions: [{ type: 'Initialized', status: 'True' }] } },
    ],
    [
      'is terminating',
      { metadata: { name: 'b', labels: { 'pod-template-hash': 'new' }, deletionTimestamp: new Date() } },
    ],
  ])('leaves out a pod that %s', (_, change) => {
    const pods = [pod('a', 'new'), pod('b', 'new', change)];
    const found = selectInstances({ deployments: [deployment('2')], replicaSets: OLD_AND_NEW, pods });
    expect(found).toEqual([{ name: 'a', address: '127.0.0.2' }]);
  });

  test('finds no instances of a Deployment that is scaled to zero', () => {
    expect(selectInstances({ deployments: [deployment('2')], replicaSets: OLD_AND_NEW, pods: [] })).toEqual(
      [],
    );
  });

  test('does not take a missing Deployment, ReplicaSet or revision for no instances', () => {
    const pods = [pod('a', 'new')];
    expect(selectInstances({ deployments: [], replicaSets: OLD_AND_NEW, pods })).toEqual({
      problem: 'the Deployment does not exist: check the keys namespace and deployment',
    });
    const missing = (revision?: string) =>
      selectInstances({ deployments: [deployment(revision)], replicaSets: OLD_AND_NEW, pods });
    expect(missing('3')).toEqual({
      problem: expect.stringMatching(/^no ReplicaSet has revision 3 of/) as string,
    });
    expect(missing()).toEqual({ problem: expect.stringMatching(/revision \(none yet\)/) as string });
  });
});

test('formatSelector writes every operator as the API reads it', () => {
  expect(
    formatSelector({
      matchLabels: { app: 'gw', tier: 'edge' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['x', 'y'] },
        { key: 'b', operator: 'NotIn', values: ['z'] },
        { key: 'c', operator: 'Exists' },
        { key: 'd', operator: 'DoesNotExist' },
      ],
    }),
  ).toBe('app=gw,tier=edge,a in (x,y),b notin (z),c,!d');
});
