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
