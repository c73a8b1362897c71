import type { Client } from '@temporalio/client';
import { DispatchWidth } from '../../../src/activities/shared/dispatch-width';

/** A Temporal with these workers on the queue, and others that its root does not know; undefined: it cannot tell. */
function temporalWith(
  workers: () => string[] | undefined,
  others: string[] | 'refused' = [],
): { client: Client; asked: object[] } {
  const asked: object[] = [];
  const describeTaskQueue = (request: object): Promise<object> => {
    const isOfAllPartitions = 'apiMode' in request;
    asked.push(request);
    const identities = workers();
    if (identities === undefined) return Promise.reject(new Error('not allowed'));
    const pollersOf = (all: string[]): object[] => all.map((identity) => ({ identity }));
    if (!isOfAllPartitions) return Promise.resolve({ pollers: pollersOf(identities), versionsInfo: {} });
    if (others === 'refused') return Promise.reject(new Error('unknown mode'));
    const versionsInfo = { '': { typesInfo: { 2: { pollers: pollersOf(others) } } } };
    return Promise.resolve({ pollers: [], versionsInfo });
  };
  const client = {
    options: { namespace: 'secrets' },
    withDeadline: <T>(_deadline: number, work: () => Promise<T>): Promise<T> => work(),
    workflowService: { describeTaskQueue },
  };
  return { client: client as unknown as Client, asked };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('DispatchWidth returns two per worker of the shared queue, at most sixteen', async () => {
  // A worker has several polls.
  const { client, asked } = temporalWith(() => ['1@a', '1@a', '1@b', '2@b']);
  expect(await new DispatchWidth('q:shared').atOnce(client)).toBe(6);
  const queue = { namespace: 'secrets', taskQueue: { name: 'q:shared' }, taskQueueType: 2 };
  expect(asked).toMatchObject([queue, { ...queue, apiMode: 1, reportPollers: true }]);
  const many = temporalWith(() => [...Array(20).keys()].map((n) => `${n}@a`));
  expect(await new DispatchWidth('q:shared').atOnce(many.client)).toBe(16);
});

test('DispatchWidth counts workers that only one partition reports', async () => {
  const { client } = temporalWith(() => [], ['1@a', '1@a', '1@b']);
  expect(await new DispatchWidth('q:shared').atOnce(client)).toBe(4);
  const both = temporalWith(() => ['1@a'], ['1@a', '1@b', '1@c']);
  expect(await new DispatchWidth('q:shared').atOnce(both.client)).toBe(6);
});

test('DispatchWidth asks at most once a second', async () => {
  const workers = ['1@a'];
  const { client, asked } = temporalWith(() => workers);
  const shares = new DispatchWidth('q:shared');
  expect(await Promise.all([shares.atOnce(client), shares.atOnce(client)])).toEqual([2, 2]);
  workers.push('1@b');
  expect(await shares.atOnce(client)).toBe(2);
  expect(asked).toHaveLength(2);
  jest.advanceTimersByTime(1_000);
  expect(await shares.atOnce(client)).toBe(4);
  expect(asked).toHaveLength(4);
});

test("DispatchWidth uses the root's answer where partitions cannot be asked", async () => {
  const { client } = temporalWith(() => ['1@a', '1@b'], 'refused');
  expect(await new DispatchWidth('q:shared').atOnce(client)).toBe(4);
});

test('DispatchWidth returns undefined without an answer or without workers', async () => {
  const dumb = temporalWith(() => undefined);
  expect(await new DispatchWidth('q:shared').atOnce(dumb.client)).toBeUndefined();
  const nobody = temporalWith(() => []);
  expect(await new DispatchWidth('q:shared').atOnce(nobody.client)).toBeUndefined();
});
