import type { Capability, Grant } from '../../access/needs';
import type { Check } from '../../access/check-line';

const LABELS: Readonly<Record<Check['outcome'], string>> = { pass: 'pass', fail: 'FAIL', warning: 'warn' };

/** The checks for people: a line each, with the policy below where one is missing. */
export function formatChecks(checks: readonly Check[]): string {
  return checks
    .map(({ outcome, what, detail, policy }) => {
      const line = `  ${LABELS[outcome]}  ${what}: ${withoutServer(detail, what)}`;
      return policy === undefined
        ? line
        : [line, ...policy.split('\n').map((text) => `          ${text}`)].join('\n');
    })
    .join('\n');
}

/** Messages name their server, which stands at the beginning of the line already. */
function withoutServer(detail: string, what: string): string {
  const server = `${what.split(' (')[0] ?? what}: `;
  return detail.startsWith(server) ? detail.slice(server.length) : detail;
}

/** The order in which capabilities are written. */
const ORDER: readonly Capability[] = ['create', 'read', 'update', 'delete', 'list'];

/**
 * The text of a Vault policy that grants all this, one line for each path.
 *
 * @param prefix stands before each path: `team/` where the policy is of a namespace above that of the secrets
 */
export function vaultPolicy(grants: readonly Grant[], prefix = ''): string {
  const byPath = new Map<string, Set<Capability>>();
  for (const { policyPath, capability } of grants) {
    const path = prefix + policyPath;
    byPath.set(path, (byPath.get(path) ?? new Set()).add(capability));
  }
  const width = Math.max(0, ...[...byPath.keys()].map((path) => JSON.stringify(path).length));
  return [...byPath]
    .map(([path, capabilities]) => {
      const listed = ORDER.filter((capability) => capabilities.has(capability));
      return `path ${JSON.stringify(path).padEnd(width)} { capabilities = ${JSON.stringify(listed).replaceAll(',', ', ')} }`;
    })
    .join('\n');
}

/** The text of a Consul ACL rule for everything below a prefix. */
export function consulRule(prefix: string, policy: 'read' | 'write'): string {
  return `key_prefix ${JSON.stringify(prefix)} { policy = "${policy}" }`;
}
