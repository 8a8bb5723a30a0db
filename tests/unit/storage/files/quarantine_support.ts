/**
 * What the tests of quarantines share: a repository of real git's to push
 * into, packs for it, and the listing of what is in its object directory.
 *
 * @module
 */

import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Owners } from "../../../../src/core/owner.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import type { WritableFiles } from "../../../../src/core/write_files.ts";
import { systemOwners } from "../../../../src/runtime/owner.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { FileRepository } from "../../../../src/storage/files/repository.ts";
import type {
  ReceiveOptions,
  RepositoryWriter,
} from "../../../../src/storage/writes.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { smallRepository } from "../../../support/fixture_small.ts";
import { git } from "../../../support/git.ts";
import {
  givenIntake,
  type GivenPack,
  givenPack,
} from "../../../support/given_intake.ts";
import { keepingLogger, KERNELS, layoutOf } from "./support.ts";

/** A repository with history, and a pack of all of it. */
export interface Source {
  /** The repository. */
  readonly path: string;
  /** The pack. */
  readonly given: GivenPack;
  /** What its main branch is. */
  readonly main: string;
}

/** Builds one; it holds what `label` tells. */
export async function source(label: string): Promise<Source> {
  const path = join(temporaryDirectory("quarantine"), "source.git");
  const { main } = smallRepository(path, { label });
  return await packOf(path, main);
}

/** Builds one with a single commit of one file: three objects. */
export async function tinySource(label: string): Promise<Source> {
  const path = join(temporaryDirectory("quarantine"), "source.git");
  await git(["init", "-q", "--bare", path]);
  const make = async (args: string[], input: string) =>
    (await git(args, { cwd: path, input })).trim();
  const blob = await make(["hash-object", "-w", "--stdin"], label);
  const tree = await make(["mktree"], `100644 blob ${blob}\tfile\n`);
  const main = await make(["commit-tree", tree], label);
  await git(["update-ref", "refs/heads/main", main], { cwd: path });
  return await packOf(path, main);
}

async function packOf(path: string, main: string): Promise<Source> {
  const list = await git(["rev-list", "--objects", "main"], { cwd: path });
  const text = await git(["pack-objects", "--stdout", "-q"], {
    cwd: path,
    input: list.replaceAll(/ .*/g, ""),
  });
  const pack = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return { path, given: givenPack(pack, temporaryDirectory("given")), main };
}

/** An empty bare repository with some configuration. */
export async function target(
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const path = join(temporaryDirectory("quarantine"), "target.git");
  await git(["init", "-q", "--bare", path]);
  for (const [key, value] of Object.entries(config)) {
    await git(["config", key, value], { cwd: path });
  }
  return path;
}

/** How a repository is opened to be written. */
export interface WritingOptions {
  /** The machine's unless told. */
  readonly files?: WritableFiles;
  /** The machine's unless told. */
  readonly owners?: Owners;
  /** Its configuration, as far as it matters here. */
  readonly config?: Readonly<Record<string, string>>;
}

/** Opens a repository whose packs are to be `given`. */
export function writable(
  path: string,
  given: GivenPack,
  options: WritingOptions = {},
): FileRepository {
  const { files = NODE_WRITE_FILES, owners = systemOwners() } = options;
  const { config = {} } = options;
  return new FileRepository({
    layout: layoutOf(path),
    format: SHA1,
    config: Object.entries(config),
    fileSystem: files,
    kernels: KERNELS,
    logger: keepingLogger().logger,
    writes: () =>
      Promise.resolve({
        files,
        owners,
        intake: () => givenIntake(given),
        pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      }),
  });
}

/** The writer of {@linkcode writable}. */
export function writerOf(
  path: string,
  given: GivenPack,
  options: WritingOptions = {},
): Promise<RepositoryWriter> {
  const { writer } = writable(path, given, options);
  if (writer === undefined) throw new TypeError("Cannot write");
  return writer();
}

/** Options of a receipt without bounds. */
export function receiving(
  unpackLimit: number,
  signal: AbortSignal = new AbortController().signal,
): ReceiveOptions {
  return {
    limits: {
      maxInputBytes: 0,
      maxInflatedBytes: 0,
      maxObjectBytes: 0,
      maxObjects: 0,
      maxDeltaDepth: 0,
    },
    unpackLimit,
    keep: "receive-pack 1 on host",
    signal,
  };
}

/** Everything below a directory: path, mode, and bytes where asked. */
export function listing(root: string, what: "modes" | "bytes"): string[] {
  const found: string[] = [];
  const pending = [root];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const stat = lstatSync(path);
    const name = path === root ? "." : path.slice(root.length + 1);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) {
      found.push(`${name}/ ${mode}`);
      for (const each of readdirSync(path)) pending.push(join(path, each));
    } else {
      const bytes = what === "bytes" ? readFileSync(path, "latin1") : "";
      found.push(`${name} ${mode} ${bytes}`);
    }
  }
  return found.sort();
}
