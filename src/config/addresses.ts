/**
 * Addresses as they stand in a configuration. Each function returns the normal form, or says what is wrong
 * without quoting the address: it may hold a password.
 */
export type Checked<T> = { readonly value: T } | { readonly problem: string };

/*
 * The patterns are for editors, by way of the JSON Schema: they say the same as the function they stand beside,
 * but for what a regular expression cannot (a port that is too high, for example).
 */
const HTTP_URL = 'https?://[^/?#\\s@]+(/[^?#]*)?';
export const VAULT_ADDRESS_PATTERN = `^${HTTP_URL}$`;
export const CONSUL_ADDRESS_PATTERN = `^(${HTTP_URL}|[^/?#\\s@]+/*)$`;
export const TEMPORAL_ADDRESS_PATTERN = '^[^\\s/@]+:\\d+$';

/** A Vault: http(s) URL, returned without "/" at its end. */
export function vaultAddress(address: string): Checked<string> {
  return httpUrl(address, 'such as https://vault.example.com:8200');
}

/**
 * A Consul agent: "host:port" as the original takes it, or an http(s) URL; returned as a URL. Without a port it is
 * port 80, as in the original.
 */
export function consulAddress(address: string): Checked<string> {
  const example = 'such as consul.example.com:8500, [::1]:8500 or https://consul.example.com:8501';
  if (address.includes('://')) return httpUrl(address, example);
  if (isBareIpv6(address)) return { problem: `must have an IPv6 address in brackets, ${example}` };
  if (!/^[^/?#\s]+\/*$/.test(address)) return { problem: `must be host:port or a URL, ${example}` };
  return httpUrl(`http://${address}`, example);
}

/** More than one ":" outside of brackets: which of them begins the port cannot be told. */
function isBareIpv6(address: string): boolean {
  return /^[^[\]@/]*:[^[\]@/]*:[^@/]*$/.test(address);
}

/** A Temporal frontend: "host:port". */
export function temporalAddress(address: string): Checked<string> {
  if (/^[^\s/@]+:\d+$/.test(address)) return { value: address };
  return { problem: 'must be host:port without a scheme, such as temporal.example.com:7233' };
}

function httpUrl(address: string, example: string): Checked<string> {
  if (/^unix:/i.test(address))
    return { problem: `must not be a socket; give an http or https URL, ${example}` };
  if (isBareIpv6(address.replace(/^https?:\/\//i, ''))) {
    return { problem: `must have an IPv6 address in brackets, ${example}` };
  }
  if (!/^https?:\/\/[^/?#\s]/i.test(address) || !URL.canParse(address)) {
    return { problem: `must be an http or https URL, ${example}` };
  }
  const url = new URL(address);
  if (/^[^/]*\/\/[^/?#]*@/.test(address)) {
    return { problem: 'must not hold a user or a password; remove what stands before the "@"' };
  }
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(address)) {
    return { problem: 'must not have a query or a fragment; remove it from the "?" or "#" on' };
  }
  return { value: (url.origin + url.pathname).replace(/\/+$/, '') };
}
