/**
 * Temporary directories for tests that need real files: made under the
 * system's own place for such things, and removed when the test file ends.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const made = new Set<string>();

/**
 * Makes an empty directory whose name starts with `gitsrv-<label>-`.
 * It is removed, with everything in it, when the test file ends; tests that
 * fill the disk may remove it earlier with {@linkcode removeDirectory}.
 */
export function temporaryDirectory(label: string): string {
  const path = mkdtempSync(join(tmpdir(), `gitsrv-${label}-`));
  if (made.size === 0) {
    const removeAll = (): void => made.forEach(removeDirectory);
    // `deno test` tells a file's end by the one, `bun test` by the other.
    globalThis.addEventListener("unload", removeAll);
    process.once("exit", removeAll);
  }
  made.add(path);
  return path;
}

/** Removes a directory with everything in it; absent is fine. */
export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
