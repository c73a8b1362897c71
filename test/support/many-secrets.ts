import { infoView } from '../chaos/info-view';
import type { RunningSync } from './running-sync';

/** The expected state of a secret at the destination. */
interface Expected {
  /** Undefined if it is deleted. */
  value: { round: number } | undefined;
  version: number;
}

const FOLDERS = 10;

/** Many secrets of a sync that change round by round, and their expected state at the destination. */
export class ManySecrets {
  private readonly expected = new Map<string, Expected>();
  private round = 0;

  constructor(
    private readonly running: RunningSync,
    private readonly count: number,
  ) {}

  /** Paths that the origin has. */
  get living(): string[] {
    return [...this.expected].flatMap(([path, { value }]) => (value === undefined ? [] : [path]));
  }

  /** Writes the first secrets. A first round of cycles copies them. */
  async plant(): Promise<void> {
    await this.put([...Array(this.count).keys()].map((number) => `f${number % FOLDERS}/s${number}`));
  }

  /** One round at the origin: changes a tenth, adds five, deletes one. */
  async change(): Promise<{ changed: number; added: number; deleted: number }> {
    this.round += 1;
    const { round } = this;
    const changed = this.living.filter((_, position) => position % 10 === round % 10);
    const gone = this.living.find((path) => !changed.includes(path)) ?? '';
    const added = [...Array(5).keys()].map((number) => `f${number}/r${round}-${number}`);
    await this.put([...changed, ...added]);
    await this.delete(gone);
    return { changed: changed.length, added: added.length, deleted: 1 };
  }

  /** Deletes some at the origin. */
  async delete(...paths: readonly string[]): Promise<void> {
    const { originVault, mount } = this.running.sync;
    for (const path of paths) {
      await originVault.delete(mount, path);
      const before = this.expected.get(path);
      this.expected.set(path, { value: undefined, version: before?.version ?? 0 });
    }
  }

  private async put(paths: readonly string[]): Promise<void> {
    const { originVault, mount } = this.running.sync;
    const value = { round: this.round };
    await Promise.all(paths.map((path) => originVault.put(mount, path, value)));
    for (const path of paths)
      this.expected.set(path, { value, version: (this.expected.get(path)?.version ?? 0) + 1 });
  }

  /** Value and version of each path at the destination. */
  private async standing(): Promise<Record<string, Expected>> {
    const there = [...this.expected.keys()].map(async (path) => {
      const [value, version = 0] = await this.running.at(path);
      return [path, { value: value as Expected['value'], version }] as const;
    });
    return Object.fromEntries(await Promise.all(there));
  }

  /** Expects that the destination still has every secret that it ever had and the origin has, in any version. */
  async expectNothingLost(): Promise<void> {
    const there = await this.standing();
    const lost = this.living.filter((path) => {
      const { value, version } = there[path] ?? { value: undefined, version: 0 };
      return value === undefined && version > 0;
    });
    expect(lost).toEqual([]);
  }

  /**
   * Expects that the destination has what the origin has, that each change is exactly one version, and that the sync
   * info of both ends fits its index and is equal.
   */
  async expectArrived(): Promise<void> {
    expect(await this.standing()).toEqual(Object.fromEntries(this.expected));
    const origin = await infoView(this.running.sync, 'origin');
    expect([...origin.keys()].sort()).toEqual(this.living.sort());
    expect(await infoView(this.running.sync, 'destination')).toEqual(origin);
  }
}
