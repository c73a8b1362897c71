import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { freePorts } from '../../dev/servers/start/ports';
import { main } from '../../src/cli';
import { portOf } from '../syncer/probe-config';
import { ROOT } from '../support/run-node';
import { answer, TinyServer } from '../support/tiny-server';

const TOKEN = 'cAnArY-token';

let folder: string;
let pods: TinyServer[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-cli-syncer-'));
  pods = await Promise.all([1, 2, 3].map(() => TinyServer.start(answer(401))));
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  for (const pod of pods) await pod.close();
});

function configured(more: object = {}): string {
  const file = path.join(folder, 'config.json');
  const instances = pods.map(({ address }, at) => `pod-${at}=127.0.0.1:${portOf(address)}`);
  const probe = { scheme: 'http' };
  writeFileSync(file, JSON.stringify({ host: 'api.example.com', path: '/check', instances, probe, ...more }));
  return file;
}

const KEYVAL = { probe: { scheme: 'http', mode: 'keyval', zone: 'tokens' } };

/** An instance of NGINX Plus, as its API answers. */
function nginxPlus(online: number, keys: readonly string[] = []): Parameters<TinyServer['answers']>[0] {
  return (request, response) => {
    const url = new URL(request.url ?? '', 'http://a');
    const key = url.searchParams.get('key') ?? '';
    if (url.pathname === '/api/9/stream/zone_sync/') {
      const zones = {
        tokens: { records_pending: 3, records_total: 9 },
        other: { records_pending: 1, records_total: 1 },
      };
      answer(200, { status: { nodes_online: online, msgs_in: 1 }, zones })(request, response);
    } else if (keys.includes(key)) answer(200, { [key]: '1' })(request, response);
    else answer(404, { error: { status: 404, text: '', code: 'KeyvalKeyNotFound' } })(request, response);
  };
}

async function run(args: readonly string[], input?: string) {
  const ended = { code: -1, stdout: '', stderr: '' };
  const mocks = [
    jest.spyOn(console, 'log').mockImplementation((text: string) => void (ended.stdout += `${text}\n`)),
    jest.spyOn(console, 'error').mockImplementation((text: string) => void (ended.stderr += `${text}\n`)),
  ];
  const stdin = Readable.from(input === undefined ? [] : [Buffer.from(input)]);
  const replaced = jest
    .spyOn(process, 'stdin', 'get')
    .mockReturnValue(stdin as unknown as typeof process.stdin);
  try {
    ended.code = await main(['node', 'vsync', 'syncer', ...args]);
  } finally {
    for (const mock of mocks) mock.mockRestore();
    replaced.mockRestore();
  }
  return ended;
}

describe('vsync syncer check', () => {
  it('passes if each instance denies a random token, and shows the warnings', async () => {
    const { code, stdout } = await run(['check', '-c', configured()]);
    expect([
      code,
      stdout.match(/pass .*instance pod-\d .*answers, and denies a random token/g)?.length,
    ]).toEqual([0, 3]);
    expect(stdout).toContain('warn  configuration: tokens are sent to the instances without TLS');
    expect(stdout).toContain('pass  instances (static): 3 are known');
  });

  it('fails if an instance accepts a random token, refuses, or does not answer', async () => {
    pods[0]?.answers(answer(200));
    pods[1]?.answers(answer(403));
    const file = configured();
    await pods.pop()?.close();
    const { code, stdout, stderr } = await run(['check', '-c', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL .*pod-0 .*accepts a random token: every token would count as Synced/);
    expect(stdout).toMatch(/FAIL .*pod-1 .*answers 403.*its rules refuse Syncer/);
    expect(stdout).toMatch(/FAIL .*pod-2 .*connection refused/);
    expect(stderr).toContain('3 of ');
  });

  it('fails if there is no list, and prints JSON', async () => {
    const file = configured({ instances: undefined, dns: { name: 'a.invalid', servers: ['127.0.0.1:1'] } });
    const { code, stdout } = await run(['check', '-c', file, '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false });
    expect(stdout).toContain(
      'there is no list of instances yet (source dns): DNS: a.invalid: no DNS server answers',
    );
  });

  it('checks zone_sync of each instance in mode keyval', async () => {
    for (const [at, pod] of pods.entries()) pod.answers(nginxPlus(at === 2 ? 1 : 2));
    const { code, stdout } = await run(['check', '-c', configured(KEYVAL)]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/pass .*pod-0 .*: zone_sync: sees 2 other nodes, 4 records are pending/);
    expect(stdout).toMatch(/FAIL .*pod-2 .*: zone_sync: zone_sync sees 1 other nodes, and 2 are in the list/);
  });
});

describe('vsync syncer check with the key sync', () => {
  function destination(name: string, more: object = {}): string {
    const file = path.join(folder, `${name}.json`);
    const side = (port: number): object => ({
      vault: { address: `http://127.0.0.1:${port}`, token: 'planted-token' },
      consul: { address: 'http://127.0.0.1:8500' },
      mounts: ['secret/'],
      syncPath: 'vsync/',
    });
    writeFileSync(file, JSON.stringify({ name, origin: side(8200), destination: side(8201), ...more }));
    return file;
  }

  it('passes for files that can be used, without a question to their servers', async () => {
    const sync = [destination('site1'), destination('site2')];
    const { code, stdout } = await run(['check', '-c', configured({ sync })]);
    expect(code).toBe(0);
    expect(stdout).toContain('pass  secrets: the files of site1, site2 are complete');
  });

  it('fails for a file with a problem, and for two files of one destination', async () => {
    const wrong = await run(['check', '-c', configured({ sync: [destination('site1', { tick: '1m' })] })]);
    expect(wrong.code).toBe(1);
    expect(wrong.stdout).toMatch(/FAIL {2}secrets: [^]*tick \(file \S+site1\.json\)/);
    const twice = await run([
      'check',
      '-c',
      configured({ sync: [destination('site1'), destination('site1')] }),
    ]);
    expect(twice.code).toBe(1);
    expect(twice.stdout).toContain('two of the configurations are of the destination site1');
    expect(wrong.stdout + twice.stdout).not.toContain('planted-token');
  });
});

describe('vsync syncer probe', () => {
  it('asks each instance once about the token on standard input', async () => {
    for (const pod of pods) pod.answers(answer(200));
    const { code, stdout } = await run(['probe', '-c', configured()], `${TOKEN}\n`);
    expect(code).toBe(0);
    expect(stdout.match(/pod-\d .* present .* has the token/g)).toHaveLength(3);
    expect(pods[0]?.headers[0]?.cookie).toBe(`auth_token=${TOKEN}`);
    expect(stdout).not.toContain(TOKEN);
  });

  it('ends with 3 if an instance does not have it yet, with 1 if one fails', async () => {
    pods[0]?.answers(answer(200));
    const absent = await run(['probe', '-c', configured()], TOKEN);
    expect([absent.code, absent.stderr]).toEqual([
      3,
      'vsync: 2 of 3 instances do not have the token: pod-1 (absent), pod-2 (absent)\n',
    ]);
    pods[1]?.answers(answer(500));
    const failed = await run(['probe', '-c', configured(), '--json'], TOKEN);
    expect([failed.code, JSON.parse(failed.stdout)]).toEqual([
      1,
      [
        expect.objectContaining({ instance: 'pod-0', state: 'present' }),
        expect.objectContaining({ instance: 'pod-1', state: 'refused' }),
        expect.objectContaining({ instance: 'pod-2', state: 'absent' }),
      ],
    ]);
    expect(absent.stderr + failed.stderr + failed.stdout).not.toContain(TOKEN);
  });

  it('refuses an empty token, and one that cannot be sent, without quoting it', async () => {
    const empty = await run(['probe', '-c', configured()]);
    expect([empty.code, empty.stderr]).toEqual([1, expect.stringContaining('standard input has no token')]);
    const wrong = await run(['probe', '-c', configured()], `${TOKEN};${TOKEN}`);
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('must be a value that a cookie can have'),
    ]);
    expect(wrong.stderr).not.toContain(TOKEN);
  });
});

describe('vsync syncer status', () => {
  it('shows the instances and the age of the list', async () => {
    const { code, stdout } = await run(['status', '-c', configured()]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('3 instances (source static), the list is 0 s old'),
    ]);
    expect(stdout).toMatch(/pod-0 +127\.0\.0\.1:\d+ +- +-/);
  });

  it('shows zone_sync in mode keyval', async () => {
    for (const [at, pod] of pods.entries()) pod.answers(nginxPlus(at === 2 ? 0 : 2));
    const { stdout } = await run(['status', '-c', configured(KEYVAL)]);
    expect(stdout).toMatch(/pod-0 +127\.0\.0\.1:\d+ +2 of 2 +4/);
    expect(stdout).toMatch(/pod-2 +127\.0\.0\.1:\d+ +0 of 2 +4 +zone_sync sees 0 other nodes/);
    const json = await run(['status', '-c', configured(KEYVAL), '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      source: 'static',
      instances: [{ name: 'pod-0', nodesOnline: 2 }, {}, {}],
    });
  });
});

describe('vsync syncer', () => {
  it('ends with 2 without a file, with an unknown key, and with an unknown action', async () => {
    expect((await run([])).code).toBe(2);
    expect(await run(['-c', configured({ retrys: 1 })])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('did you mean "retries"?') as string,
    });
  });

  it('serves until SIGTERM, and ends with 0', async () => {
    for (const pod of pods) pod.answers(answer(200));
    const file = configured({ listen: await freeAddress(), log: { type: 'json' } });
    const child = serve(file);
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const log = await logUntil(child, '"listening"');
    const { address } = JSON.parse(log.find((line) => line.includes('"listening"')) ?? '') as {
      address: string;
    };
    const response = await fetch(`${address}/v1/synced`, {
      headers: { 'X-Auth-Token': TOKEN, 'X-Nginx-Origin': 'pod-0' },
    });
    expect(response.headers.get('X-Token-Status')).toBe('Synced');
    await response.text();
    const rest = logUntil(child, '"stopped"');
    child.kill('SIGTERM');
    await expect(ended).resolves.toEqual([0, null]);
    expect([...log, ...(await rest)].join('\n')).not.toContain(TOKEN);
  }, 60_000);

  it('ends on SIGTERM also before it has the first list', async () => {
    const api = net.createServer((socket) => socket.on('error', () => undefined));
    await once(api.listen(0, '127.0.0.1'), 'listening');
    const { port } = api.address() as net.AddressInfo;
    const kubeconfig = path.join(folder, 'kubeconfig.json');
    const named = { name: 'a' };
    writeFileSync(
      kubeconfig,
      JSON.stringify({
        clusters: [{ ...named, cluster: { server: `https://127.0.0.1:${port}` } }],
        users: [{ ...named, user: {} }],
        contexts: [{ ...named, context: { cluster: 'a', user: 'a' } }],
        'current-context': 'a',
      }),
    );
    const kubernetes = { instances: undefined, namespace: 'apigw', deployment: 'nginx', kubeconfig };
    const child = serve(configured({ ...kubernetes, listen: await freeAddress(), log: { type: 'json' } }));
    const ended = once(child, 'exit') as Promise<[number | null]>;
    await logUntil(child, '"listening"');
    const rest = logUntil(child, '"stopped"');
    child.kill('SIGTERM');
    await expect(ended).resolves.toEqual([0, null]);
    // It has not waited for the answer of the API.
    expect((await rest).join('\n')).not.toContain('no answer in time');
    api.close();
  }, 60_000);
});

async function freeAddress(): Promise<string> {
  const [port = 0] = await freePorts(1);
  return `127.0.0.1:${port}`;
}

/** The command in a process of its own. */
function serve(file: string): ChildProcess {
  return spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '-e',
      "require('./src/cli').main(process.argv).then((code) => process.exit(code))",
      '--',
      'vsync',
      'syncer',
      '-c',
      file,
    ],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] },
  );
}

/** The lines of a child's log up to one with this text. @throws if it ends before */
async function logUntil({ stderr }: ChildProcess, text: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    let log = '';
    const read = (chunk: Buffer): void => {
      log += chunk.toString();
      if (!log.includes(text) || !log.endsWith('\n')) return;
      stderr?.off('data', read);
      resolve(log.split('\n'));
    };
    stderr?.on('data', read);
    stderr?.once('end', () => {
      reject(new Error(`ended before ${text}: ${log}`));
    });
  });
}
