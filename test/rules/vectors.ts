import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SecretMetadata } from '../../src/rules/insight';
import type { TransformRule } from '../../src/rules/transform';

/** What a Vault answered, and what the original vsync 0.3.0 made of it. */
export interface SyncInfoVectors {
  /** By metadata path. `versions` is empty where a secret has metadata only. */
  readonly metadata: Readonly<Record<string, SecretMetadata>>;
  /** By number of buckets, then by key below the sync path ("origin/index", "origin/0", …). */
  readonly syncInfo: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface TransformVectors {
  readonly transforms: readonly TransformRule[];
  /** Path before, path after. */
  readonly paths: Readonly<Record<string, string>>;
}

export const syncInfoVectors = read('sync-info.json') as SyncInfoVectors;
export const transformVectors = read('transforms.json') as TransformVectors[];

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(__dirname, '..', 'vectors', name), 'utf8'));
}
