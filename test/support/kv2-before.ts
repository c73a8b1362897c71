import { VaultClient } from '../../src/vault/client';
import { Kv2 } from '../../src/vault/kv2';

/** A client of a tiny server in the place of a Vault, with any token. */
export function kv2Before({ address }: { readonly address: string }): Kv2 {
  const auth = { kind: 'token', token: 't' } as const;
  return new Kv2(new VaultClient({ address, auth, namespace: '', concurrency: 4 }));
}
