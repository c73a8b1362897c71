/**
 * The items in an order in which each group has its turn, the items of a group in their own order: a huge mount then
 * does not keep the others waiting.
 */
export function inTurn<T>(items: readonly T[], groupOf: (item: T) => string): T[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = groupOf(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  const ordered: T[] = [];
  let left = [...groups.values()];
  for (let round = 0; left.length > 0; round++) {
    for (const group of left) ordered.push(group[round] as T);
    left = left.filter((group) => group.length > round + 1);
  }
  return ordered;
}
