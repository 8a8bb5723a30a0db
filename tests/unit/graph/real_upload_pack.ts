/**
 * One stateless request to the real `git upload-pack`, in protocol v0: what it
 * says about the boundary, which haves it acknowledges, and what is in its
 * pack. The reference for `src/graph/`.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeDirectory } from "../../support/fixture_directory.ts";
import { gitSync, tryGit } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";

/** The lines of a request, without "want" and the like being spelled out. */
export interface RealRequest {
  /** Ids of wants. */
  readonly wants: readonly string[];
  /** Capabilities beside ofs-delta. */
  readonly capabilities?: string;
  /** `shallow` and `deepen` lines. */
  readonly shallow?: readonly string[];
  /** Ids of haves. */
  readonly haves?: readonly string[];
  /** The value of `pack.useSparse`; false unless told. */
  readonly sparse?: boolean;
  /** Whether `done` ends the request; else a flush does. */
  readonly done: boolean;
}

/** What came back. */
export interface RealAnswer {
  /** Packet lines: shallow, unshallow, ACK, NAK. */
  readonly lines: readonly string[];
  /** Sorted ids of the pack's objects. */
  readonly objects: readonly string[];
  /** The exit code. */
  readonly code: number | null;
  /** Standard error. */
  readonly stderr: string;
}

/** Asks the real git. */
export async function askRealGit(
  repository: string,
  request: RealRequest,
): Promise<RealAnswer> {
  const capabilities = `ofs-delta no-progress ${request.capabilities ?? ""}`;
  let input = "";
  request.wants.forEach((want, i) => {
    input += packet(`want ${want}${i === 0 ? ` ${capabilities}` : ""}\n`);
  });
  for (const line of request.shallow ?? []) input += packet(`${line}\n`);
  input += "0000";
  for (const have of request.haves ?? []) input += packet(`have ${have}\n`);
  input += request.done ? packet("done\n") : "0000";
  const result = await tryGit(
    [
      "-c",
      `pack.useSparse=${request.sparse ?? false}`,
      "upload-pack",
      "--stateless-rpc",
      repository,
    ],
    { input },
  );
  const { stdout } = result;
  const found: string[] = [];
  let at = 0;
  while (at < stdout.length && !stdout.startsWith("PACK", at)) {
    const length = parseInt(stdout.slice(at, at + 4), 16);
    if (length >= 4) found.push(stdout.slice(at + 4, at + length).trim());
    at += Math.max(4, length);
  }
  return {
    lines: found,
    objects: at < stdout.length
      ? packObjects(repository, stdout.slice(at))
      : [],
    code: result.code,
    stderr: result.stderr,
  };
}

function packet(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

function packObjects(repository: string, pack: string): string[] {
  const directory = join(repository, "answer");
  removeDirectory(directory);
  mkdirSync(directory);
  const path = join(directory, "x.pack");
  writeFileSync(path, pack, "latin1");
  gitSync(["index-pack", path]);
  const listing = gitSync(["verify-pack", "-v", path]);
  return lines(listing).filter((line) => /^[0-9a-f]{40} /.test(line))
    .map((line) => line.slice(0, 40)).sort();
}
