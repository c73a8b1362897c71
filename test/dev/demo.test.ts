import fs from 'node:fs';
import { RE2JS } from 're2js';
import { DESTINATIONS, writeConfigs } from '../../dev/demo/configs';
import { readComposeFile } from '../../dev/demo/compose';
import { ADDED_PATH, CHANGED_PATH, DELETED_PATH, makeSecrets } from '../../dev/demo/secrets';
import { inParallel, waitFor } from '../../dev/shared/wait';
import { makeTempFolder, runNode } from '../support/run-node';

const demo = (...args: string[]) => runNode(['dev/scripts/demo.mjs', ...args], { PATH: '' });

describe('npm run demo', () => {
  test('refuses unknown flags before it does anything', async () => {
    const result = await demo('--twice');
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toMatch(/^error: Unknown option '--twice'/);
    expect(result.stderr).toContain('Usage: npm run demo');
  });

  test('--help lists the flags', async () => {
    const result = await demo('--help');
    expect(result).toMatchObject({ code: 0, stderr: '' });
    for (const flag of ['--once', '--servers', '--compose', '--syncer'])
      expect(result.stdout).toContain(flag);
  });

  test.each([
    [['--servers', 'other'], '--servers must be "vault" or "openbao"'],
    [['--servers', 'openbao', '--compose'], 'leave out --servers'],
    [['--servers', 'openbao', '--syncer'], 'leave out --servers'],
    [['--syncer', '--compose'], 'leave out --compose'],
  ])('refuses %j', async (args, problem) => {
    const { code, stdout, stderr } = await demo(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(problem);
  });

  test('--servers openbao without bao on PATH names what to install, before it does anything', async () => {
    const { code, stdout, stderr } = await demo('--servers', 'openbao');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: there is no "bao" on PATH.*Install OpenBao 2\.6 or later/);
  });
});

describe('makeSecrets', () => {
  const paths = makeSecrets().map(({ path }) => path);

  test('makes 300 secrets, all different', () => {
    expect(new Set(paths).size).toBe(300);
  });

  test('contains the changed and the deleted secret, but not the added one', () => {
    expect(paths).toEqual(expect.arrayContaining([CHANGED_PATH, DELETED_PATH]));
    expect(paths).not.toContain(ADDED_PATH);
  });

  test('makes paths that the transform of the second destination moves to different places', () => {
    const [, { pathOf, mount, transforms }] = DESTINATIONS;
    expect(transforms).toHaveLength(1);
    for (const { from, to } of transforms) {
      for (const path of [...paths, ADDED_PATH]) {
        const matcher = RE2JS.compile(from).matcher(`secret/data/${path}`);
        expect(matcher.find()).toBe(true);
        const groups = ['environment', 'team', 'rest'];
        const segments = to.split('/').map((part) => (groups.includes(part) ? matcher.group(part) : part));
        expect(segments.join('/')).toBe(`${mount}data/${pathOf(path)}`);
      }
    }
    expect(new Set(paths.map(pathOf)).size).toBe(300);
  });
});

test('writeConfigs writes files that differ where they must, readable by their owner only', () => {
  const folder = makeTempFolder();
  try {
    const { origin, destinations } = writeConfigs(folder, readComposeFile());
    const configs = [origin, ...destinations].map((file) => {
      expect(fs.statSync(file).mode & 0o077).toBe(0);
      return JSON.parse(fs.readFileSync(file, 'utf8')) as {
        name: string;
        numBuckets: number;
        origin: { syncPath: string };
        destination?: { syncPath: string; vault: { token: string } };
      };
    });
    expect(configs.map(({ name }) => name)).toEqual([
      'demo-origin',
      'demo-destination-1',
      'demo-destination-2',
    ]);
    expect(
      new Set(configs.map(({ numBuckets, origin: { syncPath } }) => `${numBuckets} ${syncPath}`)).size,
    ).toBe(1);
    expect(configs.map((config) => config.destination?.syncPath)).toEqual([
      undefined,
      'vsync/demo/destination-1/',
      'vsync/demo/destination-2/',
    ]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

describe('waitFor', () => {
  const { signal } = new AbortController();

  test('ends when the check returns true', async () => {
    let asked = 0;
    await waitFor(
      () => '',
      () => Promise.resolve(++asked === 3),
      { withinMs: 5_000, signal, pollMs: 1 },
    );
    expect(asked).toBe(3);
  });

  test('fails with what it waited for when the time is over', async () => {
    const waiting = waitFor(
      () => 'it did not come',
      () => Promise.resolve(false),
      { withinMs: 20, signal, pollMs: 1 },
    );
    await expect(waiting).rejects.toThrow('it did not come within 0.02 s');
  });

  test('fails at once with the reason of an abort', async () => {
    const controller = new AbortController();
    const waiting = waitFor(
      () => '',
      () => Promise.resolve(false),
      {
        withinMs: 60_000,
        signal: controller.signal,
        pollMs: 60_000,
      },
    );
    setTimeout(() => {
      controller.abort(new Error('vsync ended'));
    }, 10);
    await expect(waiting).rejects.toThrow('vsync ended');
  });

  test('inParallel works on all items, never on more than the limit at once', async () => {
    let now = 0;
    let most = 0;
    const done: number[] = [];
    await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now -= 1;
      done.push(item);
    });
    expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(3);
  });
});
