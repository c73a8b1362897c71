/** A variable that the client libraries of the original vsync read, and vsync does not. */
export interface ForeignVariable {
  readonly name: string;
  /** What to write instead, or why there is nothing; the end of "is not read: …". Contains no value. */
  readonly advice: string;
}

/** One variable applied to both sides. */
function keys(key: string): string {
  return `origin.${key} and destination.${key}`;
}

const ALWAYS_CHECKED = 'certificates are always checked';
const DIRECT = 'requests to Vault and Consul go there directly, and there is no key for a proxy';

/**
 * Variables that Go's Vault API, Consul API and every program in Go read. vsync 0.3.0 was built with versions 1.0.4 and 1.1.0,
 * which read most of them. The others are of later versions, and users set them nevertheless. SSL_CERT_FILE is left out: many
 * systems set it to their default.
 */
const ADVICE: Readonly<Record<string, string>> = {
  VAULT_ADDR: `write ${keys('vault.address')}`,
  VAULT_AGENT_ADDR: `write the address of the agent in ${keys('vault.address')}`,
  VAULT_PROXY_ADDR: `write the address of the Vault proxy in ${keys('vault.address')}`,
  VAULT_TOKEN: `write ${keys('vault.token')}, or set VSYNC_ORIGIN_VAULT_TOKEN and VSYNC_DESTINATION_VAULT_TOKEN`,
  VAULT_NAMESPACE: `write ${keys('vault.namespace')}`,
  VAULT_CACERT: `write ${keys('vault.caFile')}`,
  VAULT_CACERT_BYTES: `write the certificates into a file, and its path in ${keys('vault.caFile')}`,
  VAULT_CAPATH: `put the certificates of the folder into one file, and its path in ${keys('vault.caFile')}`,
  VAULT_CLIENT_CERT: `write ${keys('vault.certFile')}`,
  VAULT_CLIENT_KEY: `write ${keys('vault.keyFile')}`,
  VAULT_TLS_SERVER_NAME: `write ${keys('vault.serverName')}`,
  VAULT_SKIP_VERIFY: `${ALWAYS_CHECKED}; for an authority of your own write ${keys('vault.caFile')}`,
  VAULT_CLIENT_TIMEOUT: `the time of one request is ${keys('vault.requestTimeout')}`,
  VAULT_MAX_RETRIES:
    'there is no key for it: a request that met an outage is repeated, then its step of the cycle',
  VAULT_RATE_LIMIT: 'write requestsPerSecond',
  VAULT_WRAP_TTL: 'there is no key for it: answers are never wrapped',
  VAULT_MFA: 'there is no key for it: log in with a token or an AppRole that needs no second factor',
  VAULT_HEADERS: 'there is no key for headers of your own',
  VAULT_SRV_LOOKUP: `there is no key for it: write host and port in ${keys('vault.address')}`,
  VAULT_DISABLE_REDIRECTS: 'there is no key for it: redirects are never followed',
  VAULT_HTTP_PROXY: DIRECT,
  CONSUL_HTTP_ADDR: `write ${keys('consul.address')}`,
  CONSUL_HTTP_TOKEN: `write ${keys('consul.token')}, or set VSYNC_ORIGIN_CONSUL_TOKEN and VSYNC_DESTINATION_CONSUL_TOKEN`,
  CONSUL_HTTP_TOKEN_FILE: `write what is in the file as ${keys('consul.token')}, or set VSYNC_ORIGIN_CONSUL_TOKEN and VSYNC_DESTINATION_CONSUL_TOKEN`,
  CONSUL_HTTP_AUTH: `there is no key for user and password; use an ACL token, ${keys('consul.token')}`,
  CONSUL_HTTP_SSL: `begin ${keys('consul.address')} with https://`,
  CONSUL_HTTP_SSL_VERIFY: `${ALWAYS_CHECKED}; for an authority of your own write ${keys('consul.caFile')}`,
  CONSUL_CACERT: `write ${keys('consul.caFile')}`,
  CONSUL_CAPATH: `put the certificates of the folder into one file, and its path in ${keys('consul.caFile')}`,
  CONSUL_CLIENT_CERT: `write ${keys('consul.certFile')}`,
  CONSUL_CLIENT_KEY: `write ${keys('consul.keyFile')}`,
  CONSUL_TLS_SERVER_NAME: `write ${keys('consul.serverName')}`,
  CONSUL_NAMESPACE: 'there is no key for it: keys are read and written in the namespace of the ACL token',
  CONSUL_PARTITION: 'there is no key for it: give the address of an agent in that partition',
  HTTP_PROXY: DIRECT,
  HTTPS_PROXY: DIRECT,
  http_proxy: DIRECT,
  https_proxy: DIRECT,
};

/**
 * The variables of Vault, Consul and Go that are set, and that vsync ignores. With two Vaults and two Consuls, one variable
 * for both is wrong: it could send the token of one to the other. Users of the original get a warning about each.
 *
 * @returns in a fixed order; an empty variable counts as not set
 */
export function foreignVariables(env: NodeJS.ProcessEnv): ForeignVariable[] {
  return Object.entries(ADVICE).flatMap(([name, advice]) => (env[name] ? [{ name, advice }] : []));
}

/** The warning, on one line. */
export function describeForeign({ name, advice }: ForeignVariable): string {
  return `environment ${name} is not read: ${advice}`;
}
