import { UserError } from '../errors';
import { ConsulStore, type ConsulOptions } from './client';
import { ConsulError } from './errors';
import type { StoredValue } from './key-value-store';

/** Where a store is configured, and what it is for. */
export interface StorePurpose {
  /** Section of the configuration, for messages: "origin.consul". */
  section: string;
  /** Key of the index of the sync info that is looked for there. */
  indexKey: string;
}

/**
 * Opens a Consul in the datacenter that is configured. The original vsync hardly used `dc`, so its files carry
 * labels that were never true, while the sync info stands in the agent's own datacenter. So a label is believed
 * only if it does no harm: it is the agent's own, or the agent's own datacenter holds no sync info.
 *
 * @returns a store whose requests all go to that datacenter
 * @throws UserError if the agent's own datacenter is another one and holds sync info
 * @throws ConsulError if Consul cannot be asked, or has no path to the datacenter
 */
export async function openStore(options: ConsulOptions, purpose: StorePurpose): Promise<ConsulStore> {
  const { dc, ...rest } = options;
  const own = new ConsulStore(rest);
  if (dc === undefined) return own;
  const there = new ConsulStore(options);
  try {
    const ownDc = await own.ownDatacenter();
    if (ownDc === dc) {
      there.close();
      return own;
    }
    const here = await own.get(purpose.indexKey);
    if (here !== undefined && !(ownDc === undefined && (await holdsTheSame(there, purpose.indexKey, here)))) {
      throw new UserError(staleLabel(own.address, dc, ownDc, purpose));
    }
    // Now, and not in the first cycle: does the agent know that datacenter?
    if (here === undefined) await there.get(purpose.indexKey);
  } catch (error) {
    own.close();
    there.close();
    throw error;
  }
  own.close();
  return there;
}

/** Without `agent:read` only this tells: the same key with the same revision is in the same datacenter. */
async function holdsTheSame(there: ConsulStore, key: string, here: StoredValue): Promise<boolean> {
  try {
    const other = await there.get(key);
    return other?.revision === here.revision && other.value.equals(here.value);
  } catch (error) {
    if (error instanceof ConsulError && error.kind === 'unavailable') return false;
    throw error;
  }
}

function staleLabel(address: string, dc: string, ownDc: string | undefined, purpose: StorePurpose): string {
  const { section, indexKey } = purpose;
  const own =
    ownDc === undefined ? "another datacenter, the agent's own" : `the agent's own datacenter ${ownDc}`;
  const remove = ownDc === undefined ? `remove ${section}.dc` : `remove ${section}.dc, or set it to ${ownDc}`;
  return (
    `Consul ${address}: ${section}.dc is ${dc}, but ${indexKey} stands in ${own}: the label may be a stale one, as ` +
    `the original vsync did not use it. If the sync info there is meant, ${remove}. If ${dc} is meant, give the ` +
    `address of an agent in ${dc} as ${section}.address, or remove the key ${indexKey} where it stands`
  );
}
