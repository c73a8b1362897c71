import type { Row } from '../../../dev/bench/rows';

/** A row of a table, met unless something else is said. */
export function row(changed: Partial<Row> = {}): Row {
  return {
    id: 'a-row',
    work: 'some work',
    secrets: 10_000,
    buckets: 64,
    unit: 'times',
    value: 1.2,
    bar: { kind: 'at most', limit: 1.3 },
    details: {},
    ...changed,
  };
}
