import type { Listen } from '../network/listening';
import { checkedText, type Checked } from './fields';

const LISTEN_PATTERN = '^([^\\s/@:]+|\\[[\\da-fA-F:.]+\\]):\\d+$';

/** "host:port"; an IPv6 address is in brackets. */
export function listenAddress(address: string): Checked<string> {
  const { port } = listenOf(address);
  if (new RegExp(LISTEN_PATTERN).test(address) && port >= 1 && port <= 65_535) return { value: address };
  return { problem: 'must be host:port with a port from 1 to 65535, such as 127.0.0.1:8210 or [::1]:8210' };
}

/** @param address that `listen` has accepted */
export function listenOf(address: string): Listen {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

/** A key whose value is an address to listen on; optional. */
export const listen = (what: string) =>
  checkedText('an address to listen on, such as 127.0.0.1:8210', listenAddress, LISTEN_PATTERN)
    .optional()
    .describe(what);
