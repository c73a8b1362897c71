import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { makeTempFolder, ROOT } from '../support/run-node';
import { cleanEnvironment } from '../../dev/shared/guarded-process';

/** Runs the script of `npm run bench`. Whatever it leaves behind is in `temp`. */
function runBench(temp: string, args: readonly string[], onOutput: (text: string, end: () => void) => void) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'dev', 'scripts', 'bench.mjs'), ...args], {
      cwd: ROOT,
      env: cleanEnvironment({ TMPDIR: temp }),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 110_000,
      killSignal: 'SIGKILL',
    });
    const output = { stdout: '', stderr: '' };
    const end = (): void => void child.kill('SIGINT');
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output.stdout += text;
      onOutput(output.stdout, end);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, ...output });
    });
  });
}

describe('npm run bench', () => {
  let temp: string;

  beforeEach(() => {
    temp = makeTempFolder();
  });

  afterEach(() => {
    fs.rmSync(temp, { recursive: true, force: true });
  });

  /** Folders of the benchmark, its servers and its workers. */
  const left = () => fs.readdirSync(temp).filter((name) => name.startsWith('vsync-'));

  test('measures origin cycles and their floor, writes the rows as JSON, and leaves nothing behind', async () => {
    const out = path.join(temp, 'results.json');
    const args = ['--secrets', '60', '--rounds', '1', '--only', 'origin', '--out', out];
    const { code, stdout, stderr } = await runBench(temp, args, () => undefined);
    // Where the checkout was not built, the output of the build is part of stderr.
    expect(stderr).not.toContain('error:');
    expect(code).toBe(0);
    expect(stdout).toContain('origin cycle with nothing changed, compared with its floor');
    const { rows, ...rest } = JSON.parse(fs.readFileSync(out, 'utf8')) as Record<string, unknown> & {
      rows: { id: string; secrets: number; buckets: number; value: number; met: boolean }[];
    };
    expect(rest).toMatchObject({ secrets: 60, seed: 1, rounds: 1, inFlight: 16, others: [] });
    expect(rows.map(({ id }) => id)).toEqual([
      'origin-cycle',
      'origin-cpu',
      'memory',
      'history-events',
      'history-bytes',
    ]);
    expect(rows.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
    expect(rows.filter(({ id }) => id.startsWith('history')).map(({ met }) => met)).toEqual([true, true]);
    expect(left()).toEqual([]);
  }, 120_000);

  test('ends on Ctrl-C, and leaves nothing behind', async () => {
    let ended = false;
    const { code, stderr } = await runBench(temp, ['--secrets', '60', '--only', 'origin'], (text, end) => {
      if (!ended && text.includes('writing 48 secrets to apps')) end();
      ended ||= text.includes('writing 48 secrets to apps');
    });
    expect(stderr).toContain('error: ended by SIGINT\n');
    expect(code).toBe(130);
    expect(left()).toEqual([]);
  }, 120_000);
});
