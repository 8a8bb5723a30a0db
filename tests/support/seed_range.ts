/**
 * Which seeds a run goes through: those of the suite, or what a variable of the
 * environment asks for; and comparisons of many seeds, in parts that tell where
 * something is wrong.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { inParallel } from "./git_jobs.ts";
import { it } from "./test.ts";

/** So many failures of one part are told in full. */
const TOLD = 2;

/**
 * The numbers that `<n>` or `<from>-<to>` in a variable of the environment asks
 * for, in the suite's range or beyond; 0 to `count` - 1 where it is not set.
 */
export function chosenSeeds(variable: string, count: number): number[] {
  const [, first, last] =
    /^(\d+)(?:-(\d+))?$/.exec(process.env[variable] ?? "") ?? [];
  const from = Number(first ?? 0);
  const to = Number(last ?? first ?? count - 1);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Registers a test for each part of the seeds: none may throw. */
export function itHasGitsBytes(
  seeds: readonly number[],
  parts: number,
  compareAll: (seed: number) => Promise<void>,
): void {
  const size = Math.ceil(seeds.length / parts);
  for (let at = 0; at < seeds.length; at += size) {
    const part = seeds.slice(at, at + size);
    it(`has git's bytes, seeds ${part[0]} to ${part.at(-1)}`, async () => {
      const failures: string[] = [];
      await inParallel(part, async (seed) => {
        try {
          await compareAll(seed);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : `${error}`);
        }
      });
      assert.equal(
        failures.length,
        0,
        `${failures.length} failures\n${failures.slice(0, TOLD).join("\n\n")}`,
      );
    });
  }
}
