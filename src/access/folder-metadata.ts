import type { OriginConfig } from '../config/schema';
import type { DetailedSupport } from '../vault/detailed-listing';
import type { Kv2 } from '../vault/kv2';
import { folderMetadataGrants, type Grant } from './needs';

/** Whether an origin's scan can get the metadata of each folder in one request. */
export interface FolderMetadata {
  /** `no`: a Vault. `yes`: everywhere. `forbidden`: an OpenBao whose token lacks {@link missing}. */
  support: DetailedSupport;
  missing: readonly Grant[];
}

/** Asks once for each part of a mount that is published; the client remembers the answers. */
export async function folderMetadata(
  vault: Kv2,
  config: OriginConfig,
  signal?: AbortSignal,
): Promise<FolderMetadata> {
  const missing: Grant[] = [];
  let support: DetailedSupport = 'yes';
  for (const grant of folderMetadataGrants(config)) {
    const answer = await vault.detailedSupport(grant.mount, grant.folder, signal);
    if (answer === 'no') return { support: 'no', missing: [] };
    if (answer === 'forbidden') missing.push(grant);
    if (answer === 'unknown') support = 'unknown';
  }
  return { support: missing.length > 0 ? 'forbidden' : support, missing };
}

export const WITHOUT_FOLDER_METADATA =
  'without it, a scan makes one request for each secret instead of one for each folder';
