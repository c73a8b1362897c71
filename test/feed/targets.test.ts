import type { Client } from '@temporalio/client';
import { DiscoveredTargets } from '../../src/feed/targets';

const ORIGIN = { v: 1 as const, cluster: 'c1', syncPath: 'vsync/' };

interface Listed {
  workflowId: string;
  memo?: Record<string, unknown>;
}

/** Targets whose Temporal lists these workflows; undefined: it does not answer. */
function world(first: Listed[] | undefined) {
  const temporal = { listed: first, queries: [] as string[] };
  const client = {
    withAbortSignal: (_signal: AbortSignal, work: () => Promise<unknown>) => work(),
    workflow: {
      list: ({ query }: { query: string }) => {
        temporal.queries.push(query);
        if (temporal.listed === undefined) throw new Error('no Temporal');
        return temporal.listed;
      },
    },
  } as unknown as Client;
  return { temporal, targets: new DiscoveredTargets(client, ORIGIN) };
}

const of = (workflowId: string, origin: object): Listed => ({ workflowId, memo: { vsync: origin } });

describe('DiscoveredTargets', () => {
  it('finds the running pushes of its own origin, and no others', async () => {
    const { targets, temporal } = world([
      of('vsync-push-a', ORIGIN),
      of('vsync-push-b', { ...ORIGIN, cluster: 'c2' }),
      of('vsync-push-c', { ...ORIGIN, syncPath: 'other/' }),
      of('vsync-push-d', { v: 2 }),
      { workflowId: 'vsync-push-e' },
      of('foreign', ORIGIN),
    ]);
    expect(targets.list()).toEqual([]);
    await targets.refresh();
    expect(targets.list()).toEqual([{ name: 'a', workflowId: 'vsync-push-a' }]);
    expect(temporal.queries).toEqual(["WorkflowType = 'pushChanges' AND ExecutionStatus = 'Running'"]);
  });

  it('keeps what it has found while Temporal does not answer, and forgets what has ended', async () => {
    const { targets, temporal } = world([of('vsync-push-a', ORIGIN)]);
    await targets.refresh();
    temporal.listed = undefined;
    await targets.refresh();
    expect(targets.list()).toHaveLength(1);
    temporal.listed = [];
    await targets.refresh();
    expect(targets.list()).toEqual([]);
  });

  it('asks once for several that want to know at the same time', async () => {
    const { targets, temporal } = world([]);
    await Promise.all([targets.refresh(), targets.refresh()]);
    expect(temporal.queries).toHaveLength(1);
  });

  it('asks at its start, and ends', async () => {
    const { targets, temporal } = world([]);
    targets.start();
    await targets.close();
    expect(temporal.queries).toHaveLength(1);
  });
});
