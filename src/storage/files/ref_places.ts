/**
 * Where loose refs and reflogs lie, what is stored there at this moment, and
 * the directories around them. It reads and tidies; it changes no ref.
 *
 * @module
 */

import { binaryToUtf8, utf8ToBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { parseRefName, type RefName } from "../../core/ref_name.ts";
import type { WritableFiles } from "../../core/write_files.ts";
import type { RawRef } from "../ref_snapshot.ts";
import type { Layout } from "./layout.ts";
import { MAX_PATH_BYTES } from "./layout.ts";
import { parseLooseRef, symrefTo } from "./loose_ref_value.ts";
import { PER_WORKTREE } from "./loose_refs.ts";
import { isInsideAny, joinPath, parentPath } from "./paths.ts";
import { type SharedModes, shareFile } from "./shared_modes.ts";
import { hasCode, systemWords } from "./system_words.ts";

/** NAME_MAX of every file system in use. */
const MAX_COMPONENT_BYTES = 255;
const LOCK_SUFFIX_BYTES = ".lock".length;
/** Largest loose ref file that is read. */
const MAX_REF_BYTES = 8192;

/** What {@linkcode RefPlaces} are made from. */
export interface RefPlacesInit {
  /** Where files are changed. */
  readonly files: WritableFiles;
  /** Where the repository is. */
  readonly layout: Layout;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Who shares it. */
  readonly shared: SharedModes;
}

/** What is stored at a loose ref's path. */
export type LooseValue =
  | { readonly kind: "absent" | "directory" }
  | { readonly kind: "value"; readonly value: RawRef }
  /** Torn, or unreadable for the reason given. */
  | { readonly kind: "broken"; readonly why?: string };

/** The files of a repository's refs. */
export class RefPlaces {
  readonly #init: RefPlacesInit;

  /** Touches nothing yet. */
  constructor(init: RefPlacesInit) {
    this.#init = init;
  }

  /** The loose file of a ref; its name must have passed {@linkcode problem}. */
  path(name: string): string {
    return joinPath(this.#base(name), binaryToUtf8(name));
  }

  /** The reflog of a ref. */
  logPath(name: string): string {
    return joinPath(joinPath(this.#base(name), "logs"), binaryToUtf8(name));
  }

  /** Refs of each worktree, and HEAD, lie in the git directory. */
  #base(name: string): string {
    const { gitDir, commonDir } = this.#init.layout;
    if (gitDir === commonDir) return commonDir;
    const isOwn = !name.includes("/") ||
      PER_WORKTREE.some((prefix) => name.startsWith(`${prefix}/`));
    return isOwn ? gitDir : commonDir;
  }

  /** Why no file can be called as the ref is, if so. */
  problem(name: string): string | undefined {
    const text = binaryToUtf8(name);
    // One runtime cannot open such names, nor tell U+FFFD from them.
    if (text.includes("\ufffd")) {
      return "ref names that are not UTF-8 cannot be stored here";
    }
    const path = this.path(name);
    const components = name.split("/");
    const last = components.pop() as string;
    if (components.some((each) => each.length > MAX_COMPONENT_BYTES)) {
      return `unable to create directory for ${path}`;
    }
    const isLong = last.length + LOCK_SUFFIX_BYTES > MAX_COMPONENT_BYTES ||
      utf8ToBinary(path).length + LOCK_SUFFIX_BYTES >= MAX_PATH_BYTES;
    return isLong
      ? `Unable to create '${path}.lock': File name too long`
      : undefined;
  }

  /** What is stored at a ref's path now. */
  read(name: string): LooseValue {
    const { files } = this.#init;
    const path = this.path(name);
    try {
      // Somebody may change what it is between the looks.
      for (let attempts = 0; attempts < 3; attempts++) {
        const stat = files.lstat(path);
        if (stat === undefined) return { kind: "absent" };
        if (stat.kind === "directory") return { kind: "directory" };
        if (stat.kind === "other") return { kind: "broken" };
        if (stat.kind === "symlink") {
          const value = this.#link(path);
          if (value !== undefined) return value;
        }
        const value = this.#file(path);
        if (value !== undefined) return value;
        if (stat.kind === "symlink") return { kind: "broken" };
      }
      return { kind: "broken" };
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      return { kind: "broken", why: systemWords(error) };
    }
  }

  #file(path: string): LooseValue | undefined {
    const { files, format } = this.#init;
    const bytes = files.read(path, MAX_REF_BYTES);
    if (bytes === undefined) return undefined;
    const value = parseLooseRef(bytes, format);
    return value === undefined ? { kind: "broken" } : { kind: "value", value };
  }

  /** A symlink that spells a ref name; others must stay in the repository. */
  #link(path: string): LooseValue | undefined {
    const { files, layout } = this.#init;
    const target = files.readLink(path);
    if (target?.startsWith("refs/") === true) {
      const value = symrefTo(utf8ToBinary(target));
      if (value !== undefined) return { kind: "value", value };
    }
    const real = files.realPath(path);
    const roots = [layout.gitDir, layout.commonDir]
      .map((root) => files.realPath(root) ?? root);
    return real !== undefined && isInsideAny(real, roots)
      ? undefined
      : { kind: "broken" };
  }

  /** The ref that HEAD names directly, if it names one. */
  headTarget(): RefName | undefined {
    const head = this.read("HEAD");
    return head.kind === "value" && "symref" in head.value
      ? head.value.symref
      : undefined;
  }

  /** The first loose ref, in byte order, whose name starts with `prefix`. */
  below(prefix: string): string | undefined {
    const { files } = this.#init;
    let first: string | undefined;
    const stack = [prefix];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      const directory = this.path(next.slice(0, -1));
      if (files.lstat(directory)?.kind !== "directory") continue;
      for (const name of files.list(directory)?.names ?? []) {
        if (name.startsWith(".") || name.endsWith(".lock")) continue;
        const full = next + utf8ToBinary(name);
        const stat = files.stat(joinPath(directory, name));
        if (stat?.kind === "directory") stack.push(`${full}/`);
        else if (
          stat !== undefined && parseRefName(full) !== undefined &&
          (first === undefined || full < first)
        ) first = full;
      }
    }
    return first;
  }

  /**
   * Makes the directories above a path in the repository. Throws "ENOTDIR" or
   * "EEXIST" where a file is in the way, "ENOENT" where they vanish again.
   */
  makeParents(path: string): void {
    const { files, shared, layout } = this.#init;
    const roots = [layout.gitDir, layout.commonDir];
    const missing: string[] = [];
    const make = (directory: string): boolean => {
      try {
        files.makeDirectory(directory, 0o777);
      } catch (error) {
        if (hasCode(error, "EEXIST")) return true;
        throw error;
      }
      try {
        shareFile(files, directory, shared);
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
      }
      return true;
    };
    for (let at = parentPath(path);; at = parentPath(at)) {
      try {
        if (roots.includes(at) || make(at)) break;
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
        missing.push(at);
      }
      if (at === "/") break;
    }
    for (const directory of missing.reverse()) make(directory);
  }

  /**
   * Removes a directory that holds empty directories alone, as dir.c:
   * remove_dir_recursively does; false where it stays.
   */
  removeEmptyTree(path: string): boolean {
    const { files } = this.#init;
    const found = [path];
    try {
      for (let at = 0; at < found.length; at++) {
        const directory = found[at] as string;
        const list = files.list(directory);
        if ((list?.unreadable ?? 0) > 0) return false;
        for (const name of list?.names ?? []) {
          const child = joinPath(directory, name);
          if (files.lstat(child)?.kind !== "directory") return false;
          found.push(child);
        }
      }
      for (const directory of found.reverse()) files.removeDirectory(directory);
      return true;
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
  }

  /**
   * Removes the directories above a ref, or above its log, that are empty;
   * never `refs/` and what lies directly in it. Never throws.
   */
  removeEmptyParents(name: string, of: "ref" | "log"): void {
    const components = name.split("/");
    for (let count = components.length - 1; count > 2; count--) {
      const above = components.slice(0, count).join("/");
      const path = of === "ref" ? this.path(above) : this.logPath(above);
      try {
        this.#init.files.removeDirectory(path);
      } catch (error) {
        if (error instanceof StorageError) return;
        throw error;
      }
    }
  }
}
