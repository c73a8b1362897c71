import { MockActivityEnvironment } from '@temporalio/testing';
import { ActivityInterceptor, beforeWork } from '../../../src/activities/shared/interceptor';
import { ConsulError } from '../../../src/consul/errors';
import { createLog } from '../../../src/log';
import { FIRST_HEARTBEAT_MS } from '../../../src/limits';
import { cancelledRequest } from '../../../src/vault/errors';

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
    const interceptor = new ActivityInterceptor(createLog({ level: 'error', type: 'json' }));
    const work = async (): Promise<void> => {
      await jest.advanceTimersByTimeAsync(FIRST_HEARTBEAT_MS);
    };
    await env.run(() => interceptor.execute({ args: [], headers: {} }, work));
    expect(seen).toHaveLength(beats);
  } finally {
    jest.useRealTimers();
  }
});
