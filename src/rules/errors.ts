/*
 * The errors of the rules. Each contains what is wrong with a text. The caller adds where the text came from: a Consul key,
 * a Vault path, a configuration key.
 */

/** A text is not an RFC 3339 time. */
export class TimeError extends Error {
  override readonly name = 'TimeError';

  /** @param text is quoted, because times are not secret */
  constructor(readonly text: string) {
    super(`${JSON.stringify(text)} is not an RFC 3339 time like 2019-05-14T23:41:52.904927369Z`);
  }
}

/** The metadata of a secret contradicts itself: it is unknown whether the secret exists. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
}

/** A value read from Consul is not sync info. */
export class SyncInfoError extends Error {
  override readonly name = 'SyncInfoError';

  /**
   * @param part the kind of value that was expected
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
   * @param problem the message of the regular expression parser
   */
  constructor(
    readonly transform: string,
    readonly position: number,
    readonly problem: string,
  ) {
    super(`transform ${JSON.stringify(transform)} (number ${position + 1}): ${problem}`);
  }
}
