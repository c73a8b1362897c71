import { sdkLog } from '../../src/worker/runtime';
import { debugLog } from '../support/collected-log';

const lines = (entries: Parameters<ReturnType<typeof sdkLog>>[0][]): Record<string, unknown>[] => {
  const { log, lines: written } = debugLog();
  const receive = sdkLog(log);
  for (const entry of entries) receive(entry);
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
};

test('sdkLog keeps the level and the own fields of a workflow, and nothing else of its meta', () => {
  const meta = { sdkComponent: 'workflow', error: 'planted', vsync: { outcome: 'partial', name: 'site1' } };
  const [line] = lines([{ level: 'WARN', message: 'c1: partial', meta }]);
  expect(line).toMatchObject({ level: 40, msg: 'c1: partial', outcome: 'partial', name: 'site1' });
  expect(JSON.stringify(line)).not.toContain('planted');
});

test('sdkLog hides the retries of polls, which each worker would log many times a minute', () => {
  const retried = (times: number) => ({
    level: 'ERROR' as const,
    message: `gRPC call poll_activity_task_queue retried ${times} times`,
  });
  expect(lines([retried(16), retried(17)]).map(({ level }) => level)).toEqual([20, 20]);
});

test('sdkLog logs equal errors once', () => {
  const failed = (attempt: number) => ({
    level: 'ERROR' as const,
    message: `upload failed, attempt ${attempt}`,
  });
  expect(lines([failed(1), failed(2), failed(3)])).toEqual([
    expect.objectContaining({ level: 50, msg: 'Temporal SDK: upload failed, attempt 1' }),
  ]);
});
