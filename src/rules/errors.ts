/**
 * The errors of the pure part. Each names what is wrong with which text; where the text came from (a Consul
 * key, a Vault path, a configuration key) is known to the caller, who adds it.
 */

/** A text that should be an RFC 3339 time is not one. */
export class TimeError extends Error {
  override readonly name = 'TimeError';

  /** @param text what was given; times are not secret, so it is quoted. */
  constructor(readonly text: string) {
    super(`${JSON.stringify(text)} is not an RFC 3339 time like 2019-05-14T23:41:52.904927369Z`);
  }
}

/** Metadata of a secret that contradicts itself: it is unknown whether the secret is there. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
}

/** A value read from Consul is not sync info. */
export class SyncInfoError extends Error {
  override readonly name = 'SyncInfoError';

  /**
   * @param part which kind of value it should have been
   * @param problem what is wrong with it
   */
  constructor(
    readonly part: 'index' | 'bucket' | 'settings bucket' | 'list of ends',
    readonly problem: string,
  ) {
    super(`not a valid ${part} of sync info: ${problem}`);
  }
}

/** The regular expression of a transform cannot be used. */
export class TransformError extends Error {
  override readonly name = 'TransformError';

  /**
   * @param transform name of the transform as configured
   * @param position its place in the list, counted from 0
   * @param problem what the regular expression parser says
   */
  constructor(
    readonly transform: string,
    readonly position: number,
    readonly problem: string,
  ) {
    super(`transform ${JSON.stringify(transform)} (number ${position + 1}): ${problem}`);
  }
}
