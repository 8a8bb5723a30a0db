/**
 * Repositories to export, and what is in folders that were.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gitSync } from "./git.ts";

/** A bare repository with a history, an annotated tag and a hidden branch. */
export function exportSource(path: string, format = "sha1"): string {
  gitSync(["init", "-q", "--bare", `--object-format=${format}`, path]);
  commitTo(path, "refs/heads/main", 3);
  gitSync(["tag", "-a", "-m", "x", "v1", "main"], { cwd: path });
  gitSync(["tag", "-a", "-m", "x", "v2", "v1"], { cwd: path });
  gitSync(["repack", "-dq"], { cwd: path });
  commitTo(path, "refs/heads/b\xe4r", 2);
  commitTo(path, "refs/hidden/x", 1);
  gitSync(["config", "transfer.hideRefs", "refs/hidden"], { cwd: path });
  return path;
}

/** Commits to a ref so many times. */
export function commitTo(path: string, ref: string, count: number): void {
  const run = (args: string[], input = "") =>
    gitSync(args, { cwd: path, input }).trim();
  for (let i = 0; i < count; i++) {
    const old = gitSync(["for-each-ref", "--format=%(objectname)", ref], {
      cwd: path,
    }).trim();
    const blob = run(["hash-object", "-w", "--stdin"], `${ref} ${old}\n`);
    const tree = run(["mktree"], `100644 blob ${blob}\tf\n`);
    const parents = old === "" ? [] : ["-p", old];
    run(["update-ref", ref, run(["commit-tree", "-m", "c", ...parents, tree])]);
  }
}

/** Every file below a folder with its bytes. */
export function contentsOf(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const names = readdirSync(folder, { recursive: true }) as string[];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (!statSync(path).isFile()) continue;
    const hash = createHash("sha256").update(readFileSync(path));
    files.set(name, hash.digest("hex"));
  }
  return files;
}

/** The refs that a folder lists. */
export function refsOf(folder: string): string {
  return readFileSync(join(folder, "info/refs"), "latin1");
}
