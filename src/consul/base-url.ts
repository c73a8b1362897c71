/**
 * The URL that the consul package is to be given. Of an IPv6 address it hands the host with its brackets to the
 * resolver, which finds nothing: here the host is without them, and Node puts them into the Host header again.
 *
 * @param address URL of the agent, without "/" at its end
 */
export function baseUrlOf(address: string): URL {
  const url = new URL(`${address}/v1`);
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return hostname === url.hostname ? url : Object.defineProperty(url, 'hostname', { value: hostname });
}
