import { z } from 'zod';
import type { VaultClient } from './client';

const CapabilitiesBody = z.object({ data: z.record(z.string(), z.unknown()) });
const Capabilities = z.array(z.string());

/**
 * What the client's token may do at some paths, in one request. The answer is that of the policies alone: a path
 * needs not exist.
 *
 * @param paths API paths without `/v1/`, not encoded: "secret/data/team/app"
 * @returns by path; empty for a path that Vault's answer lacks, which then counts as "nothing"
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
