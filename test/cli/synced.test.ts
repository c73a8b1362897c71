import { formatAnswer } from '../../src/cli/synced';
import { createProgram } from '../../src/cli';
import { secretVersion, waitTime } from '../../src/cli/arguments';

describe('formatAnswer', () => {
  test('prints the verdict, and a line for each destination', () => {
    expect(
      formatAnswer({
        path: 'secret/data/app',
        verdict: 'Partialy',
        destinations: [
          { name: 'site1', state: 'synced', detail: 'has version 3', version: 3 },
          { name: 'farther', state: 'failed', detail: 'no answer', version: 3, to: 'kv/data/app' },
        ],
      }).split('\n'),
    ).toEqual([
      'secret/app: Partialy',
      '  site1    synced  has version 3',
      '  farther  failed  -> kv/app: no answer',
    ]);
  });
});

describe('waitTime', () => {
  test.each([
    ['30s', 30_000],
    ['1m30s', 90_000],
    ['0', 0],
    ['24h', 86_400_000],
  ])('reads %s', (text, waitMs) => {
    expect(waitTime(text)).toBe(waitMs);
  });

  test.each([
    ['30', 'It must be a duration such as 30s, 1m30s or 2h.'],
    ['-5s', 'It must be a duration such as 30s, 1m30s or 2h.'],
    ['soon', 'It must be a duration such as 30s, 1m30s or 2h.'],
    ['25h', 'It must be at most 24h.'],
  ])('refuses %s', (text, message) => {
    expect(() => waitTime(text)).toThrow(message);
  });
});

describe('secretVersion', () => {
  test('reads a version', () => {
    expect(secretVersion('12')).toBe(12);
  });

  test.each(['0', '-1', '1.5', 'v3', '', '12345678901'])('refuses %j', (text) => {
    expect(() => secretVersion(text)).toThrow('It must be the version that the write returned, such as 3.');
  });
});

describe('vsync synced', () => {
  test('takes the version of a write', () => {
    const synced = createProgram().commands.find((command) => command.name() === 'synced');
    synced?.parseOptions(['secret/app', '--at-least', '3', '-c', 'a.json']);
    expect(synced?.opts()).toMatchObject({ atLeast: 3 });
  });

  test('takes several files after -c', () => {
    const synced = createProgram().commands.find((command) => command.name() === 'synced');
    synced?.parseOptions(['secret/app', '-c', 'a.json', 'b.json']);
    expect(synced?.opts()).toMatchObject({ config: ['a.json', 'b.json'] });
  });
});
