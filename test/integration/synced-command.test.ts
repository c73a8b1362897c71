import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { loadSyncerConfig } from '../../src/syncer/config';
import { startSyncer } from '../../src/syncer/service';
import type { SecretAnswer } from '../../src/syncer/secrets/answer';
import { startVsync, runVsync, type Ended } from '../../dev/shared/vsync-command';
import { eventually } from '../support/eventually';
import { SyncFixture } from '../support/sync-fixture';

/** `vsync synced` as a deploy pipeline runs it, and the same question over HTTP. */

const VALUE = 'planted-value';

describe('vsync synced', () => {
  let sync: SyncFixture;

  beforeAll(async () => {
    sync = await SyncFixture.create({ destinations: 2 });
    await sync.run();
    await sync.start('destination', 1);
    await sync.stopWatch(1);
  });

  afterAll(() => sync.tearDown());

  const run = (...args: string[]): Promise<Ended> => runVsync(args, { home: sync.folder });
  const files = (): string[] => ['-c', ...sync.destinationFiles];
  const cycles = async (): Promise<void> => {
    await sync.cycle('origin');
    await sync.cycle('destination', 0);
    await sync.cycle('destination', 1);
  };

  test('exits with 3 while a secret is not at every destination yet, and with 0 afterwards', async () => {
    const secret = `${sync.mount}app`;
    await sync.originVault.put(sync.mount, 'app', { password: VALUE });
    await sync.cycle('origin');
    await sync.cycle('destination', 0);
    const early = await run('synced', secret, ...files());
    expect(early.code).toBe(3);
    expect(early.stdout.split('\n')).toEqual([
      `${sync.mount}app: Partialy`,
      `  d0-${sync.id}  synced  has version 1`,
      `  d1-${sync.id}  behind  it does not have the secret; the next cycle of the destination copies it`,
      '',
    ]);
    expect(early.stderr).toBe(
      `vsync: ${sync.mount}app is not at every destination yet: d1-${sync.id} (behind). Ask again, or give --wait more time\n`,
    );
    await sync.cycle('destination', 1);
    // As vault kv prints it, and with the flags before the command.
    const done = await run(
      '-c',
      sync.destinationFiles[1] ?? '',
      'synced',
      `${sync.mount}data/app`,
      '--verify',
    );
    expect(done).toEqual({
      code: 0,
      stderr: '',
      stdout: `${sync.mount}app: Synced\n  d1-${sync.id}  synced  has version 1, and the same value\n`,
    });
  });

  test('--wait ends with 0 as soon as the cycles have copied the secret', async () => {
    await sync.originVault.put(sync.mount, 'waited', { password: VALUE });
    const waiting = await startVsync(
      ['synced', `${sync.mount}waited`, '--wait', '10m', '--json', ...files()],
      {
        home: sync.folder,
      },
    );
    try {
      await eventually(() => {
        expect(readFileSync(waiting.logFile, 'utf8')).toContain("the origin's next cycle publishes it");
        return Promise.resolve();
      }, 'the first answer');
      await cycles();
      expect(await waiting.exited).toMatchObject({ code: 0 });
    } finally {
      await waiting.stop();
    }
    const printed = readFileSync(waiting.logFile, 'utf8');
    const answer = JSON.parse(printed.slice(printed.indexOf('{'))) as SecretAnswer;
    expect(answer).toMatchObject({
      path: `${sync.mount}data/waited`,
      verdict: 'Synced',
      destinations: [
        { name: `d0-${sync.id}`, state: 'synced', version: 1 },
        { name: `d1-${sync.id}`, state: 'synced', version: 1 },
      ],
    });
    expect(printed).not.toContain(VALUE);
  });

  test('--wait ends with 1 and a message after an interrupt', async () => {
    const waiting = await startVsync(['synced', `${sync.mount}never`, '--wait', '10m', ...files()], {
      home: sync.folder,
    });
    await eventually(() => {
      expect(readFileSync(waiting.logFile, 'utf8')).toContain('the origin has no such secret');
      return Promise.resolve();
    }, 'the first answer');
    expect(await waiting.stop('SIGINT')).toMatchObject({ code: 1 });
    expect(readFileSync(waiting.logFile, 'utf8')).toMatch(
      /\nvsync: interrupted: the question has no answer\n$/,
    );
  });

  test('exits with 3 for a difference and with 1 for what cannot arrive, and never prints a value', async () => {
    await sync.originVault.put(sync.mount, 'changed', { password: VALUE });
    await cycles();
    await sync.destinationVaults[1]?.put(sync.mount, 'changed', { password: 'planted-other' });
    const differs = await run('synced', `${sync.mount}changed`, '--verify', '--wait', '5m', ...files());
    expect(differs.code).toBe(3);
    expect(differs.stderr).toContain(`does not arrive by waiting alone: d1-${sync.id} (differs)`);
    expect(differs.stdout + differs.stderr).not.toContain('planted-');
    const absent = await run('synced', `${sync.mount}nothing`, ...files());
    expect(absent.code).toBe(1);
    expect(absent.stdout).toContain(
      'deleted  the origin has no such secret, and this destination has no copy',
    );
  });

  test.each([
    ['no path', [], 'the path of the secret is missing. Write it before -c'],
    ['a folder', ['MOUNTteam/'], 'is that of a folder'],
    ['another mount', ['elsewhere/app'], 'is below none of the mounts'],
    ['a wait without a unit', ['MOUNTapp', '--wait', '30'], 'It must be a duration such as 30s'],
    ['a file twice', ['MOUNTapp', '-c', 'FILE'], 'two of the configurations are of the destination'],
  ])('exits with 2 for %s', async (_what, args, why) => {
    const [file = ''] = sync.destinationFiles;
    const given = args.map((arg) => arg.replace('MOUNT', sync.mount).replace('FILE', file));
    const { code, stdout, stderr } = await run('synced', ...given, '-c', file);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(why);
  });

  test('takes the file from VSYNC_CONFIG, and refuses that of an origin', async () => {
    const env = { VSYNC_CONFIG: sync.originFile };
    const { code, stderr } = await runVsync(['synced', `${sync.mount}app`], { home: sync.folder, env });
    expect(code).toBe(2);
    expect(stderr).toContain('destination.vault.address: is missing');
  });

  test('GET /v1/secrets/synced waits for the same cycles', async () => {
    await sync.originVault.put(sync.mount, 'over-http', { password: VALUE });
    const file = path.join(sync.folder, 'syncer.json');
    const instances = ['127.0.0.2:8443'];
    const given = { host: 'gateway', domain: 'example', path: '/', instances };
    writeFileSync(file, JSON.stringify({ ...given, sync: sync.destinationFiles }));
    const log: string[] = [];
    const config = { ...loadSyncerConfig(file), listen: { host: '127.0.0.1', port: 0 } };
    const syncer = await startSyncer(config, {
      log: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
      version: '1.2.3',
    });
    try {
      const ask = (query: string): Promise<Response> =>
        fetch(`${syncer.address}/v1/secrets/synced?path=${sync.mount}over-http${query}`);
      expect(await (await fetch(`${syncer.address}/openapi.json`)).json()).toMatchObject({
        paths: { '/v1/secrets/synced': { get: { responses: { 200: { description: 'The verdict' } } } } },
      });
      const early = await ask('');
      expect([early.status, early.headers.get('x-secret-status')]).toEqual([200, 'NotSynced']);
      const waited = ask('&wait=60s&verify=true');
      await cycles();
      const done = await waited;
      expect([done.status, done.headers.get('x-secret-status')]).toEqual([200, 'Synced']);
      const text = await done.text();
      expect(JSON.parse(text)).toMatchObject({ destinations: [{ state: 'synced' }, { state: 'synced' }] });
      expect(await (await fetch(`${syncer.address}/metrics`)).text()).toContain(
        'syncer_secret_verdicts_total{verdict="Synced"} 1',
      );
      expect([text, ...log].join('')).not.toContain(VALUE);
    } finally {
      await syncer.close();
    }
  });
});
