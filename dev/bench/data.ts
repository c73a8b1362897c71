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
  /** At the most; some may stay without any secret of their own, and so not exist. */
  folders: number;
  seed: number;
}

const MIN_VALUE_BYTES = 200;
/** A few bytes below 8 KiB, because the fields of a value are rounded up to equal lengths. */
const MAX_VALUE_BYTES = 8 * 1024 - 8;
const MAX_DEPTH = 6;

/** Secrets in one folder, on the average. */
export const SECRETS_PER_FOLDER = 15;

/** The smaller mount's share of the secrets. */
const SMALL_SHARE = 0.2;

const LEVELS = ['area', 'team', 'app', 'part', 'stage', 'zone'];

/** What the benchmark copies: two mounts of different size, from a seed. */
export function twoMounts(secrets: number, seed: number): readonly [large: MountData, small: MountData] {
  const small = Math.max(1, Math.round(secrets * SMALL_SHARE));
  const plan = (mount: string, count: number): DataPlan => {
    return { mount, secrets: count, folders: Math.ceil(count / SECRETS_PER_FOLDER), seed };
  };
  return [makePaths(plan('apps/', secrets - small)), makePaths(plan('infra/', small))];
}

/**
 * Paths in folders of different depth and width: each new folder goes into any that is there, and some folders draw
 * far more secrets than others. The same plan gives the same paths.
 */
export function makePaths({ mount, secrets, folders, seed }: DataPlan): MountData {
  const random = randomFrom(`${seed} ${mount}`);
  const made = [{ path: '', depth: 0, upTo: 1 }];
  while (made.length < folders) {
    const parent = pick(made, random);
    const last = made.at(-1)?.upTo ?? 0;
    if (parent.depth === MAX_DEPTH) continue;
    const path = `${parent.path}${LEVELS[parent.depth] ?? 'part'}-${made.length}/`;
    // Its share of the secrets: mostly about one, now and then twenty times as much.
    made.push({ path, depth: parent.depth + 1, upTo: last + 1 / (0.05 + random()) });
  }
  const total = made.at(-1)?.upTo ?? 1;
  const paths = Array.from({ length: secrets }, (_, number) => {
    const at = random() * total;
    return `${firstReaching(made, at).path}secret-${number}`;
  });
  return { mount, paths };
}

/** The value of one secret: 0.2 to 8 KiB as JSON, more of them small than large. The same for the same seed and path. */
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

/** Mulberry32, seeded with the FNV-1a hash of a text. @returns numbers from 0 up to, but not, 1 */
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
