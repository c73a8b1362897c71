import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import type { ServiceAccountIdentity } from '../../dev/servers/start';
import { ROOT } from './run-node';
import { eventually } from './eventually';
import type { KubeGateway } from './kube-gateway';

export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** What the Role permits, and no more: with one of them missing, there is no list of instances. */
export const NEEDED_VERBS: readonly (readonly [verb: string, resource: string])[] = [
  ['list', 'pods'],
  ['watch', 'pods'],
  ['list', 'replicasets'],
  ['watch', 'replicasets'],
  ['list', 'deployments'],
  ['watch', 'deployments'],
];

/** The rules of the chart's Role. Its template has no expressions in them. */
export function chartRules(): Rule[] {
  const file = path.join(ROOT, 'deploy', 'helm', 'syncer', 'templates', 'role.yaml');
  const lines = fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !line.includes('{{'));
  const [document] = parseAllDocuments(lines.join('\n'));
  return (document?.toJS() as { rules: Rule[] }).rules;
}

/** A service account as the chart creates it, and the kubeconfig of a process that uses it. */
export class KubeAccount {
  private constructor(
    private readonly gateway: KubeGateway,
    private readonly identity: ServiceAccountIdentity,
    private readonly folder: string,
  ) {}

  static async create(gateway: KubeGateway, rules: readonly Rule[] = chartRules()): Promise<KubeAccount> {
    const { admin, namespace } = gateway;
    const name = `syncer-${randomUUID().slice(0, 8)}`;
    const { metadata } = await admin.create<{ metadata: { uid: string } }>(
      `/api/v1/namespaces/${namespace}/serviceaccounts`,
      { metadata: { name } },
    );
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await admin.create(`${rbac}/roles`, { metadata: { name }, rules });
    await admin.create(`${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    });
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'vsync-kube-'));
    const account = new KubeAccount(gateway, { namespace, name, uid: metadata.uid }, folder);
    account.writeToken({ expiresInSeconds: 3600 });
    account.writeKubeconfig();
    await account.untilGranted(rules);
    return account;
  }

  get kubeconfig(): string {
    return path.join(this.folder, 'kubeconfig');
  }

  /** What the kubelet does before a token expires. */
  writeToken({ expiresInSeconds }: { expiresInSeconds: number }): void {
    const token = this.gateway.server.serviceAccountToken(this.identity, { expiresInSeconds });
    fs.writeFileSync(path.join(this.folder, 'token'), `${token}\n`);
  }

  async setRules(rules: readonly Rule[]): Promise<void> {
    const { namespace, name } = this.identity;
    await this.gateway.admin.patch(
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/${name}`,
      {
        rules,
      },
    );
    await this.untilGranted(rules);
  }

  /** The API authorizes by its own copy of the rules, which is a moment old. */
  private async untilGranted(rules: readonly Rule[]): Promise<void> {
    const expected = NEEDED_VERBS.map(([verb, resource]) =>
      rules.some(({ verbs, resources }) => verbs.includes(verb) && resources.includes(resource)),
    );
    await eventually(async () => {
      const granted = await Promise.all(NEEDED_VERBS.map(([verb, resource]) => this.may(verb, resource)));
      if (!isDeepStrictEqual(granted, expected)) throw new Error(`granted: ${granted.join(', ')}`);
    }, 'the API to authorize by the new rules');
  }

  private async may(verb: string, resource: string): Promise<boolean> {
    const { namespace, name } = this.identity;
    const group = resource === 'pods' ? '' : 'apps';
    const user = `system:serviceaccount:${namespace}:${name}`;
    const review = { spec: { user, resourceAttributes: { namespace, verb, group, resource } } };
    const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
    const { status } = await this.gateway.admin.create<{ status: { allowed: boolean } }>(path, review);
    return status.allowed;
  }

  /** The rules of the chart again. */
  async restoreRules(): Promise<void> {
    await this.setRules(chartRules());
  }

  /** The files of a pod, below a folder that stands in for its root. */
  writePodFiles(): string {
    const target = path.join(this.folder, 'var', 'run', 'secrets', 'kubernetes.io', 'serviceaccount');
    fs.mkdirSync(target, { recursive: true });
    fs.copyFileSync(path.join(this.folder, 'token'), path.join(target, 'token'));
    fs.copyFileSync(this.gateway.server.caFile, path.join(target, 'ca.crt'));
    return this.folder;
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  private writeKubeconfig(): void {
    const { address, caFile } = this.gateway.server;
    const named = (name: string, key: string, value: object): object => ({ name, [key]: value });
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [named('test', 'cluster', { server: address, 'certificate-authority': caFile })],
      contexts: [named('test', 'context', { cluster: 'test', user: 'syncer' })],
      users: [named('syncer', 'user', { tokenFile: 'token' })],
    };
    fs.writeFileSync(this.kubeconfig, JSON.stringify(config));
  }
}
