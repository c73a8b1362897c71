import { z } from 'zod';

/** Metadata of a secret, as both servers answer them: for one secret, or for all secrets of a folder (OpenBao). */

export const VersionEntry = z.object({
  created_time: z.string(),
  deletion_time: z.string(),
  destroyed: z.boolean(),
});
type VersionEntry = z.infer<typeof VersionEntry>;

/** Not z.record: that would drop a key named __proto__, and cost many times more. A scan reads the versions of each secret. */
export function recordOf<T>(isEntry: (entry: Partial<T> | null) => boolean): z.ZodType<Record<string, T>> {
  return z.custom<Record<string, T>>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value as Record<string, Partial<T> | null>).every(isEntry),
  );
}

const Versions = recordOf<VersionEntry>(
  (entry) =>
    typeof entry?.created_time === 'string' &&
    typeof entry.deletion_time === 'string' &&
    typeof entry.destroyed === 'boolean',
);

/** A field that may be missing or null. */
export const orElse = <T>(schema: z.ZodType<T>, value: T): z.ZodType<T> =>
  schema.nullish().transform((found) => found ?? value);
const Count = z.number().int().min(0);

export const MetadataFields = z.object({
  current_version: Count,
  updated_time: z.string(),
  versions: Versions,
  // Further fields are ignored: Vault 1.21 adds last_updated_by. A Vault before 1.9 has no custom metadata, and omits
  // the field.
  custom_metadata: recordOf<string>((text) => typeof text === 'string')
    .nullable()
    .default(null),
  max_versions: orElse(Count, 0),
  cas_required: orElse(z.boolean(), false),
  delete_version_after: orElse(z.string(), '0s'),
  // OpenBao counts the writes of metadata. Vault does not, and omits the field.
  current_metadata_version: orElse(Count.optional(), undefined),
});

/** Metadata of one secret, with the names of Vault's API. */
export type SecretMetadata = z.infer<typeof MetadataFields>;
