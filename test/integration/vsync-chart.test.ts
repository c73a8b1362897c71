import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { syncerServerPaths } from '../../dev/servers/start';
import { loadConfig } from '../../src/config/load';
import { makeTempFolder, ROOT } from '../support/run-node';

interface Container {
  args: string[];
  ports: { name: string; containerPort: number }[];
  envFrom?: object[];
  volumeMounts: { name: string; mountPath: string }[];
}

interface Manifest {
  kind: string;
  data?: Record<string, string>;
  spec?: { template?: { spec: { containers: Container[] } } };
}

const CHART = path.join(ROOT, 'deploy', 'helm', 'vsync');

let folder: string;
beforeAll(() => {
  folder = makeTempFolder();
});
afterAll(() => {
  fs.rmSync(folder, { recursive: true });
});

async function helm(...args: string[]): Promise<string> {
  const { helm: command } = await syncerServerPaths();
  return (await promisify(execFile)(command, args)).stdout;
}

type Section = Record<string, unknown>;

/** The configuration in deploy/, without its tokens. */
function exampleConfig(role: 'origin' | 'destination'): Section {
  const text = fs.readFileSync(path.join(ROOT, 'deploy', 'config', `${role}.json`), 'utf8');
  return JSON.parse(text, (key, value: unknown) => (key === 'token' ? undefined : value)) as Section;
}

function valuesFile(values: object): string {
  const file = path.join(folder, 'values.json');
  fs.writeFileSync(file, JSON.stringify(values));
  return file;
}

async function render(values: object): Promise<Manifest[]> {
  const text = await helm('template', 'site1', CHART, '--values', valuesFile(values));
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

function containerOf(manifests: readonly Manifest[]): Container {
  const [container] = manifests.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
  if (container === undefined) throw new Error('the chart has no container');
  return container;
}

describe('the chart of vsync', () => {
  test('passes helm lint with every part, and names a value that is missing', async () => {
    const everything = {
      config: exampleConfig('destination'),
      tokensSecret: 'tokens',
      tls: { secretName: 'tls', configMapName: 'ca' },
      metrics: { podMonitor: true },
      extraEnv: [{ name: 'TEMPORAL_API_KEY', value: 'x' }],
      podLabels: { team: 'platform' },
      nodeSelector: { disk: 'ssd' },
    };
    expect(await helm('lint', CHART, '--strict', '--values', valuesFile(everything))).toContain(
      '0 chart(s) failed',
    );
    expect((await render(everything)).map(({ kind }) => kind).sort()).toEqual([
      'ConfigMap',
      'Deployment',
      'PodMonitor',
    ]);
    await expect(render({})).rejects.toThrow(/config.origin is required/);
    await expect(render({ config: exampleConfig('origin') })).rejects.toThrow(
      /config.destination is required/,
    );
    await expect(render({ ...everything, role: 'both' })).rejects.toThrow(/role must be/);
  });

  test.each(['origin', 'destination'] as const)(
    'runs the %s with a configuration that loads',
    async (role) => {
      const manifests = await render({ role, config: exampleConfig(role), tokensSecret: 'tokens' });
      const [configMap] = manifests.filter(({ kind }) => kind === 'ConfigMap');
      const file = path.join(folder, 'config.json');
      fs.writeFileSync(file, configMap?.data?.['config.json'] ?? '');
      const env = { VSYNC_ORIGIN_VAULT_TOKEN: 't', VSYNC_DESTINATION_VAULT_TOKEN: 't' };
      const { config, warnings } = loadConfig(role, {
        file,
        env: role === 'origin' ? { VSYNC_ORIGIN_VAULT_TOKEN: 't' } : env,
      });
      expect(warnings).toEqual([]);
      const { args, ports, envFrom, volumeMounts } = containerOf(manifests);
      const [port] = ports;
      expect(config).toMatchObject({
        role,
        log: { type: 'json' },
        metrics: { listen: `0.0.0.0:${port?.containerPort}` },
      });
      const [mount] = volumeMounts;
      expect(args).toEqual([role, '-c', `${mount?.mountPath}/config.json`]);
      expect(envFrom).toEqual([{ secretRef: { name: 'tokens' } }]);
    },
  );

  test('runs without root, privileges, a writable file system and variables of Services', async () => {
    const manifests = await render({ config: exampleConfig('destination') });
    expect(manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000 },
      containers: [
        {
          livenessProbe: { httpGet: { path: '/livez', port: 'metrics' } },
          readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });
});
