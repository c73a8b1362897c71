import { ExplainedError } from '../errors';

/** What came out of one check. */
export interface CheckResult {
  /** `pass` if not given. A warning is for what may be right, but should be checked. */
  outcome?: 'pass' | 'fail' | 'warning';
  /** What was found, or what is wrong and what to do. */
  detail: string;
  /** Text of the policy or rules that grant what is missing. */
  policy?: string;
}

/** One check of `vsync check`. */
export interface Check extends CheckResult {
  outcome: 'pass' | 'fail' | 'warning';
  /** What was checked: "Vault https://… (origin.vault): token". */
  what: string;
}

/** Does one check. An error that is written for users is a failed check; any other one is thrown. */
export async function check(what: string, look: () => Promise<CheckResult> | CheckResult): Promise<Check> {
  try {
    return { what, outcome: 'pass', ...(await look()) };
  } catch (error) {
    if (!(error instanceof ExplainedError)) throw error;
    return { what, outcome: 'fail', detail: error.message };
  }
}

/** What could not be checked because of a failure before it. */
export function notChecked(what: string, because: string): Check {
  return { what, outcome: 'warning', detail: `not checked, because ${because}` };
}

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
