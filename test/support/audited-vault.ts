import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startVaultDev, type VaultKind, type VaultServer } from '../../dev/servers/start';
import { VaultApi } from '../../dev/shared/vault-api';

/*
 * Servers whose audit lines go to a listener of the test, set up by the texts of docs/feed.md. Only addresses, ports and
 * files are replaced.
 */

const PAGE = path.join(__dirname, '..', '..', 'docs', 'feed.md');

/** The set-up that docs/feed.md has under this name. */
function documentedSetUp(name: 'vault' | 'openbao-socket' | 'openbao-http'): string {
  const found = new RegExp(`<!-- set-up: ${name} -->\n\n\`\`\`(?:hcl)?\n([^]*?)\`\`\``).exec(
    readFileSync(PAGE, 'utf8'),
  );
  if (found?.[1] === undefined) throw new Error(`docs/feed.md has no set-up ${name}`);
  return found[1];
}

/** Where the lines go: the addresses of listeners, and the token of the HTTP one. */
export interface FeedPlaces {
  /** host:port */
  socket: string;
  /** OpenBao only. */
  http?: { address: string; token: string };
}

export interface AuditedVault {
  server: VaultServer;
  api: VaultApi;
  /** Of the second device. */
  auditFile: string;
  /** Enables the devices of a Vault, whose listener must run by then. An OpenBao has them from its file. */
  enable: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Starts a Vault or OpenBao with a second device in a file. */
export async function startAuditedVault(kind: VaultKind, places: FeedPlaces): Promise<AuditedVault> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vsync-audit-'));
  const auditFile = path.join(folder, 'audit.log');
  const server = await (kind === 'vault'
    ? startVaultDev({ kind })
    : startVaultDev({
        kind,
        stanzas: baoStanzas(places, auditFile),
        env: { VSYNC_FEED_AUTHORIZATION: `Bearer ${places.http?.token ?? 'none'}` },
      }));
  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(folder, { recursive: true });
  };
  const api = new VaultApi(server);
  const enable = async (): Promise<void> => {
    if (kind === 'vault') await enableDevices(api, places.socket, auditFile);
  };
  return { server, api, auditFile, enable, stop };
}

function baoStanzas({ socket, http }: FeedPlaces, auditFile: string): string {
  const first = documentedSetUp('openbao-socket');
  const second = http === undefined ? '' : documentedSetUp('openbao-http').replace('"vsync"', '"http"');
  return `${first}\n${second}`
    .replace('/var/log/openbao/audit.log', auditFile)
    .replace('127.0.0.1:8210', socket)
    .replace('https://feed.example.com:8211/', `http://${http?.address ?? ''}/`);
}

/** `vault audit enable -path=NAME TYPE KEY=VALUE…`, as requests. */
async function enableDevices(api: VaultApi, socket: string, auditFile: string): Promise<void> {
  for (const line of documentedSetUp('vault').trim().split('\n')) {
    const [, name = '', type = '', rest = ''] =
      /^vault audit enable -path=(\S+) (\S+) (.*)$/.exec(line) ?? [];
    const pairs = rest.split(' ').map((pair) => pair.split('=') as [string, string]);
    const options: Record<string, string> = Object.fromEntries(pairs);
    if (type === 'socket') options['address'] = socket;
    else options['file_path'] = auditFile;
    await api.request('PUT', `sys/audit/${name}`, { type, options });
  }
}
