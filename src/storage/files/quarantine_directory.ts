/**
 * The directory that holds what is not published, `tmp_objdir-incoming-...` as
 * git names it, and then who made it: a record in the directory would come too
 * late, and go too early, by one call. And the removal of those that the dead
 * have left, with the `.keep` files that go with them.
 *
 * @module
 */

import { fromUtf8 } from "../../core/bytes.ts";
import {
  formatIdentity,
  parseIdentity,
  type ProcessIdentity,
} from "../../core/owner.ts";
import { isSameFile, ownedName, ownerIn } from "./lock_journal.ts";
import {
  type ObjectWriting,
  removeTree,
  withdrawPart,
} from "./object_writing.ts";
import { joinPath } from "./paths.ts";
import { quietly } from "./quietly.ts";
import { makeTemporaryDirectory } from "./temporary.ts";

// tmp-objdir.c: git prune removes what begins with "tmp_".
const PREFIX = "tmp_objdir-incoming-";
/** Between the owner and what tells his quarantines apart. */
const END_OF_OWNER = "~";
/** What the second line of our `.keep` files begins with. */
const KEEP_OWNER = "gitsrv ";

const MAX_RECORD_BYTES = 4096;
/** Leftovers that one sweep looks at; the next one goes on. */
const MAX_LEFTOVERS = 64;
const MAX_KEEPS = 1024;

/** Makes a quarantine's directory, ready to be written to. */
export function makeQuarantineDirectory(writing: ObjectWriting): string {
  const { files, objectsDir, owners } = writing;
  const path = makeTemporaryDirectory(
    files,
    joinPath(objectsDir, ownedName(PREFIX, owners.self) + END_OF_OWNER),
    0o700,
  );
  try {
    files.makeDirectory(joinPath(path, "pack"), 0o777);
  } catch (error) {
    removeQuarantine(files, path);
    throw error;
  }
  return path;
}

/**
 * Removes a quarantine: what cannot be removed now is swept once its owner is
 * dead. Never throws a StorageError.
 */
export function removeQuarantine(
  files: ObjectWriting["files"],
  path: string,
): void {
  removeTree(files, path);
}

/** The text of a `.keep`: what is to be said, and whose it is. */
export function keepText(said: string, self: ProcessIdentity): Uint8Array {
  // index-pack.c: write_special_file ends the message with a line feed.
  const line = said.endsWith("\n") ? said : `${said}\n`;
  return fromUtf8(`${line}${KEEP_OWNER}${formatIdentity(self)}\n`);
}

/**
 * Removes the quarantines in `objects` whose owner is proved dead. Others, and
 * those that name no owner, are never touched. "none": there was no
 * quarantine at all; "swept": one was removed. Never throws a StorageError.
 */
export function sweepQuarantines(
  { files, objectsDir, owners }: Pick<
    ObjectWriting,
    "files" | "objectsDir" | "owners"
  >,
): "none" | "some" | "swept" {
  const names = quietly(() => files.list(objectsDir)?.names);
  if (names === undefined) return "some";
  const leftovers = names.filter((name) => name.startsWith(PREFIX));
  let hasFound = false;
  for (const name of leftovers.slice(0, MAX_LEFTOVERS)) {
    const path = joinPath(objectsDir, name);
    if (quietly(() => files.lstat(path)?.kind) !== "directory") continue;
    const end = name.lastIndexOf(END_OF_OWNER);
    const owner = ownerIn(name.slice(PREFIX.length, Math.max(0, end)));
    if (owner === undefined || !owners.isDead(owner)) continue;
    withdrawParts(files, path, joinPath(objectsDir, "pack"));
    removeQuarantine(files, path);
    hasFound = true;
  }
  if (hasFound) return "swept";
  return leftovers.length === 0 ? "none" : "some";
}

/** Takes back what a publication has left that did not come to its end. */
function withdrawParts(
  files: ObjectWriting["files"],
  quarantine: string,
  packDir: string,
): void {
  const directory = joinPath(quarantine, "pack");
  const names = quietly(() => files.list(directory)?.names) ?? [];
  for (const name of names.slice(0, MAX_LEFTOVERS)) {
    if (!/^pack-.*\.(?:pack|rev)$/.test(name)) continue;
    const path = joinPath(packDir, name);
    const theirs = quietly(() => files.lstat(joinPath(directory, name)));
    const shown = quietly(() => files.lstat(path));
    // Two names of one file: the quarantine's owner gave it the other.
    if (isSameFile(shown, theirs)) withdrawPart(files, path, quarantine);
  }
}

/**
 * Removes `.keep` files of ours whose owner is proved dead: nobody is left to
 * name the objects of their packs. Never throws a StorageError.
 */
export function sweepKeeps(
  { files, objectsDir, owners }: Pick<
    ObjectWriting,
    "files" | "objectsDir" | "owners"
  >,
): void {
  const directory = joinPath(objectsDir, "pack");
  const names = quietly(() => files.list(directory)?.names) ?? [];
  const keeps = names.filter((name) => name.endsWith(".keep"));
  for (const name of keeps.slice(0, MAX_KEEPS)) {
    const path = joinPath(directory, name);
    const line = recordAt(files, path)?.split("\n")[1];
    if (line?.startsWith(KEEP_OWNER) !== true) continue;
    const owner = parseIdentity(line.slice(KEEP_OWNER.length));
    if (owner === undefined || !owners.isDead(owner)) continue;
    quietly(() => files.unlink(path));
  }
}

function recordAt(
  files: ObjectWriting["files"],
  path: string,
): string | undefined {
  const bytes = quietly(() => files.read(path, MAX_RECORD_BYTES));
  return bytes && new TextDecoder().decode(bytes);
}
