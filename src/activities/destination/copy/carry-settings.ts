import { insightOfMetadata } from '../../../rules/insight';
import type { Location } from '../../../rules/paths';
import {
  differingSettings,
  fingerprintOfSettings,
  type SecretSettings,
  settingsOf,
} from '../../../rules/settings';
import { VaultError } from '../../../vault/errors';
import { failureOfPath } from '../../shared/failures';
import type { OpenBucket } from '../../../sync-info/ledger';
import type { CopyContext } from './copy-bucket';
import type { PlannedBucket } from './plan-bucket';
import { placeAtDestination, placeAtOrigin, whereFailed, type DestinationDeps } from '../base/deps';
import { Freshness, writeFresh, type Decision } from '../base/freshness';
import type { RequestOptions } from '../../../vault/client';

/** Settings on their way. They are in the memory of one activity only, as values are. */
export interface Carried {
  readonly settings: SecretSettings;
  /** Whether they have to be at the destination before the value that the secret has now. */
  readonly beforeValue: boolean;
  readonly freshness: Freshness;
}

/** Carries over the settings of the secrets of one bucket, and claims what was applied. */
export class SettingsCarrier {
  private readonly failedPaths = new Set<string>();

  private constructor(
    private readonly context: CopyContext,
    private readonly id: number,
    private readonly planned: PlannedBucket,
    private readonly bucket: OpenBucket<string>,
  ) {}

  /** @returns undefined if settings are not copied, or the origin publishes none */
  static of(context: CopyContext, id: number, planned: PlannedBucket): SettingsCarrier | undefined {
    const { settings: ledger, report, incomplete } = context;
    const { settings: bucket } = planned;
    if (ledger === undefined || bucket === undefined) return undefined;
    if (bucket.origin === undefined) {
      incomplete.add(id);
      // A damaged index is reported once for all buckets.
      const { originIndex, origin } = ledger.sides;
      if (originIndex !== undefined) report.fail(origin.bucketKey(id), 'torn-bucket', 'unknown');
    }
    return new SettingsCarrier(context, id, planned, bucket);
  }

  /** The settings of this secret are to be carried over, and could not be. */
  isMissing(path: string): boolean {
    return this.bucket.origin === undefined || this.failedPaths.has(path);
  }

  hasFailed(path: string): boolean {
    return this.failedPaths.has(path);
  }

  /**
   * Whether the claims equal what the origin publishes. Also of secrets that are refused now: they are copied when the
   * other secret is gone, which may be in another bucket.
   */
  isDone(): boolean {
    const { origin, claims } = this.bucket;
    const isWanted = (path: string): boolean =>
      this.planned.origin.has(path) && this.context.deps.scope.isToBeCopied(path);
    return origin !== undefined && differingSettings(origin, claims, isWanted).length === 0;
  }

  /**
   * Reads what has to be carried over for a secret. A version expires if `delete_version_after` was set when it was
   * written. One that does has to be written after the settings here too; one that lives for ever before them, if they
   * would let it expire. Undefined if nothing has to be carried, or if it failed: that is reported.
   */
  async read(path: string, signal: AbortSignal): Promise<Carried | undefined> {
    if (!this.planned.work.settings.has(path)) return undefined;
    return this.attempt(path, signal, () => this.ask(path, signal));
  }

  private async ask(path: string, signal: AbortSignal): Promise<Carried | undefined> {
    const { deps } = this.context;
    const { mount, rel } = placeAtOrigin(deps, path);
    const freshness = new Freshness();
    const metadata = await deps.originVault.metadata(mount, rel, signal, freshness.begin);
    // It went away in the meantime: the origin's info will say so.
    if (metadata === undefined || insightOfMetadata(metadata, Date.now()) === undefined) return undefined;
    const settings = settingsOf(metadata);
    const expires = metadata.versions[String(metadata.current_version)]?.deletion_time !== '';
    return { settings, beforeValue: expires || settings.delete_version_after === '0s', freshness };
  }

  /** Writes them at the destination, unless they are there, and claims them. A failure is reported. */
  async apply(path: string, carried: Carried, signal: AbortSignal): Promise<void> {
    await this.attempt(path, signal, async () => {
      const { deps, report } = this.context;
      const place = placeAtDestination(deps, path);
      let asked = carried;
      const decide = async (there: SettingsThere): Promise<Decision<SettingsThere, Applied>> => {
        if (!asked.freshness.isFresh()) {
          const again = await this.ask(path, signal);
          if (again === undefined) return { done: undefined };
          asked = again;
        }
        const { settings, freshness } = asked;
        // What was applied, also where the origin has moved on since it published its fingerprint.
        const fingerprint = fingerprintOfSettings(settings);
        if (there !== 'unknown' && there.fingerprint === fingerprint) return { done: { fingerprint } };
        // Vault has no check-and-set for settings: there, only the clock keeps old ones from being written late.
        const cas = there === 'unknown' ? undefined : there.metadataCas;
        const write = async (writing: RequestOptions): Promise<Applied> => {
          await deps.vault.writeSettings(place.mount, place.rel, settings, cas, writing);
          report.count('settings');
          deps.changes?.note({ did: 'settings', to: place, from: placeAtOrigin(deps, path) });
          return { fingerprint };
        };
        return { freshness, write };
      };
      const read = (): Promise<SettingsThere> => settingsThere(deps, place, signal);
      const at = { vault: deps.vault, place, signal };
      const applied = await writeFresh(at, { read, decide, retried: ['conflict'] });
      if (applied === undefined) return;
      if (applied.fingerprint === undefined) this.bucket.forget(path);
      else this.bucket.claim(path, applied.fingerprint);
    });
    this.context.onProgress();
    await this.bucket.checkpoint();
  }

  private async attempt<T>(
    path: string,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T | undefined> {
    const { incomplete, report } = this.context;
    try {
      return await work();
    } catch (error) {
      const where = whereFailed(this.context.deps, path, error);
      report.fail(path, `settings-${failureOfPath(error, signal)}`, 'failed', where);
      incomplete.add(this.id);
      this.failedPaths.add(path);
      return undefined;
    }
  }
}

/** The settings at the destination; `unknown` if the token may write them and not read them. */
type SettingsThere =
  | 'unknown'
  | {
      fingerprint: string | undefined;
      /** For the write: as {@link Kv2.writeSettings} takes it. */
      metadataCas: number | undefined;
    };

/** Undefined if the secret went away meanwhile. */
type Applied = { fingerprint: string | undefined } | undefined;

async function settingsThere(
  { vault }: DestinationDeps,
  { mount, rel }: Location,
  signal: AbortSignal,
): Promise<SettingsThere> {
  try {
    const metadata = await vault.metadata(mount, rel, signal);
    if (metadata === undefined) return { fingerprint: undefined, metadataCas: 0 };
    const metadataCas = metadata.current_metadata_version;
    return { fingerprint: fingerprintOfSettings(settingsOf(metadata)), metadataCas };
  } catch (error) {
    if (error instanceof VaultError && error.kind === 'forbidden') return 'unknown';
    throw error;
  }
}
