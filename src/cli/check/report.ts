import type { Capability, Grant } from '../../access/needs';
import type { Check } from '../../access/check-line';

const LABELS: Readonly<Record<Check['outcome'], string>> = { pass: 'pass', fail: 'FAIL', warning: 'warn' };

/** A line for each check, with the policy below it if one is missing. */
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

/** Messages name their server, which the line already begins with. */
function withoutServer(detail: string, what: string): string {
  const [server = what] = what.split(' (');
  // Of Temporal, the line does not have the address.
  const known = [`${server}: `, 'Temporal '].find((start) => detail.startsWith(start)) ?? '';
  return detail.slice(known.length);
}

/** The order in which capabilities are written. */
const ORDER: readonly Capability[] = ['create', 'read', 'update', 'delete', 'list'];

/**
 * The text of a Vault policy that grants all this, one line for each path.
 *
 * @param prefix precedes each path: `team/` if the policy belongs to a namespace above that of the secrets
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
