import { parseCpuMs, parseMemory } from '../../../dev/bench/process-stats';

describe('parseCpuMs', () => {
  it('adds user and system time, whatever the name of the process', () => {
    const stat = '4711 (a) b (c 1 2) S 1 4711 4711 0 -1 4194560 900 0 0 0 150 25 0 0 20 0 11 0 100 5 6 7';
    expect(parseCpuMs(stat)).toBe(1_750);
  });

  it('refuses anything else', () => {
    expect(() => parseCpuMs('4711')).toThrow('not in the form that Linux writes');
  });
});

describe('parseMemory', () => {
  it('reads what is resident and the most that ever was', () => {
    const status = 'Name:\tnode\nVmPeak:\t  9000 kB\nVmHWM:\t    300 kB\nVmRSS:\t    200 kB\n';
    expect(parseMemory(status)).toEqual({ resident: 200 * 1024, peak: 300 * 1024 });
  });

  it('refuses anything else', () => {
    expect(() => parseMemory('Name:\tnode\n')).toThrow('/proc/PID/status has no VmRSS');
  });
});
