import fs from 'node:fs';
import path from 'node:path';
import { request } from 'undici';
import { z } from 'zod';
import {
  startKubeApi,
  startNginxInstances,
  type KubeApiServer,
  type NginxInstance,
} from '../../dev/servers/start';
import { loadSyncerConfig, type SyncerConfig } from '../../src/syncer/config';
import { startSyncer, type Syncer } from '../../src/syncer/service';
import { debugLog } from './collected-log';
import { eventually } from './eventually';
import { KubeAccount } from './kube-account';
import { KubeGateway } from './kube-gateway';
import { makeTempFolder } from './run-node';

const BODY = z
  .object({ status: z.string(), origin: z.string(), instances: z.number(), present: z.number() })
  .loose();

export interface Answer {
  status: number;
  verdict: string | undefined;
  body: unknown;
}

/** A Kubernetes API with a gateway's Deployment, whose pods are NGINX instances. */
export class SyncerWorld {
  private readonly running: Syncer[] = [];
  private readonly logs: string[][] = [];

  private constructor(
    readonly kube: KubeApiServer,
    readonly gateway: KubeGateway,
    readonly account: KubeAccount,
    readonly instances: readonly NginxInstance[],
    readonly folder: string,
  ) {}

  /** Pods `nginx-1`, `nginx-2`, … */
  static async start(count: number): Promise<SyncerWorld> {
    const [kube, instances] = await Promise.all([startKubeApi(), startNginxInstances(count)]);
    const gateway = await KubeGateway.create(kube);
    const account = await KubeAccount.create(gateway);
    for (const [index, { ip }] of instances.entries()) await gateway.addPod(`nginx-${index + 1}`, ip);
    return new SyncerWorld(kube, gateway, account, instances, makeTempFolder());
  }

  /** Starts Syncer with the keys of config.yaml that fit this world, and those given. It is ready when this resolves. */
  async syncer(keys: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { address } = await this.startSyncer(keys);
    await eventually(async () => {
      const { statusCode, body } = await request(`${address}/readyz`);
      const text = await body.text();
      if (statusCode !== 200) throw new Error(text);
    }, 'readiness');
    return address;
  }

  /** The same without waiting. */
  async startSyncer(keys: Readonly<Record<string, unknown>> = {}): Promise<Syncer> {
    const { log, lines } = debugLog();
    const running = await startSyncer(this.config(keys), { log, version: 'test' });
    this.running.push(running);
    this.logs.push(lines);
    return running;
  }

  /** What the keys of a file lead to. */
  config(keys: Readonly<Record<string, unknown>>): SyncerConfig {
    return { ...loadSyncerConfig(this.configFile(keys)), listen: { host: '127.0.0.1', port: 0 } };
  }

  configFile(keys: Readonly<Record<string, unknown>> = {}): string {
    const file = path.join(this.folder, 'config.json');
    fs.writeFileSync(file, JSON.stringify({ ...this.keys(), ...keys }));
    return file;
  }

  async ask(address: string, token: string, origin: string): Promise<Answer> {
    const answer = await request(`${address}/v1/synced`, {
      headers: { 'x-auth-token': token, 'x-nginx-origin': origin },
    });
    const verdict = answer.headers['x-token-status'];
    const body = await answer.body.json();
    return {
      status: answer.statusCode,
      verdict: typeof verdict === 'string' ? verdict : undefined,
      body: answer.statusCode === 200 ? BODY.parse(body) : body,
    };
  }

  /** Puts the token into the zones of these instances, counted from 1. */
  async addToken(token: string, ...numbers: number[]): Promise<void> {
    await Promise.all(numbers.map((number) => this.instance(number).addToken(token)));
  }

  /** Everything that was logged until now. */
  get logged(): string {
    return this.logs.flat().join('');
  }

  instance(number: number): NginxInstance {
    const found = this.instances[number - 1];
    if (found === undefined) throw new Error(`there is no instance ${number}`);
    return found;
  }

  async closeSyncers(): Promise<void> {
    await Promise.all(this.running.splice(0).map((running) => running.close()));
  }

  async stop(): Promise<void> {
    await this.closeSyncers();
    this.account.remove();
    await this.gateway.close();
    await Promise.all([this.kube.stop(), ...this.instances.map((instance) => instance.stop())]);
    fs.rmSync(this.folder, { recursive: true });
  }

  private keys(): Record<string, unknown> {
    const { namespace, deployment } = this.gateway;
    return {
      ...{ namespace, deployment, kubeconfig: this.account.kubeconfig },
      ...{ host: 'gateway.example.org', path: '/auth', port: this.instance(1).port },
      // Generous: a slow machine is not a failure, nor is a list that gets older there.
      ...{ sync_timeout: 50, connection_timeout: 5_000, retries: 200, request_deadline: 30_000 },
      maxListAge: '60s',
    };
  }
}
