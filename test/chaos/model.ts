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
  readonly absences: Absence[];
  /** Every value that ever stood there. */
  readonly ever: Set<string>;
}

/** When a request to the origin began and ended, in milliseconds: what it did happened in between. */
export interface When {
  readonly beganMs: number;
  readonly endedMs: number;
}

export const ORIGIN_STEPS = ['put', 'put-same', 'delete', 'undelete', 'destroy', 'forget'] as const;

/** What a user does to a secret of the origin. `forget`: its metadata is deleted. */
export type OriginStep = (typeof ORIGIN_STEPS)[number];

/**
 * What the origin has, what was ever put there, and when a secret was not there: the truth that the destination is
 * held against. Knows no server.
 */
export class Model {
  private readonly secrets = new Map<string, Secret>();

  /** Whether the step would do anything: Vault takes all of them. */
  can(path: string, step: OriginStep): boolean {
    const last = this.last(path);
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
        return last !== undefined;
    }
  }

  /** @param value of a put */
  apply(path: string, step: OriginStep, when: When, value = ''): void {
    const secret = this.secretOf(path);
    const wasLive = this.value(path) !== undefined;
    const last = secret.versions.at(-1);
    if (step === 'put') {
      secret.versions.push({ value, state: 'live' });
      secret.ever.add(value);
    } else if (step === 'put-same') secret.versions.push({ value: last?.value ?? '', state: 'live' });
    else if (step === 'forget') secret.versions = [];
    else if (last !== undefined)
      last.state = step === 'undelete' ? 'live' : step === 'destroy' ? 'destroyed' : 'deleted';
    const isLive = this.value(path) !== undefined;
    if (wasLive && !isLive) secret.absences.push({ fromMs: when.beganMs, toMs: undefined });
    const absence = secret.absences.at(-1);
    if (!wasLive && isLive && absence !== undefined) absence.toMs = when.endedMs;
  }

  /** Every path that was ever put, in the order of the first put. */
  get paths(): string[] {
    return [...this.secrets.keys()];
  }

  /** What the origin serves; undefined if it serves nothing. */
  value(path: string): string | undefined {
    const last = this.last(path);
    return last?.state === 'live' ? last.value : undefined;
  }

  /** 0 if there is none. */
  version(path: string): number {
    return this.secrets.get(path)?.versions.length ?? 0;
  }

  ever(path: string): ReadonlySet<string> {
    return this.secrets.get(path)?.ever ?? new Set();
  }

  /** Whether the origin may have lacked the secret at some moment of this time. */
  wasAbsent(path: string, fromMs: number, toMs: number): boolean {
    const secret = this.secrets.get(path);
    if (secret === undefined) return true;
    return secret.absences.some(
      (absence) => absence.fromMs <= toMs && (absence.toMs === undefined || absence.toMs >= fromMs),
    );
  }

  private last(path: string): Version | undefined {
    return this.secrets.get(path)?.versions.at(-1);
  }

  private secretOf(path: string): Secret {
    const known = this.secrets.get(path);
    if (known !== undefined) return known;
    const secret: Secret = { versions: [], absences: [{ fromMs: 0, toMs: undefined }], ever: new Set() };
    this.secrets.set(path, secret);
    return secret;
  }
}
