import { partsOf, type MountName } from './names';

/** What a user of the origin did to one version of a secret. */
type VersionState = 'live' | 'deleted' | 'destroyed';

interface Version {
  readonly value: string;
  state: VersionState;
}

/** A time in which the origin may have lacked a secret, in milliseconds. */
interface Absence {
  readonly fromMs: number;
  /** Undefined while it lasts. */
  toMs: number | undefined;
}

interface Secret {
  versions: Version[];
  /** Name of its settings, as in secret-settings.ts; undefined without settings. */
  settings: string | undefined;
  readonly absences: Absence[];
  /** Every version that ever existed, also before a delete of the metadata; oldest first. */
  readonly history: { readonly version: number; readonly value: string }[];
}

/** Begin and end of a request to the origin, in milliseconds. Its effect happened in between. */
export interface When {
  readonly beganMs: number;
  readonly endedMs: number;
}

export const ORIGIN_STEPS = ['put', 'put-same', 'delete', 'undelete', 'destroy', 'forget', 'set'] as const;

/** What a user does to a secret of the origin. `forget`: its metadata is deleted. `set`: its settings are changed. */
export type OriginStep = (typeof ORIGIN_STEPS)[number];

/**
 * What the origin has, what was ever put there, and when a secret was absent. The judge compares the destination with
 * it. It makes no requests.
 *
 * A secret that a re-created mount lacks counts as absent only after an approval of the new mount.
 */
export class Model {
  private readonly secrets = new Map<string, Secret>();
  private readonly unproven = new Set<MountName>();

  /** Whether the step would have an effect. Vault accepts all of them. */
  can(name: string, step: OriginStep): boolean {
    const last = this.last(name);
    switch (step) {
      case 'put':
        return true;
      case 'put-same':
      case 'delete':
        return last?.state === 'live';
      case 'undelete':
        return last?.state === 'deleted';
      case 'destroy':
        return last !== undefined && last.state !== 'destroyed';
      case 'forget':
      case 'set':
        return last !== undefined;
    }
  }

  /** @param value of a put; of a `set`, the name of the settings, or undefined for none */
  apply(name: string, step: OriginStep, when: When, value?: string): void {
    const secret = this.secretOf(name);
    const wasLive = this.value(name) !== undefined;
    const last = secret.versions.at(-1);
    if (step === 'put' || step === 'put-same') {
      const put = (step === 'put' ? value : last?.value) ?? '';
      secret.versions.push({ value: put, state: 'live' });
      secret.history.push({ version: secret.versions.length, value: put });
    } else if (step === 'forget') {
      secret.versions = [];
      secret.settings = undefined;
    } else if (step === 'set') secret.settings = value;
    else if (last !== undefined)
      last.state = step === 'undelete' ? 'live' : step === 'destroy' ? 'destroyed' : 'deleted';
    const isLive = this.value(name) !== undefined;
    if (wasLive && !isLive && this.isProven(partsOf(name).mount))
      secret.absences.push({ fromMs: when.beganMs, toMs: undefined });
    if (!wasLive && isLive) this.endAbsence(secret, when.endedMs);
  }

  /** The mount becomes another engine, which is empty. */
  recreate(mount: MountName, when: When): void {
    this.unproven.add(mount);
    for (const secret of this.secretsIn(mount)) {
      this.endAbsence(secret, when.endedMs);
      secret.versions = [];
      secret.settings = undefined;
    }
  }

  /** An operator has approved the new engine: what it lacks is gone. */
  approve(mount: MountName, when: When): void {
    if (!this.unproven.delete(mount)) return;
    for (const secret of this.secretsIn(mount)) {
      if (secret.versions.at(-1)?.state !== 'live')
        secret.absences.push({ fromMs: when.beganMs, toMs: undefined });
    }
  }

  isProven(mount: MountName): boolean {
    return !this.unproven.has(mount);
  }

  /** Every name that was ever put, in the order of the first put. */
  get names(): string[] {
    return [...this.secrets.keys()];
  }

  /** What the origin serves; undefined if it serves nothing. */
  value(name: string): string | undefined {
    const last = this.last(name);
    return last?.state === 'live' ? last.value : undefined;
  }

  /** 0 if there is none. */
  version(name: string): number {
    return this.secrets.get(name)?.versions.length ?? 0;
  }

  settings(name: string): string | undefined {
    return this.secrets.get(name)?.settings;
  }

  ever(name: string): ReadonlySet<string> {
    return new Set(this.secrets.get(name)?.history.map(({ value }) => value));
  }

  /** Values that the origin has had since it first had this version. */
  everSince(name: string, version: number): ReadonlySet<string> {
    const history = this.secrets.get(name)?.history ?? [];
    const first = history.findIndex((one) => one.version === version);
    return new Set(first === -1 ? [] : history.slice(first).map(({ value }) => value));
  }

  /** Whether the origin may have lacked the secret at some moment of this time. */
  wasAbsent(name: string, fromMs: number, toMs: number): boolean {
    const secret = this.secrets.get(name);
    if (secret === undefined) return true;
    return secret.absences.some(
      (absence) => absence.fromMs <= toMs && (absence.toMs === undefined || absence.toMs >= fromMs),
    );
  }

  private endAbsence({ absences }: Secret, endedMs: number): void {
    const absence = absences.at(-1);
    if (absence !== undefined) absence.toMs ??= endedMs;
  }

  private secretsIn(mount: MountName): Secret[] {
    return [...this.secrets].filter(([name]) => partsOf(name).mount === mount).map(([, secret]) => secret);
  }

  private last(name: string): Version | undefined {
    return this.secrets.get(name)?.versions.at(-1);
  }

  private secretOf(name: string): Secret {
    const known = this.secrets.get(name);
    if (known !== undefined) return known;
    const absences = [{ fromMs: 0, toMs: undefined }];
    const secret: Secret = { versions: [], settings: undefined, absences, history: [] };
    this.secrets.set(name, secret);
    return secret;
  }
}
