/**
 * A browser without a window, as somebody has who pastes a URL into one. It
 * needs Debian's Chromium, and says so where there is none.
 *
 * @module
 */

import { findProgram } from "./debian.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { runProgram } from "./git.ts";

const DEADLINE_MS = 90_000;

/**
 * The document at `url` as the browser has understood it, written out as HTML.
 * No name but that of this machine leads anywhere.
 */
export async function browse(url: string): Promise<string> {
  const result = await runProgram(findProgram("chromium"), [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    `--user-data-dir=${temporaryDirectory("chromium")}`,
    "--dump-dom",
    url,
  ], { timeout: DEADLINE_MS });
  if (result.code !== 0) {
    throw new Error(`Cannot browse ${url}:\n${result.stderr}`);
  }
  // Programs' output is kept as bytes.
  return new TextDecoder().decode(
    Uint8Array.from(result.stdout, (byte) => byte.charCodeAt(0)),
  );
}
