/**
 * In what a push to ours may differ from one to git, and why: all else is
 * compared.
 *
 * Generated pushes leave out one thing that is refused before the pack is
 * stored, and by git behind it: names that no ref can ever have, of all
 * commands or of one of an atomic push. `bad_input_commands_test.ts` has them.
 *
 * Neither do they meet refs to objects that are missing, where git refuses
 * every push ("missing necessary objects") and ours those that are not whole;
 * and hooks are not compared in `GIT_SHALLOW_FILE`, the list that git makes for
 * the time of a push from a shallow clone, and ours does not.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { GeneratedPush } from "./request.ts";

interface Difference {
  /** Lines on band 2 that one of the two may say alone. */
  readonly lines: RegExp;
  /** Why that is right. */
  readonly why: string;
}

/** Every deliberate difference in words. */
export const DIFFERENCES: readonly Difference[] = [
  {
    lines: /^(Unpacking objects|Receiving objects|Resolving deltas)/,
    why: "progress depends on the time that something takes",
  },
  {
    lines: /^(fatal|error): (bad (object|tree object) |missing |remote )/,
    why: "the words of `git rev-list`, which git starts to look for what is " +
      "missing: they tell what it came upon first; the report says the rest",
  },
  {
    lines: /^fatal: (revision walk setup failed|unable to (parse|read) )/,
    why: "the same",
  },
  {
    lines:
      /^error: (Could not read |unable to (read|find) |Unable to read |.* does not point to a valid object|unable to parse )/,
    why: "the same",
  },
  {
    lines: /^reference-transaction (says|complains)/,
    why:
      "git writes the output of that hook to its own standard error, which " +
      "nobody sees behind a daemon; ours shows it to who pushes",
  },
];

/** What a client reads, without what may differ. */
export function comparableWords(words: string, directory: string): string {
  return words.replaceAll(directory, "DIR").split(/[\r\n]+/)
    .filter((line) =>
      line !== "" && !DIFFERENCES.some(({ lines }) => lines.test(line))
    ).sort().join("\n");
}

/**
 * Whether git ended because a hook `reference-transaction` said no: it dies
 * there, and tells the client nothing. Ours refuses the refs that this was
 * about, goes on with the others, and sends its report.
 */
export function diedOfHook(failure: string): boolean {
  return failure.includes("fatal: ref updates aborted by hook");
}

/** What ours says of such a push. */
export function assertHookRefused(
  report: readonly string[],
  { capabilities }: GeneratedPush,
): void {
  if (!capabilities.some((each) => each.startsWith("report-status"))) return;
  const why = capabilities.includes("atomic")
    ? "atomic transaction failed"
    : "failed to update ref";
  assert.ok(
    report.some((line) => line.startsWith("ng ") && line.includes(why)),
    report.join(""),
  );
}
