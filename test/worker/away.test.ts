import { ConsulError } from '../../src/consul/errors';
import { UserError } from '../../src/errors';
import { VaultError } from '../../src/vault/errors';
import { isAway, untilBack } from '../../src/worker/away';
import { collectedLog } from '../support/collected-log';

const vaultError = (kind: 'sealed' | 'unavailable' | 'throttled' | 'forbidden' | 'no-mount'): VaultError =>
  new VaultError(kind, 'http://v', 'sys/health', kind);

describe('isAway', () => {
  it('is about servers that may be back as they are, not about what somebody has to repair', () => {
    const away = [
      vaultError('sealed'),
      vaultError('unavailable'),
      vaultError('throttled'),
      new ConsulError('unavailable', 'http://c', 'k', ''),
    ];
    const others = [
      vaultError('forbidden'),
      vaultError('no-mount'),
      new ConsulError('forbidden', 'http://c', 'k', ''),
      new UserError('one place'),
      new TypeError('bug'),
    ];
    expect(away.map(isAway)).toEqual([true, true, true, true]);
    expect(others.map(isAway)).toEqual([false, false, false, false, false]);
  });
});

describe('untilBack', () => {
  const signal = new AbortController().signal;

  it('tries again until it succeeds, and logs each reason once', async () => {
    const { log, lines } = collectedLog();
    const failures = [vaultError('sealed'), vaultError('sealed'), new UserError('the token is dead')];
    const work = (): Promise<string> => {
      const failure = failures.shift();
      return failure === undefined ? Promise.resolve('done') : Promise.reject(failure);
    };
    expect(await untilBack(vaultError('sealed'), work, { log, signal, retryMs: 1 })).toBe('done');
    expect(lines).toEqual([
      'not started: Vault http://v: sys/health: sealed. It is tried again every 0.001 s',
      'not started: the token is dead. It is tried again every 0.001 s',
    ]);
  });

  it('throws what has no explanation', async () => {
    const { log } = collectedLog();
    const work = (): Promise<never> => Promise.reject(new TypeError('bug'));
    await expect(untilBack(vaultError('sealed'), work, { log, signal, retryMs: 1 })).rejects.toThrow('bug');
  });

  it('ends when it is told to, without another try', async () => {
    const { log } = collectedLog();
    const work = jest.fn(() => Promise.resolve('done'));
    const ending = new AbortController();
    const ended = untilBack(vaultError('sealed'), work, { log, signal: ending.signal });
    ending.abort();
    expect(await ended).toBeUndefined();
    expect(work).not.toHaveBeenCalled();
  });
});
