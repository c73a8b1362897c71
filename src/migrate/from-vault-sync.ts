import { stringify } from 'yaml';
import { vaultAddress } from '../config/connections';
import { formatDuration } from '../rules/time';
import {
  feedsItself,
  includesOf,
  readVaultSyncFile,
  transformsOf,
  type VaultSyncFile,
  type VaultSyncSide,
} from './vault-sync-file';

/** One bucket of sync info has room for some thousand secrets. */
const NUM_BUCKETS = 16;

/** With an audit device, vault-sync sees a change at once. The tick is longer than this only without one. */
const LONGEST_TICK_WITH_AUDIT_S = 60;

/**
 * The configuration of vsync that does what a vault-sync does, as YAML: one file for both roles. Comments list what is
 * different, and which variables to set: the result contains no secret of the file. @throws ConfigError
 */
export function fromVaultSync(file: string): string {
  const vaultSync = readVaultSyncFile(file);
  const { src, dst, listens } = vaultSync;
  const includes = includesOf(vaultSync);
  const transforms = transformsOf(vaultSync);
  const lines = [
    ...comments([
      `Does what vault-sync does with ${oneLine(file)}. Each Vault may be an OpenBao. For both roles:`,
    ]),
    '#   vsync origin -c FILE',
    '#   vsync destination -c FILE',
    '#',
    ...comments(['To be given, here or as variables:']),
    ...comments(toBeGiven(vaultSync).map((item) => `- ${item}`)),
    '#',
    ...comments(['What is not the same:']),
    ...comments(differences(vaultSync).map((item) => `- ${item}`)),
    '',
    `name: ${yaml(nameOf(vaultSync.id))}`,
    `numBuckets: ${NUM_BUCKETS} # enough for some 50,000 secrets`,
    ...(listens
      ? []
      : ['# false lets deletes at the origin arrive, which vault-sync without an audit device did not.']),
    `ignoreDeletes: ${!listens}`,
    '',
    'origin:',
    ...vaultLines('origin', src),
    `  mounts: ${list(src.mounts)}`,
    ...(includes.length === 0 ? [] : [`  include: ${list(includes)}`]),
    `  tick: ${originTick(vaultSync)}`,
    '',
    'destination:',
    ...vaultLines('destination', dst),
    `  mounts: ${list([...new Set(dst.mounts)])}`,
    `  tick: ${tick(vaultSync.intervalS)}`,
    ...(transforms.length === 0 ? [] : ['  transforms:']),
    ...transforms.flatMap(({ name, from, to }) => [
      `    - name: ${yaml(name)}`,
      `      from: ${yaml(from)}`,
      `      to: ${yaml(to)}`,
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

type Side = 'origin' | 'destination';

const KEY_THERE = { origin: 'src', destination: 'dst' } as const;

function vaultLines(side: Side, { url, namespace, login }: VaultSyncSide): string[] {
  const address = vaultAddress(url);
  const variables = loginOf(login).map((name) => variableOf(side, name));
  return [
    '  vault:',
    // A wrong address is not quoted, because it may contain a password.
    'value' in address
      ? `    address: ${yaml(address.value)}`
      : `    # address: ${KEY_THERE[side]}.url ${address.problem}`,
    ...(namespace === '' ? [] : [`    namespace: ${yaml(namespace)}`]),
    `    # login: ${variables.join(' and ')}${login === 'environment' ? ', or an AppRole (see above)' : ''}`,
    '  consul:',
    '    # address: consul.example.com:8500',
  ];
}

type Login = 'token' | 'role_id' | 'secret_id';

function loginOf(login: VaultSyncSide['login']): Login[] {
  return login === 'approle' ? ['role_id', 'secret_id'] : ['token'];
}

/** Our variable for a part of the login. */
function variableOf(side: Side, name: Login): string {
  return `VSYNC_${side.toUpperCase()}_VAULT_${name === 'token' ? '' : 'APPROLE_'}${name.toUpperCase()}`;
}

function toBeGiven({ src, dst }: VaultSyncFile): string[] {
  const ofSide = (side: Side, { login }: VaultSyncSide): string[] => {
    const valueOf = (name: Login): string =>
      `the value of ${KEY_THERE[side]}.${name} in the file of vault-sync`;
    if (login !== 'environment')
      return loginOf(login).map((name) => `${variableOf(side, name)}: ${valueOf(name)}`);
    const there = `VAULT_SYNC_${KEY_THERE[side].toUpperCase()}`;
    return [
      `${variableOf(side, 'token')}: the value of the variable ${there}_TOKEN`,
      `or, if that is not set, ${variableOf(side, 'role_id')} and ${variableOf(side, 'secret_id')}: the values of ` +
        `${there}_ROLE_ID and ${there}_SECRET_ID`,
    ];
  };
  return [
    ...ofSide('origin', src),
    ...ofSide('destination', dst),
    'VSYNC_ORIGIN_CONSUL_ADDRESS and VSYNC_DESTINATION_CONSUL_ADDRESS: vault-sync has no Consul; vsync stores ' +
      'the sync info of both sides there. One agent may serve both',
    'temporal.address, if Temporal is elsewhere than at localhost:7233',
  ];
}

function differences(vaultSync: VaultSyncFile): string[] {
  const { id, src, dst, listens } = vaultSync;
  const versionOne = [src.version === 1 ? src.mounts : [], dst.version === 1 ? dst.mounts : []].flat();
  const notes: [boolean, string][] = [
    [nameOf(id) !== id, 'name: the id has characters that a name of vsync must not have'],
    [
      versionOne.length > 0,
      'kv version 1 cannot be synced: upgrade it to version 2 first, with "vault kv enable-versioning", for ' +
        [...new Set(versionOne)].map(oneLine).join(', '),
    ],
    [
      listens,
      `Audit device: not needed. The origin is scanned every ${originTick(vaultSync)}, and a ` +
        'watch starts the destination. Before vault-sync is stopped, remove its device from the source Vault ("vault ' +
        'audit disable"; at an OpenBao its stanza in the server\'s file), because a Vault whose only audit device is gone ' +
        'answers no request',
    ],
    [
      listens,
      'Deletes: those that happened while nothing was running arrive too. A delete removes the latest ' +
        'version; it can be undone',
    ],
    [!listens, 'Deletes: ignoreDeletes is true, because a full sync of vault-sync deletes nothing'],
    [
      src.limitsToken || dst.limitsToken,
      'token_ttl and token_max_ttl: nothing to write; a token is renewed as its Vault allows (renewToken)',
    ],
    [
      feedsItself(vaultSync),
      'The destination is inside of the source, in one Vault: copies would be copied again. Exclude it: ' +
        'origin.exclude',
    ],
    [true, 'A CA in SSL_CERT_FILE: write origin.vault.caFile and destination.vault.caFile'],
    [true, 'Policies: vsync needs others; see the migration guide'],
  ];
  return notes.flatMap(([applies, note]) => (applies ? [note] : []));
}

function nameOf(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]/g, '-').slice(0, 100) || 'vault-sync';
}

function originTick({ listens, intervalS }: VaultSyncFile): string {
  return tick(listens ? Math.min(intervalS, LONGEST_TICK_WITH_AUDIT_S) : intervalS);
}

/** A tick is at least a second. */
function tick(seconds: number): string {
  return formatDuration(Math.max(seconds, 1) * 1000);
}

function list(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;
}

/** A text in YAML, on one line. */
function yaml(text: string): string {
  return /[\p{Cc}\u2028\u2029]/u.test(text)
    ? JSON.stringify(text)
    : stringify(text, { lineWidth: 0 }).trimEnd();
}

/** Without line ends, for comments. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
}

function comments(texts: readonly string[]): string[] {
  return texts.flatMap(wrapped).map((line) => `# ${line}`);
}

/** Lines of at most 100 characters. Later lines of an item are indented. */
function wrapped(text: string): string[] {
  const indent = text.startsWith('- ') ? '  ' : '';
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length > 0 && line.length + word.length > 100) lines.push(indent + word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
