import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { findBao } from '../../dev/servers/start';
import { makeTempFolder, ROOT } from '../support/run-node';
import { cleanEnvironment } from '../../dev/shared/guarded-process';

/** Bounds a hang. The part `feed` takes a minute. */
const LIMIT_MS = 230_000;

/** Runs the script of `npm run bench`. Whatever it leaves behind is in `temp`. */
function runBench(temp: string, args: readonly string[], onOutput: (text: string, end: () => void) => void) {
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'dev', 'scripts', 'bench.mjs'), ...args], {
      cwd: ROOT,
      // Named by a variable, it would be removed with all variables of vsync.
      env: cleanEnvironment({ TMPDIR: temp, VSYNC_TEST_BAO: findBao() }),
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
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
  });

  /** @returns the values of the rows by id */
  async function measured(part: string): Promise<Map<string, number>> {
    const out = path.join(temp, 'results.json');
    const args = ['--secrets', '60', '--rounds', '1', '--only', part, '--out', out];
    const { code, stderr } = await runBench(temp, args, () => undefined);
    expect(stderr).not.toContain('error:');
    expect(code).toBe(0);
    const { rows } = JSON.parse(fs.readFileSync(out, 'utf8')) as { rows: { id: string; value: number }[] };
    expect(rows.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
    expect(left()).toEqual([]);
    return new Map(rows.map(({ id, value }) => [id, value]));
  }

  test('measures a feed: what changes arrives in one version, and an idle origin reads no metadata', async () => {
    const values = await measured('feed');
    expect([...values.keys()]).toEqual([
      'feed-hop',
      'feed-change-median',
      'feed-change-p99',
      'feed-burst',
      'feed-burst-versions',
      'feed-write-median',
      'feed-write-p99',
      'feed-write-stall',
      'feed-write-failed',
      'feed-idle-reads',
      'feed-idle-cpu',
    ]);
    for (const id of ['feed-burst-versions', 'feed-write-failed', 'feed-idle-reads'])
      expect([id, values.get(id)]).toEqual([id, 0]);
  });

  test('measures the metadata of folders at OpenBao, where it is installed', async () => {
    const values = await measured('bulk');
    if (findBao() === undefined) {
      expect([...values.keys()]).toEqual([]);
      return;
    }
    expect([...values.keys()]).toEqual(['bulk-requests', 'bulk-wall', 'bulk-cpu']);
    expect(values.get('bulk-requests')).toBeGreaterThan(1);
  });

  test('ends on Ctrl-C, and leaves nothing behind', async () => {
    let ended = false;
    const { code, stderr } = await runBench(temp, ['--secrets', '60', '--only', 'origin'], (text, end) => {
      if (!ended && text.includes('writing 48 secrets to apps')) end();
      ended ||= text.includes('writing 48 secrets to apps');
    });
    expect(stderr).toContain('error: ended by SIGINT\n');
    expect(code).toBe(130);
    expect(left()).toEqual([]);
  });
});
