import { readFileSync } from 'node:fs';
import path from 'node:path';

const PAGE = path.join(__dirname, '..', '..', 'docs', 'policies.md');

/** The policies of docs/policies.md, by the name in the comment on top of each. */
export function documentedPolicies(): Map<string, string> {
  const page = readFileSync(PAGE, 'utf8');
  const blocks = page.matchAll(/<!-- policy: (\S+) -->\n\n```hcl\n([^]*?)```/g);
  return new Map([...blocks].map(([, name = '', text = '']) => [name, text]));
}

/** A capability of a policy, and the policy without it. */
export interface Reduced {
  capability: string;
  policyPath: string;
  policy: string;
}

/** The variants of a policy that lack one capability. */
export function reducedPolicies(policy: string): Reduced[] {
  const lines = policy.trim().split('\n');
  return lines.flatMap((line, position) => {
    const [, policyPath = '', list = ''] = /^path "([^"]+)" *\{ capabilities = \[(.*)\] \}$/.exec(line) ?? [];
    const capabilities = list.split(', ').map((quoted) => quoted.slice(1, -1));
    return capabilities.map((capability) => {
      const rest = capabilities.filter((other) => other !== capability);
      const changed = `path "${policyPath}" { capabilities = ${JSON.stringify(rest)} }`;
      return { capability, policyPath, policy: lines.with(position, changed).join('\n') };
    });
  });
}
