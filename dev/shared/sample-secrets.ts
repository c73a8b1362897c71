/** Secrets of benchmark and tests, made from a seed: the same seed gives the same secrets. */

/** The secrets of one mount. */
export interface MountData {
  /** Ends in "/". */
  mount: string;
  /** Below the mount, all different. */
  paths: readonly string[];
}

export interface DataPlan {
  mount: string;
  secrets: number;
  /** At most; a folder without any secret does not exist. By default one for 15 secrets. */
  folders?: number;
  seed: number;
}

const MIN_VALUE_BYTES = 200;
/** A few bytes below 8 KiB, because the fields of a value are rounded up to equal lengths. */
const MAX_VALUE_BYTES = 8 * 1024 - 8;
const MAX_DEPTH = 6;

const SECRETS_PER_FOLDER = 15;

const LEVELS = ['area', 'team', 'app', 'part', 'stage', 'zone'];

/**
 * Paths in folders of different depth and width: each new folder is made in a random one, and some folders have far
 * more secrets than others.
 */
export function makePaths(plan: DataPlan): MountData {
  const { mount, secrets, seed, folders = Math.ceil(secrets / SECRETS_PER_FOLDER) } = plan;
  const random = randomFrom(`${seed} ${mount}`);
  const made = [{ path: '', depth: 0, upTo: 1 }];
  while (made.length < folders) {
    const parent = pick(made, random);
    const last = made.at(-1)?.upTo ?? 0;
    if (parent.depth === MAX_DEPTH) continue;
    const path = `${parent.path}${LEVELS[parent.depth] ?? 'part'}-${made.length}/`;
    // Its share of the secrets: mostly about one, sometimes twenty times as much.
    made.push({ path, depth: parent.depth + 1, upTo: last + 1 / (0.05 + random()) });
  }
  const total = made.at(-1)?.upTo ?? 1;
  const paths = Array.from({ length: secrets }, (_, number) => {
    const at = random() * total;
    return `${firstReaching(made, at).path}secret-${number}`;
  });
  return { mount, paths };
}

/** The value of one secret: 0.2 to 8 KiB as JSON, more of them small than large. */
export function makeValue(seed: number, path: string): Record<string, string> {
  const random = randomFrom(`${seed} ${path}`);
  const bytes = MIN_VALUE_BYTES * (MAX_VALUE_BYTES / MIN_VALUE_BYTES) ** random();
  const fields = 1 + Math.floor(random() * 5);
  // Quotes, colon, comma and name of each field, and the braces.
  const frame = fields * 'key-1'.length + fields * 6 + 1;
  const each = Math.ceil((bytes - frame) / fields);
  return Object.fromEntries(
    Array.from({ length: fields }, (_, number) => [`key-${number}`, text(each, random)]),
  );
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function text(length: number, random: () => number): string {
  let word = '';
  while (word.length < length) word += LETTERS[Math.floor(random() * LETTERS.length)] ?? '';
  return word;
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

function firstReaching<T extends { upTo: number }>(items: readonly T[], at: number): T {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((items[middle]?.upTo ?? 0) > at) high = middle;
    else low = middle + 1;
  }
  return items[low] as T;
}

/** Mulberry32, seeded with the FNV-1a hash of a text. @returns numbers from 0 to below 1 */
function randomFrom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const letter of seed) state = Math.imul(state ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
