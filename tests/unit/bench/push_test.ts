/**
 * Pushes that are made before they are timed, and what is said of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { pushReport, type PushResult } from "../../../bench/push.ts";
import { oneCommitPushes } from "../../../bench/push_client.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git } from "../../support/git.ts";
import { describe, it } from "../../support/test.ts";

describe("the bench's pushes", () => {
  it("are packs that git takes, each on top of the one before", async () => {
    const directory = temporaryDirectory("pushes");
    await git(["init", "--quiet", "--bare", directory]);
    const [first, second] = oneCommitPushes("1".repeat(40), 2);
    assert.equal(first?.old, "0".repeat(40));
    assert.equal(second?.old, first?.new);
    for (const push of [first, second]) {
      assert.ok(push !== undefined);
      const { pack } = push;
      await git(["index-pack", "--stdin"], { cwd: directory, input: pack });
      await git(["cat-file", "-e", push.new], { cwd: directory });
    }
    const commit = await git(["cat-file", "-p", `${second?.new}`], {
      cwd: directory,
    });
    assert.match(commit, new RegExp(`^parent ${first?.new}$`, "m"));
  });
});

const result = (
  server: PushResult["server"],
  row: PushResult["row"],
  value: number,
): PushResult => ({
  row,
  pressing: "git",
  server,
  values: [value],
  cpuMs: [100],
  peakBytes: [600 * 1024 * 1024],
});

describe("the report of pushes", () => {
  it("holds a history to git's wall and to its memory", () => {
    const report = pushReport([
      result("git", "push-history", 10),
      result("deno", "push-history", 11),
      result("bun", "push-history", 13),
    ]);
    assert.match(report, /deno: 1\.10x, at most 1\.2x: met$/m);
    assert.match(report, /bun: 1\.30x, at most 1\.2x: not met$/m);
    assert.match(report, /deno: 600 MiB, at most 512 MiB: not met$/m);
  });

  it("holds small pushes to git's rate", () => {
    const report = pushReport([
      result("git", "push-one", 40),
      result("deno", "push-one", 61),
      result("bun", "push-one", 59),
    ]);
    assert.match(report, /deno: 1\.52x, 1\.5x: met$/m);
    assert.match(report, /bun: 1\.48x, 1\.5x: not met$/m);
  });
});
