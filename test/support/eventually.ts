/**
 * Waits until a check passes: for effects that the system under test causes by itself. The bound is generous, because a
 * slow machine is not a failure.
 */
export async function eventually<T>(check: () => Promise<T>, what: string, withinMs = 60_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(
          `${what} did not happen within ${withinMs / 1000} s: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
