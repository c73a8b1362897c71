import fc from 'fast-check';
import { formatDuration } from '../../src/rules/time';
import { loadConfig } from '../../src/config/load';
import { configFile, problemsOf, removeConfigFiles, section } from './fixtures';

afterAll(removeConfigFiles);

/** Schedules in Temporal cut a tick to whole seconds without an error. */
describe('loadConfig, for a tick,', () => {
  const both = (originTick: string, tick: string) => ({
    origin: section({ tick: originTick }),
    destination: section({ tick }),
  });
  const load = (role: 'origin' | 'destination', content: object) =>
    loadConfig(role, { file: configFile(content), env: {} });

  it.each([
    ['1.5s', 2_000, '1.5s is rounded up to 2s'],
    ['1.9s', 2_000, '1.9s is rounded up to 2s'],
    ['500ms', 1_000, '500ms is rounded up to 1s'],
    ['1ns', 1_000, '0.000001ms is rounded up to 1s'],
    ['1m0.001s', 61_000, '1m0.001s is rounded up to 1m1s'],
  ])('rounds %s up to %d ms, with a warning', (tick, tickMs, words) => {
    const { config, warnings } = load('origin', { origin: section({ tick }) });
    expect(config.origin.tickMs).toBe(tickMs);
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(
          `^origin\\.tick \\(file .*\\): ${words}, because schedules in Temporal count whole seconds$`,
        ),
      ),
    ]);
  });

  it.each(['1s', '1000ms', '1m30s', '0.5m', '24h'])('takes %s as it is, without a warning', (tick) => {
    expect(load('origin', { origin: section({ tick }) }).warnings).toEqual([]);
  });

  it('warns only about the role that is loaded', () => {
    expect(load('destination', both('1.5s', '10s')).warnings).toEqual([]);
    expect(load('origin', both('10s', '1.5s')).warnings).toEqual([]);
    const { warnings } = load('destination', both('10s', '1.5s'));
    expect(warnings).toEqual([
      expect.stringMatching(/^destination\.tick \(file .*\): 1\.5s is rounded up to 2s/),
    ]);
  });

  it('names the variable in the warning', () => {
    const env = { VSYNC_ORIGIN_TICK: '2.5s' };
    const { config, warnings } = loadConfig('origin', { file: configFile({ origin: section() }), env });
    expect(config.origin.tickMs).toBe(3_000);
    expect(warnings).toEqual([
      'origin.tick (environment VSYNC_ORIGIN_TICK): 2.5s is rounded up to 3s, because schedules in Temporal count whole seconds',
    ]);
  });

  it('refuses zero', () => {
    expect(problemsOf(() => load('origin', { origin: section({ tick: '0s' }) }))).toEqual([
      'origin.tick (file config.json): must be at least 1s',
    ]);
  });

  it('rounds up to whole seconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000_000 }), (ms) => {
        const { tickMs } = load('origin', { origin: section({ tick: formatDuration(ms) }) }).config.origin;
        expect(tickMs % 1_000).toBe(0);
        expect(tickMs - ms).toBeGreaterThanOrEqual(0);
        expect(tickMs - ms).toBeLessThan(1_000);
      }),
    );
  });
});
