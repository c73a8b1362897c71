import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { startKubeApi, syncerServerPaths, type KubeApiServer } from '../../dev/servers/start';
import { KubeApi } from '../../dev/shared/kube-api';
import { loadSyncerConfig, type SyncerConfig } from '../../src/syncer/config';
import { startWarnings } from '../../src/syncer/warnings';
import { chartRules, NEEDED_VERBS } from '../support/kube-account';
import { makeTempFolder, ROOT } from '../support/run-node';

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  rules?: unknown;
  data?: Record<string, string>;
  spec?: {
    clusterIP?: string;
    template?: {
      spec: {
        automountServiceAccountToken?: boolean;
        containers: { args: string[]; livenessProbe: object; readinessProbe: object }[];
      };
    };
  };
}

const CHART = path.join(ROOT, 'deploy', 'helm', 'syncer');
const REQUIRED = ['deployment=gateway', 'host=gateway.example.org', 'path=/auth'];
/** Every part that is off by default. */
const EVERYTHING = [
  ...REQUIRED,
  'namespace=gateways',
  'domain=example.org',
  'tls.secretName=syncer-tls',
  'config.maxListAge=20s',
  'config.log.type=json',
  'podLabels.team=edge',
  'nodeSelector.disk=ssd',
  'extraEnv[0].name=VAULT_TOKEN',
  'extraEnv[0].value=x',
];

const PATHS: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/NAMESPACE/serviceaccounts',
  ConfigMap: '/api/v1/namespaces/NAMESPACE/configmaps',
  Service: '/api/v1/namespaces/NAMESPACE/services',
  Deployment: '/apis/apps/v1/namespaces/NAMESPACE/deployments',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings',
};

async function helm(...args: string[]): Promise<string> {
  const { helm: command } = await syncerServerPaths();
  return (await promisify(execFile)(command, args)).stdout;
}

async function render(values: readonly string[]): Promise<Manifest[]> {
  const set = values.flatMap((value) => ['--set', value]);
  const text = await helm('template', 'gw', CHART, '--namespace', 'tools', ...set);
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function find(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`the chart has no ${kind}`);
  return found;
}

function configOf(manifests: readonly Manifest[]): SyncerConfig {
  const folder = makeTempFolder();
  const file = path.join(folder, 'config.yaml');
  fs.writeFileSync(file, find(manifests, 'ConfigMap').data?.['config.yaml'] ?? '');
  try {
    return loadSyncerConfig(file);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

describe('the chart of Syncer', () => {
  test('passes helm lint, and names a value that is missing', async () => {
    expect(await helm('lint', CHART, '--strict', ...REQUIRED.flatMap((value) => ['--set', value]))).toContain(
      '0 chart(s) failed',
    );
    await expect(helm('template', 'gw', CHART)).rejects.toThrow(/deployment is required/);
  });

  test('has a configuration that Syncer reads, with one warning', async () => {
    const config = configOf(await render(REQUIRED));
    expect(config).toMatchObject({
      listen: { port: 8080 },
      source: { kind: 'kubernetes', namespace: 'tools', deployment: 'gateway' },
      host: 'gateway.example.org',
      path: '/auth',
      port: 8443,
    });
    expect(startWarnings(config)).toEqual([
      expect.stringMatching(/certificates of the instances are not verified/),
    ]);
  });

  test.each<[string, string[], object, string[]]>([
    [
      'mode keyval',
      ['deployment=gateway', 'config.probe.mode=keyval', 'config.probe.zone=tokens'],
      { source: { kind: 'kubernetes', deployment: 'gateway' }, host: undefined },
      ['Role', 'RoleBinding'],
    ],
    [
      'a list of instances',
      ['host=a.example.org', 'path=/auth', 'config.instances[0]=10.0.0.1'],
      { source: { kind: 'static' }, host: 'a.example.org' },
      [],
    ],
    [
      'a headless service',
      ['host=a.example.org', 'path=/auth', 'config.dns.name=gw.gateways.svc.cluster.local'],
      { source: { kind: 'dns' }, path: '/auth' },
      [],
    ],
    [
      'mode keyval with a list of instances',
      ['config.instances[0]=10.0.0.1', 'config.probe.mode=keyval', 'config.probe.zone=tokens'],
      { source: { kind: 'static' }, host: undefined },
      [],
    ],
  ])('needs no other value, and no other permission, for %s', async (_, values, expected, permissions) => {
    const manifests = await render(values);
    expect(configOf(manifests)).toMatchObject(expected);
    expect(manifests.map(({ kind }) => kind).filter((kind) => kind.startsWith('Role'))).toEqual(permissions);
    const pod = find(manifests, 'Deployment').spec?.template?.spec;
    expect(pod?.automountServiceAccountToken).toBe(permissions.length > 0);
  });

  test.each([
    ['deployment', ['config.probe.mode=keyval', 'config.probe.zone=tokens']],
    ['host', ['path=/auth', 'config.instances[0]=10.0.0.1']],
    ['path', ['host=a.example.org', 'config.dns.name=gw.gateways.svc.cluster.local']],
  ])('requires %s where it is needed', async (name, values) => {
    await expect(render(values)).rejects.toThrow(`${name} is required`);
  });

  test('creates the Role in the namespace of the gateway, with the rules that the tests use', async () => {
    const manifests = await render(EVERYTHING);
    expect(find(manifests, 'Role')).toMatchObject({
      metadata: { namespace: 'gateways' },
      rules: chartRules(),
    });
    // Each of them is needed: kubernetes.test.ts takes one away at a time.
    expect(
      chartRules().flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => [verb, resource, group])),
        ),
      ),
    ).toEqual(NEEDED_VERBS.map(([verb, resource]) => [verb, resource, resource === 'pods' ? '' : 'apps']));
    expect(find(manifests, 'RoleBinding')).toMatchObject({
      metadata: { namespace: 'gateways' },
      subjects: [{ kind: 'ServiceAccount', name: 'gw-syncer', namespace: 'tools' }],
    });
    expect(find(manifests, 'ServiceAccount').metadata).toMatchObject({
      name: 'gw-syncer',
      namespace: 'tools',
    });
  });

  test('runs without root, privileges and a writable file system, behind a headless service', async () => {
    const manifests = await render(REQUIRED);
    expect(find(manifests, 'Service').spec?.clusterIP).toBe('None');
    expect(find(manifests, 'Deployment').spec?.template?.spec).toMatchObject({
      securityContext: { runAsNonRoot: true },
      containers: [
        {
          args: ['syncer', '-c', '/etc/vsync/syncer/config.yaml'],
          livenessProbe: { httpGet: { path: '/livez' } },
          readinessProbe: { httpGet: { path: '/readyz' } },
          resources: { limits: {}, requests: {} },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  describe('on a real Kubernetes API', () => {
    let server: KubeApiServer;
    let api: KubeApi;
    beforeAll(async () => {
      server = await startKubeApi();
      api = new KubeApi(server);
      for (const name of ['tools', 'gateways'])
        await api.create('/api/v1/namespaces', { metadata: { name } });
    });
    afterAll(async () => {
      await api.close();
      await server.stop();
    });

    test.each([
      ['the least values', REQUIRED],
      ['every part', EVERYTHING],
    ])('creates every object, with no unknown field: %s', async (_, values) => {
      const manifests = await render(values);
      expect(manifests.map(({ kind }) => kind).sort()).toEqual(Object.keys(PATHS).sort());
      for (const manifest of manifests) {
        const collection = PATHS[manifest.kind]?.replace('NAMESPACE', manifest.metadata.namespace) ?? '';
        const { status, body } = await api.ask(
          'POST',
          `${collection}?dryRun=All&fieldValidation=Strict`,
          manifest,
        );
        expect({ kind: manifest.kind, status, body: status === 201 ? '' : body }).toEqual({
          kind: manifest.kind,
          status: 201,
          body: '',
        });
      }
    });
  });
});
