/**
 * Many calls of the disk at once, but not so many that they take all file
 * descriptors or threads: whatever fails, the others are waited for.
 *
 * @module
 */

/** Runs tasks side by side, so many at a time; gives what each came to. */
export async function settleAll<T>(
  tasks: readonly (() => Promise<T>)[],
  limit: number,
): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  for (let at = 0; at < tasks.length; at += limit) {
    const some = tasks.slice(at, at + limit).map((task) => task());
    results.push(...await Promise.allSettled(some));
  }
  return results;
}
