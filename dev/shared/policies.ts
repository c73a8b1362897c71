import { readFileSync } from 'node:fs';
import path from 'node:path';

const PAGE = path.join(__dirname, '..', '..', 'docs', 'policies.md');

/** The policies of docs/policies.md, by the name in the comment on top of each. */
export function documentedPolicies(): Map<string, string> {
  const page = readFileSync(PAGE, 'utf8');
  const blocks = page.matchAll(/<!-- policy: (\S+) -->\n\n```hcl\n([^]*?)```/g);
  return new Map([...blocks].map(([, name = '', text = '']) => [name, text]));
}

/** A documented policy for these mounts. @throws RangeError if the page has none of this name */
export function policyFor(name: string, mounts: readonly string[]): string {
  const policy = documentedPolicies().get(name);
  if (policy === undefined) throw new RangeError(`docs/policies.md has no policy ${name}`);
  return mounts.map((mount) => policy.replaceAll('secret/', mount)).join('\n');
}
