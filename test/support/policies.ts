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
