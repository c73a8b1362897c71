import { z } from 'zod';
import { StoredInfoError } from '../../../consul/errors';
import type { Staging } from '../../../sync-info/staging';
import { bytewise } from '../../../rules/paths';

/** Kinds of findings, in the order in which they are shown. */
export const FINDING_KINDS = [
  'drift',
  'missing',
  'unpublished',
  'changed',
  'refused',
  'failed',
  'unknown',
  'orphan',
  'extra',
] as const;

/**
 * - `drift`, `missing`, `changed`: see src/rules/insight.ts
 * - `unpublished`: the origin has it, and its sync info lacks it
 * - `refused`: it is not copied at all (`collision`, `loop`)
 * - `failed`: one of the ends could not be read
 * - `unknown`: the path is the key of a bucket of the origin that does not fit its index
 * - `orphan`, `extra`: it is at the destination and belongs to no secret of the origin
 */
export type FindingKind = (typeof FINDING_KINDS)[number];

const FindingSchema = z.object({
  kind: z.enum(FINDING_KINDS),
  /** Path at the origin, as sync info names it; of `orphan` and `extra`, data path at the destination. */
  path: z.string(),
  /** Data path at the destination, where it is another one. */
  to: z.string().optional(),
  /** One of a closed set: why, in a word. */
  class: z.string().optional(),
  /** The end that could not be read. */
  at: z.enum(['origin', 'destination']).optional(),
  /** Another path that has to do with it: of a collision, of a loop, or the one that it was copied for. */
  with: z.string().optional(),
});

/** One secret that is not as it should be. Never holds a value, or anything that was made from one. */
export type Finding = z.infer<typeof FindingSchema>;

const ListSchema = z.object({ v: z.literal(1), findings: z.array(FindingSchema) });

/** @returns the reference to read them by, because they may be too many for Temporal; undefined if there are none */
export async function stageFindings(
  staging: Staging,
  findings: readonly Finding[],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (findings.length === 0) return undefined;
  return staging.put({ v: 1, findings: sorted(findings) } satisfies z.infer<typeof ListSchema>, signal);
}

/** Reads all lists of a verify. @throws StoredInfoError if a list is gone or was changed */
export async function readFindings(staging: Staging, references: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const reference of references) {
    const list = ListSchema.safeParse(await staging.get(reference));
    if (!list.success)
      throw new StoredInfoError(staging.address, reference, 'not a list of findings; run vsync verify again');
    findings.push(...list.data.findings);
  }
  return sorted(findings);
}

export function counted(findings: readonly Finding[]): Partial<Record<FindingKind, number>> {
  const counts: Partial<Record<FindingKind, number>> = {};
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** By kind, then by path: the same findings are always the same text. */
function sorted(findings: readonly Finding[]): Finding[] {
  const rank = (kind: FindingKind): number => FINDING_KINDS.indexOf(kind);
  return [...findings].sort((a, b) => rank(a.kind) - rank(b.kind) || bytewise(a.path, b.path));
}
