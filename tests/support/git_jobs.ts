/**
 * A few git clients at the same time: every job of a matrix starts as early
 * as the limit allows, and the test named after it waits for its result.
 *
 * @module
 */

import { it } from "./test.ts";

/** How many git clients run at once: enough to overlap, kind to small hosts. */
const DEFAULT_LIMIT = 4;

/** One row of a matrix: its title, and what must not throw. */
export interface Job {
  /** The sentence that the test is called. */
  readonly title: string;
  /** The work and its assertions. */
  run(): Promise<void>;
}

/** Runs `work` for every item, at most `limit` at a time; keeps the order. */
export async function inParallel<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  limit: number = DEFAULT_LIMIT,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(
    Array.from({ length: Math.min(limit, items.length) }, worker),
  );
  return results;
}

/**
 * Registers one test per job. The jobs start together, `limit` at a time,
 * when the first of these tests starts, so that `before` hooks have run.
 */
export function itInParallel(
  jobs: readonly Job[],
  limit: number = DEFAULT_LIMIT,
): void {
  const settled = jobs.map(() => Promise.withResolvers<void>());
  // A job may fail before its test waits for it; that test still tells.
  for (const { promise } of settled) promise.catch(() => {});
  let started = false;
  for (const [index, job] of jobs.entries()) {
    it(job.title, { timeout: 300_000 }, async () => {
      if (!started) {
        started = true;
        void inParallel(jobs, (each, position) =>
          each.run().then(
            settled[position]?.resolve,
            settled[position]?.reject,
          ), limit);
      }
      await settled[index]?.promise;
    });
  }
}
