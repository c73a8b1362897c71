import { z } from 'zod';
import type { VaultClient } from './client';
import { VaultError } from './errors';

/* What the policies of a client's token allow, as far as Vault reports it. A preflight and `vsync check` read it. */

const CapabilitiesBody = z.object({ data: z.record(z.string(), z.unknown()) });
const Capabilities = z.array(z.string());

/**
 * The capabilities of the client's token at some paths, in one request. They come from the policies alone: a path does
 * not have to exist.
 *
 * @param paths API paths without `/v1/`, not encoded: "secret/data/team/app"
 * @returns by path; empty for a path that is missing in Vault's answer, which then counts as "none"
 * @throws VaultError; of kind `forbidden` also if the token may not ask (Vault's `default` policy allows it)
 */
export async function capabilitiesOf(
  client: VaultClient,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, ReadonlySet<string>>> {
  const { data } = await client.write('sys/capabilities-self', { paths }, CapabilitiesBody, { signal });
  return new Map(
    paths.map((path) => {
      const parsed = Capabilities.safeParse(data[path]);
      return [path, new Set(parsed.success ? parsed.data : [])];
    }),
  );
}

const Rule = z.object({ capabilities: z.array(z.string()).default([]) });
const AclBody = z.object({ data: z.object({ glob_paths: z.record(z.string(), Rule).nullish() }) });

/** A policy path with `+` in it, which matches any one segment; a `*` at its end matches any rest. */
export interface WildcardRule {
  readonly pattern: string;
  readonly capabilities: ReadonlySet<string>;
}

/**
 * The rules with `+` in all policies of the client's token, in one request. Vault's `default` policy allows it. Empty for
 * servers without this answer, or whose answer lacks such rules.
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

/** Whether a pattern with `+` matches a path that begins with a folder (`secret/data/team/`). */
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
