import type { WorkflowHandle } from '@temporalio/client';
import { createClients } from '../../src/activities/clients';
import { pushId } from '../../src/contract/ids';
import { PUSH_UPDATE, type PushBatch, type PushedSecret, type PushResult } from '../../src/contract/push';
import { endPush, ensurePush } from '../../src/temporal/push-workflow';
import type { SyncFixture } from './sync-fixture';

/** A bound on a hang: a push to a worker that was killed waits until Temporal gives it to another one. */
const LIMIT_MS = 60_000;

interface Metadata {
  data: { current_version: number; versions: Record<string, { created_time: string }> };
}

/** The workflow that takes pushes for the first destination of a sync, and its sender. */
export class Pushes {
  private constructor(
    private readonly sync: SyncFixture,
    private readonly firstRun: WorkflowHandle,
  ) {}

  static async to(sync: SyncFixture): Promise<Pushes> {
    const clients = await createClients(sync.config('destination'));
    try {
      await ensurePush(sync.client, clients);
    } finally {
      await clients.close();
    }
    const workflowId = pushId(sync.config('destination').name);
    const { runId } = await sync.client.workflow.getHandle(workflowId).describe();
    return new Pushes(sync, sync.client.workflow.getHandle(workflowId, runId));
  }

  get workflowId(): string {
    return this.firstRun.workflowId;
  }

  /** A secret as the origin has it now, for a batch. */
  async known(path: string): Promise<PushedSecret> {
    const { mount, originVault } = this.sync;
    const { data } = (await originVault.request('GET', `${mount}metadata/${path}`)) as Metadata;
    const { current_version: version, versions } = data;
    return [`${mount}data/${path}`, version, versions[String(version)]?.created_time ?? ''];
  }

  /** Pushes secrets as the origin has them now. */
  async push(...paths: readonly string[]): Promise<PushResult> {
    return this.send(await Promise.all(paths.map((path) => this.known(path))));
  }

  /** Sends a batch; again, if the servers were too slow for it. */
  async send(secrets: PushedSecret[]): Promise<PushResult> {
    for (;;) {
      const result = await this.sendOnce(secrets);
      if (result.why !== 'unavailable') return result;
    }
  }

  private sendOnce(secrets: PushedSecret[]): Promise<PushResult> {
    const { client } = this.sync;
    return client.withDeadline(Date.now() + LIMIT_MS, () =>
      client.workflow
        .getHandle(this.workflowId)
        .executeUpdate<PushResult, [PushBatch]>(PUSH_UPDATE, { args: [{ v: 1, secrets }] }),
    );
  }

  /** How the first run ended, and its number of events. */
  async firstRunNow(): Promise<{ status: string; events: number }> {
    const { status, historyLength } = await this.firstRun.describe();
    return { status: status.name, events: historyLength };
  }

  async end(): Promise<void> {
    await endPush(this.sync.client, this.sync.config('destination').name, 'the test ends');
  }
}
