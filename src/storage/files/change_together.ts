/**
 * Changes several files of a folder in one step, for readers who take one after
 * the other and must not meet a new one beside an old one.
 *
 * A rename changes one name. So the files become symlinks first, through one
 * link that all of them share:
 *
 *     info/refs -> ../.new-state/now/info-refs      .new-state/now -> old
 *
 * which changes nothing that can be read: `old` holds what they held. Then
 * `now` is renamed to lead to `new`: that is the one step. Then the files of
 * `new` are renamed over the symlinks, which again changes nothing.
 *
 * The invariant: at every moment all of the files are as they were, or all of
 * them are as they shall be. Who is killed leaves symlinks that can be read
 * like files, and {@linkcode settleChange} makes files of them.
 *
 * @module
 */

import { equalBytes } from "../../core/bytes.ts";
import { type WritableFiles, writeAll } from "../../core/write_files.ts";
import { joinPath, parentPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { hasCode } from "./system_words.ts";
import { createTemporary } from "./temporary.ts";

/** Begins the names of files that are not finished. */
export const UNFINISHED = ".new-";
/** Longest file that is changed so. */
export const MAX_FILE_BYTES = 1024 * 1024 * 1024;

const STATE = `${UNFINISHED}state`;
const SIDES = ["old", "new"] as const;
const LINKS = ["now", "next"] as const;

/** Files by their names in the folder; `undefined` is one that is to go. */
export type Changes = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * Lets the files of a folder have these bytes, all in one step; resolves to the
 * names of those that had to be written. The others keep their times.
 */
export async function changeTogether(
  files: WritableFiles,
  folder: string,
  wanted: Changes,
): Promise<readonly string[]> {
  const old = new Map<string, Uint8Array | undefined>();
  const changes = new Map<string, Uint8Array | undefined>();
  for (const [name, bytes] of wanted) {
    const before = files.read(joinPath(folder, name), MAX_FILE_BYTES);
    if (isSame(before, bytes)) continue;
    old.set(name, before);
    changes.set(name, bytes);
  }
  const names = [...changes.keys()];
  const [only] = names;
  if (only !== undefined && names.length === 1) {
    await changeOne(files, folder, only, changes.get(only));
  } else if (names.length > 1) {
    await changeAll(files, folder, old, changes);
  }
  return names;
}

/**
 * Makes files of what a killed writer left as symlinks; what can be read stays
 * the same at every moment.
 */
export async function settleChange(
  files: WritableFiles,
  folder: string,
  names: Iterable<string>,
): Promise<void> {
  const state = joinPath(folder, STATE);
  if (files.lstat(state) === undefined) return;
  for (const name of names) {
    const path = joinPath(folder, name);
    if (files.lstat(path)?.kind !== "symlink") continue;
    await changeOne(files, folder, name, files.read(path, MAX_FILE_BYTES));
  }
  clear(files, state);
}

async function changeAll(
  files: WritableFiles,
  folder: string,
  old: Changes,
  changes: Changes,
): Promise<void> {
  const state = joinPath(folder, STATE);
  clear(files, state);
  for (const path of [state, ...SIDES.map((side) => joinPath(state, side))]) {
    ensureFolder(files, path);
  }
  const directories = new Set<string>();
  for (const [side, all] of [["old", old], ["new", changes]] as const) {
    for (const [name, bytes] of all) {
      if (bytes === undefined) continue;
      const path = joinPath(state, `${side}/${flat(name)}`);
      const file = files.create(path, 0o644);
      try {
        writeAll(file, bytes, 0);
        await file.sync();
      } finally {
        file.close();
      }
    }
    await files.syncDirectory(joinPath(state, side));
  }
  files.symlink("old", joinPath(state, "now"));
  await files.syncDirectory(state);
  for (const name of changes.keys()) {
    const path = joinPath(folder, name);
    const up = "../".repeat(name.split("/").length - 1);
    const temporary = joinPath(state, `link-${flat(name)}`);
    ensureFolder(files, parentPath(path));
    files.symlink(`${up}${STATE}/now/${flat(name)}`, temporary);
    files.rename(temporary, path);
    directories.add(parentPath(path));
  }
  for (const path of directories) await files.syncDirectory(path);
  files.symlink("new", joinPath(state, "next"));
  files.rename(joinPath(state, "next"), joinPath(state, "now"));
  await files.syncDirectory(state);
  for (const [name, bytes] of changes) {
    const path = joinPath(folder, name);
    if (bytes === undefined) files.unlink(path);
    else files.rename(joinPath(state, `new/${flat(name)}`), path);
  }
  for (const path of directories) await files.syncDirectory(path);
  clear(files, state);
}

async function changeOne(
  files: WritableFiles,
  folder: string,
  name: string,
  bytes: Uint8Array | undefined,
): Promise<void> {
  const path = joinPath(folder, name);
  const directory = parentPath(path);
  if (bytes === undefined) files.unlink(path);
  else {
    ensureFolder(files, directory);
    const file = createTemporary(files, joinPath(directory, UNFINISHED), 0o644);
    try {
      try {
        writeAll(file, bytes, 0);
        await file.sync();
      } finally {
        file.close();
      }
      files.rename(file.path, path);
    } catch (error) {
      quietly(() => files.unlink(file.path));
      throw error;
    }
  }
  await files.syncDirectory(directory);
}

/** Makes a directory and those above it. */
export function ensureFolder(files: WritableFiles, directory: string): void {
  const missing: string[] = [];
  for (let path = directory; files.stat(path) === undefined;) {
    missing.push(path);
    path = parentPath(path);
  }
  for (const path of missing.reverse()) {
    try {
      files.makeDirectory(path, 0o755);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
    }
  }
}

/** Takes the state away, which nothing leads to any more. */
function clear(files: WritableFiles, state: string): void {
  for (const link of LINKS) {
    quietly(() => files.unlink(joinPath(state, link)));
  }
  for (const directory of [...SIDES.map((side) => `${state}/${side}`), state]) {
    const names = quietly(() => files.list(directory))?.names ?? [];
    for (const name of names) {
      quietly(() => files.unlink(joinPath(directory, name)));
    }
    quietly(() => files.removeDirectory(directory));
  }
}

function flat(name: string): string {
  return name.replaceAll("/", "-");
}

function isSame(
  one: Uint8Array | undefined,
  other: Uint8Array | undefined,
): boolean {
  return one === undefined || other === undefined
    ? one === other
    : equalBytes(one, other);
}
