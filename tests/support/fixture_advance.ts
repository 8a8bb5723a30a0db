/**
 * What happens to an origin between two fetches: new commits, a merge, a
 * rewritten branch, a deleted one, new tags.
 *
 * @module
 */

import { copyRepository, type Fixture, importStream } from "./fixture.ts";
import { FastImport, FIRST_DATE } from "./fixture_history.ts";
import { gitSync } from "./git.ts";

/** Copies a fixture to `path` and moves the copy on; the first stays. */
export function advancedCopy(fixture: Fixture, path: string): Fixture {
  copyRepository(fixture.path, path);
  const stream = new FastImport();
  const date = FIRST_DATE + 100_000;
  let parent: number | string = "refs/heads/main^0";
  for (let i = 0; i < 5; i++) {
    parent = stream.commit({
      ref: "refs/heads/main",
      parents: [parent],
      date: date + i * 60,
      changes: [stream.file(`dir0/new${i}`, `new ${i}\n`)],
    }).mark;
  }
  const merge = stream.commit({
    ref: "refs/heads/main",
    parents: [parent, "refs/heads/dev^0", "refs/heads/topic/b^0"],
    date: date + 600,
    changes: [stream.file("dir1/merged", "merged\n")],
  });
  // Rewritten: the last two commits of the branch replaced by one.
  stream.commit({
    ref: "refs/heads/loose",
    parents: ["refs/heads/loose~2"],
    date: date + 660,
    changes: [stream.file("rewritten", "rewritten\n")],
  });
  const tag = stream.tag("v1.0", merge.mark, date + 700);
  stream.tag("v1.0-tagged", tag, date + 720);
  importStream(path, stream, "loose");
  gitSync(["update-ref", "--stdin"], {
    cwd: path,
    input: "delete refs/heads/topic/c\n" +
      "delete refs/pull/7/head\n" +
      "create refs/tags/v1.0-light refs/heads/main~3\n" +
      "create refs/heads/born refs/heads/dev~2\n",
  });
  return { ...fixture, path };
}
