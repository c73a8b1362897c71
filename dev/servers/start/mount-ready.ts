import { askHttp } from './http';

/**
 * What keeps a KV v2 mount from being used, if anything. A fresh one first upgrades itself and refuses all
 * else; and with another Vault on the same port the token would be refused.
 */
export async function mountNotReady(
  address: string,
  token: string,
  mount: string,
): Promise<string | undefined> {
  const { status, body } = await askHttp(`${address}/v1/${mount}config`, { token });
  return status === 200 ? undefined : `${mount}config is answered ${status} ${JSON.stringify(body)}`;
}
