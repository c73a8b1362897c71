import { UserError } from '../errors';
import { ConsulStore, type ConsulOptions } from './client';
import { ConsulError } from './errors';
import type { StoredValue } from './key-value-store';

export interface StorePurpose {
  /** Section of the configuration, for messages: "origin.consul". */
  section: string;
  /** Key of the index of the sync info that should be there. */
  indexKey: string;
}

/**
 * Opens a Consul in the configured datacenter. The original vsync hardly used `dc`, so its files may name a wrong
 * datacenter, while the sync info is in the agent's own one.
 *
 * @throws UserError if the agent's own datacenter is another one and has sync info
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
    // Fails now instead of in the first cycle if the agent does not know that datacenter.
    if (here === undefined) await there.get(purpose.indexKey);
  } catch (error) {
    own.close();
    there.close();
    throw error;
  }
  own.close();
  return there;
}

/** For a token without `agent:read`: the same key with the same revision is in the same datacenter. */
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
  const isHidden = ownDc === undefined;
  const own = isHidden ? "another datacenter, the agent's own" : `the agent's own datacenter ${ownDc}`;
  const remove = `remove ${section}.dc${isHidden ? '' : `, or set it to ${ownDc}`}`;
  return (
    `Consul ${address}: ${section}.dc is ${dc}, but ${indexKey} is in ${own}. The configured dc may be wrong, because ` +
    `the original vsync did not use it. To use the sync info there, ${remove}. To use ${dc}, set ${section}.address to ` +
    `an agent in ${dc}, or remove ${indexKey} from the agent's own datacenter${isHidden ? '' : ` ${ownDc}`}`
  );
}
