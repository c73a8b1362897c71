import { isDeepStrictEqual } from 'node:util';

/*
 * Values of secrets as JSON, exactly. JSON.stringify writes -0 as 0, but the servers distinguish them. It and
 * isDeepStrictEqual overflow the stack on values some thousand levels deep, which OpenBao accepts: a slow path for those.
 */

/** The JSON text of a parsed value. */
export function jsonText(value: unknown): string {
  if (hasNegativeZero(value)) return slowText(value);
  return unlessTooDeep(
    () => JSON.stringify(value),
    () => slowText(value),
  );
}

/** Whether two parsed values are the same: own keys and types at any depth, and the sign of 0. */
export function sameValue(a: unknown, b: unknown): boolean {
  return unlessTooDeep(
    () => isDeepStrictEqual(a, b),
    // The order of keys does not matter.
    () => slowText(a, true) === slowText(b, true),
  );
}

function unlessTooDeep<T>(fast: () => T, slow: () => T): T {
  try {
    return fast();
  } catch (error) {
    // The stack has overflowed.
    if ((error as Error).name === 'RangeError') return slow();
    throw error;
  }
}

function hasNegativeZero(value: unknown): boolean {
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next === 0 && Object.is(next, -0)) return true;
    if (typeof next !== 'object' || next === null) continue;
    // Not spread into push: that has a limit.
    for (const child of Array.isArray(next) ? (next as unknown[]) : Object.values(next)) {
      if (typeof child === 'number' || typeof child === 'object') open.push(child);
    }
  }
  return false;
}

/** Without recursion. */
function slowText(value: unknown, sorted = false): string {
  const parts: string[] = [];
  // Values, and text between values, that are still to be written, last first.
  const open: ({ value: unknown } | { text: string })[] = [{ value }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if ('text' in next) {
      parts.push(next.text);
      continue;
    }
    const { value: current } = next;
    if (typeof current !== 'object' || current === null) {
      parts.push(Object.is(current, -0) ? '-0' : JSON.stringify(current));
      continue;
    }
    const [begin, end] = Array.isArray(current) ? ['[', ']'] : ['{', '}'];
    const entries = Array.isArray(current)
      ? (current as unknown[]).map((child) => ['', child] as const)
      : Object.entries(current).map(([key, child]) => [`${JSON.stringify(key)}:`, child] as const);
    if (sorted && !Array.isArray(current)) entries.sort(([a], [b]) => (a < b ? -1 : 1));
    parts.push(begin);
    open.push({ text: end });
    for (const [at, [key, child]] of [...entries.entries()].reverse())
      open.push({ value: child }, { text: at === 0 ? key : `,${key}` });
  }
  return parts.join('');
}
