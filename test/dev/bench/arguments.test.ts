import { OTHERS, PARTS } from '../../../dev/bench/results';
import { runNode } from '../../support/run-node';

const bench = (...args: string[]) => runNode(['dev/scripts/bench.mjs', ...args], { PATH: '' });

describe('npm run bench', () => {
  it('--help lists every flag, every part and every other tool', async () => {
    const { code, stdout, stderr } = await bench('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const flags = ['--secrets', '--rounds', '--seed', '--vs', '--out', '--write-docs', '--check'];
    for (const word of [...flags, ...PARTS, ...OTHERS]) expect(stdout).toContain(word);
  });

  it.each([
    [['--secret', '5'], "Unknown option '--secret'"],
    [['--secrets', '49'], '--secrets must be a whole number from 50 to 1000000'],
    [['--secrets', '1e3'], '--secrets must be a whole number from 50 to 1000000'],
    [['--rounds', '0'], '--rounds must be a whole number from 1 to 100'],
    [['--only', 'origin,copies'], `--only copies: there are ${PARTS.join(', ')}`],
    [['--out', 'no/such/folder/file.json'], '--out no/such/folder/file.json: there is no folder'],
    [['--vs', 'vsync'], '--vs vsync: give the tool and its path'],
    [['--vs', 'vsynk=/bin/sh'], `there are ${OTHERS.join(', ')}`],
    [
      ['--vs', 'vsync=/no/such/vsync'],
      'there is no executable /no/such/vsync. Get the tool, which is not part of this project',
    ],
    [['--vs', 'vault-sync=/'], 'there is no executable /'],
  ])('refuses %j before it does anything', async (args, problem) => {
    const { code, stdout, stderr } = await bench(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
    expect(stderr).toContain('Usage: npm run bench');
  });
});
