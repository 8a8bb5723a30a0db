/**
 * Questions about a repository on disk, answered by the real git: what two
 * repositories must have in common to be called equal.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { git, tryGit } from "./git.ts";

/** How `git fsck` ended and what it said, its lines in byte order. */
export interface FsckResult {
  /** Exit code: 0 for a clean repository. */
  readonly code: number | null;
  /** Lines of both outputs, sorted; progress is off. */
  readonly lines: readonly string[];
}

/** Runs `git fsck --full`: equal on two repositories that hold the same. */
export async function fsck(repository: string): Promise<FsckResult> {
  const result = await tryGit(["fsck", "--full", "--no-progress"], {
    cwd: repository,
  });
  const lines = `${result.stdout}${result.stderr}`.split("\n")
    .filter((line) => line !== "" && !line.startsWith("notice: "));
  return { code: result.code, lines: lines.sort() };
}

/**
 * Every ref with its value, `<oid> <name>` by name; symrefs show the value
 * they lead to. `patterns` are those of `git for-each-ref`.
 */
export async function refs(
  repository: string,
  ...patterns: string[]
): Promise<string[]> {
  const text = await git(
    ["for-each-ref", "--format=%(objectname) %(refname)", ...patterns],
    { cwd: repository },
  );
  return lines(text);
}

/** The ids of all objects that the refs reach, sorted. */
export async function reachableSet(repository: string): Promise<string[]> {
  const text = await git(
    ["rev-list", "--objects", "--all", "--no-object-names"],
    { cwd: repository },
  );
  return lines(text).sort();
}

/** The ids of all objects that are stored, reachable or not, sorted. */
export async function objectSet(repository: string): Promise<string[]> {
  const text = await git([
    "cat-file",
    "--batch-check=%(objectname)",
    "--batch-all-objects",
    "--unordered",
  ], { cwd: repository });
  return lines(text).sort();
}

/** The lines of the shallow file, sorted; none when there is no such file. */
export function shallowFile(repository: string): string[] {
  for (const path of [".git/shallow", "shallow"]) {
    const full = join(repository, path);
    if (existsSync(full)) return lines(readFileSync(full, "latin1")).sort();
  }
  return [];
}

/** What HEAD says: `ref: <name>` or an object id. */
export function headText(repository: string): string {
  const dotGit = join(repository, ".git/HEAD");
  const path = existsSync(dotGit) ? dotGit : join(repository, "HEAD");
  return readFileSync(path, "latin1").trim();
}

/** Splits output into lines without the empty one at the end. */
export function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
