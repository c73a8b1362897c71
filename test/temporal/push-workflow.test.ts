import { ScheduleNotFoundError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Clients } from '../../src/activities/clients';
import type { OriginState } from '../../src/sync-info/state';
import { SyncInfo } from '../../src/sync-info/sync-info';
import { keepPush } from '../../src/temporal/push-workflow';
import { MemoryStore } from '../support/memory-store';

const MEMO = { v: 1, cluster: 'c1', syncPath: 'vsync/' };

/** A destination whose origin has this state, at a Temporal with this push. */
async function world(
  state: Pick<OriginState, 'feed'>,
  push?: { status?: string; memo?: object },
  { isStopped = false } = {},
) {
  const calls: unknown[] = [];
  const gone = () => new WorkflowNotFoundError('gone', 'vsync-push-d', undefined);
  const client = {
    workflow: {
      getHandle: () => ({
        describe: () => {
          if (push === undefined) throw gone();
          return { status: { name: push.status ?? 'RUNNING' }, memo: { vsync: push.memo ?? MEMO } };
        },
        terminate: (reason: string) => {
          calls.push(['terminate', reason]);
          if (push === undefined && calls.length === 1) throw gone();
        },
      }),
      start: (
        type: string,
        { workflowId, taskQueue, memo, workflowIdConflictPolicy }: Record<string, unknown>,
      ) => {
        calls.push(['start', type, workflowId, taskQueue, memo, workflowIdConflictPolicy]);
      },
    },
    schedule: {
      getHandle: () => ({
        describe: () => {
          if (isStopped) throw new ScheduleNotFoundError('gone', 's');
          return {};
        },
      }),
    },
  } as unknown as Client;
  const originInfo = new SyncInfo(new MemoryStore(), 'vsync/origin/');
  const value = Buffer.from(JSON.stringify({ v: 1, name: 'o', mounts: {}, ...state }));
  await originInfo.store.commit([{ key: originInfo.stateKey, value, expect: 0 }]);
  const config = { role: 'destination', name: 'd', origin: { syncPath: 'vsync/' } };
  const clients = { role: 'destination', clusters: { origin: 'c1' }, deps: { config, originInfo } };
  await keepPush(client, clients as unknown as Clients);
  return calls;
}

const started = (policy?: string) => [
  'start',
  'pushChanges',
  'vsync-push-d',
  'vsync-destination-d',
  { vsync: MEMO },
  policy,
];

describe('keepPush', () => {
  it('starts the push of a destination whose origin has a feed, with the origin in its memo', async () => {
    expect(await world({ feed: true })).toEqual([started()]);
    expect(await world({ feed: true }, { status: 'TERMINATED' })).toEqual([started()]);
  });

  it('leaves a running one alone', async () => {
    expect(await world({ feed: true }, {})).toEqual([]);
  });

  it('replaces one for another origin', async () => {
    const calls = await world({ feed: true }, { memo: { ...MEMO, cluster: 'c2' } });
    expect(calls).toEqual([started('TERMINATE_EXISTING')]);
  });

  it('ends one whose origin has no feed, and takes it well if there is none', async () => {
    expect(await world({}, {})).toEqual([['terminate', 'the origin has no feed']]);
    expect(await world({})).toEqual([['terminate', 'the origin has no feed']]);
  });

  it('ends what it has started if "vsync stop" removed the schedule meanwhile', async () => {
    const calls = await world({ feed: true }, undefined, { isStopped: true });
    expect(calls).toEqual([started(), ['terminate', 'the schedule was removed']]);
  });
});
