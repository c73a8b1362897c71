import { z } from 'zod';
import type { VaultClient } from './client';
import { VaultError } from './errors';

const Rule = z.object({ capabilities: z.array(z.string()).default([]) });
const AclBody = z.object({ data: z.object({ glob_paths: z.record(z.string(), Rule).nullish() }) });

/** A path of a policy with `+` in it, which stands for any one segment; a `*` at its end for any rest. */
export interface WildcardRule {
  readonly pattern: string;
  readonly capabilities: ReadonlySet<string>;
}

/**
 * The rules with `+` of all policies of the client's token, in one request. Vault's `default` policy allows it; servers
 * without this answer, or that leave such rules out of it, have none.
 */
export async function wildcardRules(client: VaultClient, signal?: AbortSignal): Promise<WildcardRule[]> {
  try {
    const { data } = await client.read('sys/internal/ui/resultant-acl', AclBody, { signal });
    return Object.entries(data.glob_paths ?? {})
      .filter(([pattern]) => pattern.split('/').some((segment) => segment === '+'))
      .map(([pattern, { capabilities }]) => ({ pattern, capabilities: new Set(capabilities) }));
  } catch (error) {
    if (error instanceof VaultError && error.status !== undefined) return [];
    throw error;
  }
}

/** Whether a pattern with `+` matches anything that begins with a folder (`secret/data/team/`). */
export function reachesInto(pattern: string, folder: string): boolean {
  const isOpen = pattern.endsWith('*');
  const rule = (isOpen ? pattern.slice(0, -1) : pattern).split('/');
  const wanted = folder.split('/').slice(0, -1);
  return wanted.every((segment, position) => {
    const part = rule[position];
    if (part === undefined) return isOpen;
    if (isOpen && position === rule.length - 1) return segment.startsWith(part);
    return part === '+' || part === segment;
  });
}
