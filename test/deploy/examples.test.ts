import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { createProgram } from '../../src/cli';
import { GivenValues } from '../../src/config/given-values';
import { parseHcl } from '../../src/config/hcl';
import { setFromEnvironment } from '../../src/config/layers';
import { loadConfig } from '../../src/config/load';
import type { Role } from '../../src/contract/ids';
import { makeTempFolder, ROOT } from '../support/run-node';

/* The files in deploy/, without what runs them. */

const DEPLOY = path.join(ROOT, 'deploy');
const read = (...parts: string[]): string => fs.readFileSync(path.join(ROOT, ...parts), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

let folder: string;
beforeAll(() => {
  folder = makeTempFolder();
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

/** Variables that are not keys of vsync. */
function foreignVariables(names: readonly string[]): string[] {
  const values = new GivenValues();
  setFromEnvironment(Object.fromEntries(names.map((name) => [name, '1'])), values);
  return values.warnings;
}

/** The file that the command reads. @throws if vsync has no such command or option */
function fileOf([name = '', ...args]: readonly string[]): string {
  const command = createProgram().commands.find((one) => one.name() === name);
  if (command === undefined) throw new Error(`vsync has no command ${name}`);
  const { operands, unknown } = command.parseOptions([...args]);
  expect({ operands, unknown }).toEqual({ operands: [], unknown: [] });
  const { config } = command.opts<{ config: string | string[] }>();
  return [config].flat().join(' ');
}

/** Loads a configuration without a file for it. */
function load(role: Role, text: string, env: Readonly<Record<string, string>> = {}) {
  const file = path.join(folder, 'config.json');
  fs.writeFileSync(file, text);
  return loadConfig(role, { file, env });
}

test('every variable of vsync in deploy/ is one of its keys', () => {
  const files = fs
    .readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' })
    .filter((file) => fs.statSync(path.join(DEPLOY, file)).isFile());
  const named = files.flatMap((file) => read('deploy', file).match(/\bVSYNC_[A-Z_]+/g) ?? []);
  expect(new Set(named)).toContain('VSYNC_METRICS_LISTEN');
  expect(foreignVariables([...new Set(named)])).toEqual([]);
  expect(foreignVariables(['VSYNC_METRICS_LISTENER'])).toHaveLength(1);
});

test.each(['origin', 'destination'] as const)('config/%s.json loads without a warning', (role) => {
  expect(load(role, read('deploy', 'config', `${role}.json`)).warnings).toEqual([]);
});

describe('compose.yaml', () => {
  interface Service {
    image: string;
    build?: string;
    profiles: string[];
    command?: string[];
    secrets?: string[];
    volumes?: string[];
    ports?: string[];
    read_only?: boolean;
    environment?: Record<string, string>;
  }
  const COMPOSE = path.join(DEPLOY, 'compose');
  const compose = parse(read('deploy', 'compose', 'compose.yaml'), { merge: true }) as {
    services: Record<string, Service>;
    secrets: Record<string, { file: string }>;
    volumes: Record<string, null>;
  };
  const services = Object.entries(compose.services);

  test.each(['origin', 'destination'])('runs the %s with the file that it mounts', (role) => {
    const service = compose.services[role];
    const [secret = ''] = service?.secrets ?? [];
    expect(fileOf(service?.command ?? [])).toBe(`/run/secrets/${secret}`);
    expect(service).toMatchObject({ image: `vsync:${version}`, read_only: true, profiles: [role] });
  });

  test('serves the page of both files, with a token of its own', () => {
    const { command = [], secrets = [], ports } = compose.services['ui'] ?? {};
    expect(fileOf(command)).toBe('/run/secrets/origin.json /run/secrets/destination.json');
    const named = command.filter((word) => word.startsWith('/run/secrets/'));
    expect(named).toEqual(secrets.map((name) => `/run/secrets/${name}`));
    expect(command[command.indexOf('--token-file') + 1]).toBe('/run/secrets/ui-token');
    expect(ports).toEqual([`127.0.0.1:8230:${command[command.indexOf('--listen') + 1]?.split(':')[1]}`]);
    // Too short to be accepted: a known password must not be used by accident.
    expect(read('deploy', 'config', 'ui-token').trim()).toBe('REPLACE');
  });

  test('names files and folders that exist, and volumes that it declares', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map((one) => one.split(':')[0] ?? ''));
    const files = [
      ...Object.values(compose.secrets).map(({ file }) => file),
      ...mounted.filter((source) => source.startsWith('.')),
      ...services.flatMap(([, { build }]) => (build === undefined ? [] : [`${build}/Dockerfile`])),
    ];
    expect(files.length).toBeGreaterThan(4);
    expect(files.filter((file) => !fs.existsSync(path.join(COMPOSE, file)))).toEqual([]);
    expect(mounted.filter((source) => !source.startsWith('.')).sort()).toEqual(
      Object.keys(compose.volumes).sort(),
    );
  });

  test('has every part in a profile, and publishes on 127.0.0.1 only', () => {
    expect(Object.fromEntries(services.map(([name, { profiles }]) => [name, profiles]))).toEqual({
      origin: ['origin'],
      destination: ['destination'],
      ui: ['ui'],
      prometheus: ['prometheus'],
      grafana: ['grafana'],
    });
    for (const port of services.flatMap(([, { ports = [] }]) => ports))
      expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  test('lets Prometheus read the port on which the workers serve metrics', () => {
    const config = parse(read('deploy', 'compose', 'prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = config.scrape_configs.flatMap(({ static_configs: some }) =>
      some.flatMap((one) => one.targets),
    );
    const workers = services.filter(
      ([
        ,
        {
          profiles: [profile = ''],
        },
      ]) => /^(origin|destination)$/.test(profile),
    );
    expect(targets).toEqual(
      workers.map(([name, { environment }]) =>
        String(environment?.['VSYNC_METRICS_LISTEN']).replace('0.0.0.0', name),
      ),
    );
  });
});

describe('vsync@.service', () => {
  const UNIT = read('deploy', 'systemd', 'vsync@.service');

  test('runs a command of vsync with the credential that it loads', () => {
    const [, line = ''] = /^ExecStart=\S+\/vsync (.*)$/m.exec(UNIT) ?? [];
    expect(fileOf(line.split(' '))).toBe('%d/%i.json');
    expect(UNIT).toContain('\nLoadCredential=%i.json:/etc/vsync/%i.json\n');
  });

  const analyze = '/usr/bin/systemd-analyze';
  const check = fs.existsSync(analyze) ? test : test.skip;
  if (check === test.skip)
    process.stderr.write('SKIPPED: the unit is not verified, because there is no systemd-analyze\n');
  check('passes systemd-analyze verify', async () => {
    const file = path.join(folder, 'vsync@.service');
    fs.writeFileSync(file, UNIT.replace('/usr/local/bin/vsync', path.join(ROOT, 'bin', 'vsync')));
    const { stdout, stderr } = await promisify(execFile)(analyze, ['verify', '--man=no', file]);
    expect(stdout + stderr).toBe('');
  });
});

describe('vsync.nomad.hcl', () => {
  interface Task {
    config: { image: string; args: string[] };
    env: Record<string, string>;
    template: { destination: string; data: string; env?: boolean }[];
  }
  /** HCL 1 has a list for each block. */
  const first = (block: unknown, ...names: string[]): unknown =>
    names.reduce<unknown>((inner, name) => ([inner].flat()[0] as Record<string, unknown>)[name], block);
  const job = first(parseHcl(read('deploy', 'nomad', 'vsync.nomad.hcl')), 'job', 'vsync');
  const taskOf = (role: string): Task => {
    const groups = [first(job, 'group')].flat() as Record<string, unknown>[];
    const group = groups.find((one) => role in one);
    const task = [first(group, role, 'task', role)].flat()[0] as Record<string, unknown>;
    const block = (name: string) => [task[name]].flat();
    return {
      config: block('config')[0] as Task['config'],
      env: block('env')[0] as Task['env'],
      template: block('template') as Task['template'],
    };
  };

  test.each(['origin', 'destination'] as const)(
    'runs the %s with the files that its templates write',
    (role) => {
      const { config, env, template } = taskOf(role);
      expect(config.image).toBe(`vsync:${version}`);
      const file = fileOf(config.args);
      const written = template.find(({ destination }) => `/${destination}` === file);
      const tokens = template.find(({ env: isEnv }) => isEnv === true)?.data ?? '';
      const variables = [...tokens.matchAll(/^(VSYNC_\w+)=\{\{/gm)].map(([, name = '']) => [name, 'token']);
      const loaded = load(role, written?.data ?? '', {
        ...env,
        ...(Object.fromEntries(variables) as object),
      });
      expect(loaded.warnings).toEqual([]);
      expect(loaded.config).toMatchObject({
        role,
        metrics: { listen: '0.0.0.0:9464' },
        origin: { vault: { auth: { kind: 'token' } } },
      });
    },
  );
});
