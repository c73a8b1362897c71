/**
 * The known key that the writer of an unknown one probably meant: one that differs by a slip or two, else one
 * with the same last name in another section ("origin.token" for "origin.vault.token"); undefined if there is
 * none. Upper and lower case do not matter.
 *
 * @param unknown dotted path
 * @param known dotted paths
 */
export function nearestKey(unknown: string, known: readonly string[]): string | undefined {
  const wanted = unknown.toLowerCase();
  const slips = Math.min(2, Math.floor(wanted.length / 2));
  const byDistance = known
    .map((key) => ({ key, distance: editDistance(wanted, key.toLowerCase()) }))
    .filter(({ distance }) => distance <= slips)
    .sort((a, b) => a.distance - b.distance);
  if (byDistance[0]) return byDistance[0].key;

  const namesakes = known.filter((key) => lastName(key).toLowerCase() === lastName(wanted));
  return namesakes.find((key) => firstName(key).toLowerCase() === firstName(wanted)) ?? namesakes[0];
}

function firstName(key: string): string {
  return key.slice(0, `${key}.`.indexOf('.'));
}

function lastName(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

/** Levenshtein distance: characters to insert, delete or replace to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (row[j] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
