/**
 * Making a bare repository where a push finds none, as `git init --bare` does
 * with an empty template, and taking it away again while it is empty.
 *
 * @see https://git-scm.com/docs/gitrepository-layout
 * @module
 */

import { fromBinary, utf8ToBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { RefName } from "../../core/ref_name.ts";
import { type WritableFiles, writeAll } from "../../core/write_files.ts";
import type { Owners } from "../../core/owner.ts";
import { isGitDirectory } from "./layout.ts";
import { ownedName, ownerIn } from "./lock_journal.ts";
import { removeTree } from "./object_writing.ts";
import { isInside, joinPath, parentPath, trimSlashes } from "./paths.ts";
import { quietly } from "./quietly.ts";

/** What a repository is called while it is made, and then whose it is. */
const DRAFT = ".gitsrv-new-";
/** Longer names make no files on most systems. */
const MAX_NAME_BYTES = 240;
const MODE = 0o777;
const FILE_MODE = 0o666;
const DIRECTORIES: readonly string[] = [
  ...["objects", "objects/info", "objects/pack"],
  ...["refs", "refs/heads", "refs/tags"],
];
const CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n" +
  "\tbare = true\n";

/** Where repositories may be made, and with what. */
export interface CreateInit {
  /** What changes files. */
  readonly files: WritableFiles;
  /** The directory below which they may be; absolute. */
  readonly root: string;
  /** What HEAD names. */
  readonly branch: RefName;
  /** Tells whose drafts are left over. */
  readonly owners: Owners;
}

/** A repository that was made, or that somebody else has made meanwhile. */
export interface Created {
  /** Its directory. */
  readonly path: string;
  /** Directories that were made for it, itself too; the innermost first. */
  readonly made: readonly string[];
}

/**
 * Makes a repository at `path`, which starts with a slash and has passed the
 * guard, below the root. `undefined` where none may be: below a link that
 * leads out, inside of another repository or its work tree, over something
 * else, under a hidden name. Of two who make the same one, one does, and both
 * get it.
 */
export async function createRepository(
  path: string,
  init: CreateInit,
): Promise<Created | undefined> {
  const { files, root } = init;
  const names = trimSlashes(path).split("/").filter((name) => name !== "");
  if (names.length === 0 || !names.every(isPlainName)) return undefined;
  const real = files.realPath(root);
  if (real === undefined || isRepository(files, real)) return undefined;
  const made: string[] = [];
  let at = real;
  for (const name of names.slice(0, -1)) {
    at = joinPath(at, name);
    if (makeParent(files, at)) made.unshift(at);
    const isThere = files.lstat(at)?.kind === "directory" &&
      isInside(files.realPath(at) ?? "/", real);
    if (isThere && !isRepository(files, at)) continue;
    removeMade(files, made);
    return undefined;
  }
  const target = joinPath(at, names.at(-1) as string);
  if (files.lstat(target) === undefined) {
    try {
      const isOurs = await makeAt(target, init);
      if (isOurs) made.unshift(target);
    } catch (error) {
      quietly(() => removeMade(files, made));
      throw error;
    }
  }
  if (isGitDirectory(files, target)) return { path: target, made };
  removeMade(files, made);
  return undefined;
}

/** Neither hidden, nor a part of a repository, nor odd to a shell's user. */
function isPlainName(name: string): boolean {
  return !name.startsWith(".") && !name.startsWith("-") &&
    !name.endsWith(".lock") &&
    // deno-lint-ignore no-control-regex
    !/[\x00-\x1f\x7f\\]/.test(name) &&
    utf8ToBinary(name).length <= MAX_NAME_BYTES;
}

/** Whether a directory is a git directory, or has one of its own. */
function isRepository(files: WritableFiles, path: string): boolean {
  return isGitDirectory(files, path) ||
    files.lstat(joinPath(path, ".git")) !== undefined;
}

/** Whether the directory was made just now. */
function makeParent(files: WritableFiles, path: string): boolean {
  if (files.lstat(path) !== undefined) return false;
  return !failsWith(["EEXIST"], () => files.makeDirectory(path, MODE));
}

/** Made beside its place, and put there whole; false where somebody else was first. */
async function makeAt(
  target: string,
  { files, branch, owners }: CreateInit,
): Promise<boolean> {
  const random = crypto.getRandomValues(new Uint32Array(2)).join("");
  const parent = parentPath(target);
  sweepDrafts(files, owners, parent);
  const draft = joinPath(parent, `${ownedName(DRAFT, owners.self)}~${random}`);
  files.makeDirectory(draft, MODE);
  try {
    for (const name of DIRECTORIES) {
      files.makeDirectory(joinPath(draft, name), MODE);
    }
    await write(files, joinPath(draft, "config"), CONFIG);
    await write(files, joinPath(draft, "HEAD"), `ref: ${branch}\n`);
    for (const name of [...DIRECTORIES].reverse()) {
      await files.syncDirectory(joinPath(draft, name));
    }
    await files.syncDirectory(draft);
    const isLost = failsWith(
      ["ENOTEMPTY", "EEXIST", "ENOTDIR"],
      () => files.rename(draft, target),
    );
    if (isLost) removeTree(files, draft);
    else await files.syncDirectory(parent);
    return !isLost;
  } catch (error) {
    removeTree(files, draft);
    throw error;
  }
}

/** Removes what dead processes were making here when they died. */
function sweepDrafts(
  files: WritableFiles,
  owners: Owners,
  parent: string,
): void {
  for (const name of quietly(() => files.list(parent)?.names) ?? []) {
    if (!name.startsWith(DRAFT)) continue;
    const owner = ownerIn(name.slice(DRAFT.length, name.lastIndexOf("~")));
    if (owner === undefined || !owners.isDead(owner)) continue;
    removeTree(files, joinPath(parent, name));
  }
}

async function write(
  files: WritableFiles,
  path: string,
  text: string,
): Promise<void> {
  const file = files.create(path, FILE_MODE);
  try {
    writeAll(file, fromBinary(text), 0);
    await file.sync();
  } finally {
    file.close();
  }
}

/**
 * Takes away what {@linkcode createRepository} has made, unless there is
 * something in it by now. Never throws.
 */
export function removeUnused(files: WritableFiles, { made }: Created): void {
  try {
    const [target] = made;
    if (target === undefined) return;
    if (isGitDirectory(files, target) && !removeEmpty(files, target)) return;
    removeMade(files, made);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}

/** Whether an empty repository went; one that is in use stays. */
function removeEmpty(files: WritableFiles, target: string): boolean {
  const inside = [...DIRECTORIES].reverse().map((name) =>
    joinPath(target, name)
  );
  const known = [
    ...inside,
    joinPath(target, "HEAD"),
    joinPath(target, "config"),
  ];
  // Hooks and packed-refs are signs of use as much as objects are.
  const isEmpty = [target, ...inside].every((path) => {
    const names = files.list(path)?.names ?? [];
    return names.every((name) => known.includes(joinPath(path, name)));
  });
  if (!isEmpty) return false;
  // Without HEAD it is no repository for those who come now.
  const head = joinPath(target, "HEAD");
  const aside = joinPath(target, "HEAD.gone");
  files.rename(head, aside);
  const isBusy = failsWith(["ENOTEMPTY", "EEXIST"], () => {
    for (const path of inside) files.removeDirectory(path);
  });
  if (isBusy) {
    // Somebody has begun to push meanwhile.
    for (const name of DIRECTORIES) {
      failsWith(
        ["EEXIST"],
        () => files.makeDirectory(joinPath(target, name), MODE),
      );
    }
    files.rename(aside, head);
    return false;
  }
  files.unlink(aside);
  files.unlink(joinPath(target, "config"));
  return !failsWith(
    ["ENOTEMPTY", "EEXIST"],
    () => files.removeDirectory(target),
  );
}

function removeMade(files: WritableFiles, made: readonly string[]): void {
  for (const path of made) {
    const isKept = failsWith(
      ["ENOTEMPTY", "EEXIST"],
      () => files.removeDirectory(path),
    );
    if (isKept) return;
  }
}

/** Whether `call` fails with one of these codes; others are thrown. */
function failsWith(codes: readonly string[], call: () => void): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (error instanceof StorageError && codes.includes(error.code)) {
      return true;
    }
    throw error;
  }
}
