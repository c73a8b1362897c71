/** What several rounds of one measurement gave. */
export interface Summary {
  median: number;
  min: number;
  max: number;
  /** In the order of the rounds. */
  values: readonly number[];
}

/** @throws RangeError without any value: a median of nothing would pass every bar */
export function summarise(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError('there is no round to summarise');
  const sorted = [...values].sort((a, b) => a - b);
  return { median: medianOf(sorted), min: sorted[0] ?? 0, max: sorted.at(-1) ?? 0, values };
}

function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  const lower = sorted[Math.ceil(middle) - 1] ?? 0;
  return (lower + upper) / 2;
}

/** How much larger the one median is than the other. @throws RangeError if that cannot be told */
export function ratioOfMedians(ours: Summary, floor: Summary): number {
  if (!(floor.median > 0)) throw new RangeError('a floor of nothing has no ratio');
  return ours.median / floor.median;
}
