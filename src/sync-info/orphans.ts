import { z } from 'zod';
import { bucketId, grouped } from '../rules/bucket';
import { StoredInfoError } from '../consul/errors';
import type { KeyValueStore } from '../consul/key-value-store';
import { readJson } from './commits';

/** One orphan: a secret at a place of the destination where nothing belongs any more. */
const OrphanSchema = z.object({
  /** Path at the origin that it was copied for. */
  of: z.string(),
  /** When it became one. RFC 3339. */
  since: z.string(),
});
export type Orphan = z.infer<typeof OrphanSchema>;

const PartSchema = z.record(z.string(), OrphanSchema);

/** Keys that the list is spread over, so that no value grows over Consul's limit. */
const PARTS = 256;

/**
 * The orphans of a destination, under `<syncPath>destination/orphans/<part>`: data path at the destination to
 * {@link Orphan}. A changed transform makes them; only an operator has them removed.
 */
export class Orphans {
  constructor(
    private readonly store: KeyValueStore,
    /** Ends in `orphans/`. */
    private readonly prefix: string,
  ) {}

  async read(signal?: AbortSignal): Promise<Map<string, Orphan>> {
    const all = new Map<string, Orphan>();
    for (const key of await this.store.keys(this.prefix, signal)) {
      const { orphans } = await this.readPart(key, signal);
      for (const [target, orphan] of orphans) all.set(target, orphan);
    }
    return all;
  }

  /** Adds what is not on the list yet. */
  async add(targets: ReadonlyMap<string, string>, since: string, signal?: AbortSignal): Promise<void> {
    await this.change([...targets.keys()], signal, (orphans, target) => {
      if (!orphans.has(target)) orphans.set(target, { of: targets.get(target) ?? '', since });
    });
  }

  async remove(targets: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.change(targets, signal, (orphans, target) => orphans.delete(target));
  }

  private async change(
    targets: readonly string[],
    signal: AbortSignal | undefined,
    apply: (orphans: Map<string, Orphan>, target: string) => void,
  ): Promise<void> {
    for (const [part, inPart] of grouped(targets, (target) => bucketId(target, PARTS))) {
      const key = `${this.prefix}${part}`;
      const { orphans, revision } = await this.readPart(key, signal);
      const before = JSON.stringify([...orphans]);
      for (const target of inPart) apply(orphans, target);
      if (JSON.stringify([...orphans]) === before) continue;
      const value = Buffer.from(JSON.stringify(Object.fromEntries(orphans)));
      const isWritten =
        orphans.size === 0
          ? await this.store.remove(key, revision, signal)
          : (await this.store.commit([{ key, value, expect: revision }], signal)) !== undefined;
      if (isWritten) continue;
      const detail = 'another process wrote this key at the same moment; the next cycle does it again';
      throw new StoredInfoError(this.store.address, key, detail);
    }
  }

  private async readPart(
    key: string,
    signal?: AbortSignal,
  ): Promise<{ orphans: Map<string, Orphan>; revision: number }> {
    const ifDamaged = 'not a list of orphans; remove the key, or restore it from a backup';
    const { data = {}, revision } = await readJson(this.store, key, PartSchema, ifDamaged, signal);
    return { orphans: new Map(Object.entries(data)), revision };
  }
}
