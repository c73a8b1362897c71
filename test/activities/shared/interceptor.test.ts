import { MockActivityEnvironment } from '@temporalio/testing';
import { ActivityInterceptor, beforeWork, StepLog } from '../../../src/activities/shared/interceptor';
import { ConsulError } from '../../../src/consul/errors';
import { FIRST_HEARTBEAT_MS, STEP_LOG_EVERY_MS } from '../../../src/limits';
import { cancelledRequest, VaultError } from '../../../src/vault/errors';
import { debugLog } from '../../support/collected-log';

/** A step whose time is over soon: all but some milliseconds were spent by attempts before this one. */
const info = {
  scheduledTimestampMs: 0,
  currentAttemptScheduledTimestampMs: 28_990,
  scheduleToCloseTimeoutMs: 30_000,
};

const waitsFor =
  (error: Error) =>
  (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(error);
      });
    });

const run = (error: Error): Promise<unknown> =>
  new MockActivityEnvironment(info).run(() => beforeWork(new AbortController().signal, waitsFor(error)));

test.each([
  ['Vault', cancelledRequest('http://vault', 'sys/x'), 'VaultUnavailable', 'Vault http://vault: sys/x: '],
  [
    'Consul',
    new ConsulError('cancelled', 'http://consul', 'k', 'stopped'),
    'ConsulUnavailable',
    'Consul http://consul: k: ',
  ],
])('beforeWork names the %s that was waited for when its time is over', async (_what, error, type, place) => {
  await expect(run(error)).rejects.toMatchObject({
    type,
    retryable: false,
    message: expect.stringContaining(`${place}no answer yet when the 30 s for this step were over`) as string,
  });
});

test('beforeWork passes what was thrown in time', async () => {
  const failed = new MockActivityEnvironment({ ...info, currentAttemptScheduledTimestampMs: 0 }).run(() =>
    beforeWork(new AbortController().signal, () => Promise.reject(new Error('other'))),
  );
  await expect(failed).rejects.toThrow('other');
});

test.each([
  ['sends heartbeats', false, 1],
  ['sends none', true, 0],
])('ActivityInterceptor %s if isLocal is %s', async (_what, isLocal, beats) => {
  jest.useFakeTimers();
  try {
    const env = new MockActivityEnvironment({ isLocal });
    const seen: unknown[] = [];
    env.on('heartbeat', (details: unknown) => seen.push(details));
    const interceptor = new ActivityInterceptor(new StepLog(debugLog().log));
    const work = async (): Promise<void> => {
      await jest.advanceTimersByTimeAsync(FIRST_HEARTBEAT_MS);
    };
    await env.run(() => interceptor.execute({ args: [], headers: {} }, work));
    expect(seen).toHaveLength(beats);
  } finally {
    jest.useRealTimers();
  }
});

/** Runs a step once for each failure. @returns the warnings of its log */
async function warningsOf(failures: readonly Error[], nowMs: () => number = () => 0): Promise<string[]> {
  const { log, lines } = debugLog();
  const interceptor = new ActivityInterceptor(new StepLog(log, nowMs));
  for (const failure of failures) {
    const attempt = new MockActivityEnvironment().run(() =>
      interceptor.execute({ args: [], headers: {} }, () => Promise.reject(failure)),
    );
    await expect(attempt).rejects.toThrow();
  }
  const written = lines.map((line) => JSON.parse(line) as { level: number; msg: string });
  return written.filter(({ level }) => level === 40).map(({ msg }) => msg);
}

const refused = (path: string): VaultError => new VaultError('forbidden', 'http://v', path, 'no');

test('ActivityInterceptor logs equal failures once in a while, with their number', async () => {
  let nowMs = 0;
  const failures = [refused('a'), refused('a'), refused('b'), refused('a'), refused('a')];
  const warnings = await warningsOf(failures, () => {
    nowMs += STEP_LOG_EVERY_MS / 4;
    return nowMs;
  });
  expect(warnings).toEqual([
    'Vault http://v: a: no',
    'Vault http://v: b: no',
    'Vault http://v: a: no (2 more times since the last such line)',
  ]);
});

test('ActivityInterceptor gives no warning of an outage, of which the worker has one line', async () => {
  const down = new VaultError('sealed', 'http://v', 'a', 'sealed');
  down.isOutage = true;
  expect(await warningsOf([down, down])).toEqual([]);
});
