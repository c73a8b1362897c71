/**
 * Milliseconds since 1970 by a clock that nobody sets: the age of a list must not change with the time of the machine. It
 * may differ from `Date.now()` by as much as that was set since the process began.
 */
export function steadyNowMs(): number {
  return performance.timeOrigin + performance.now();
}
