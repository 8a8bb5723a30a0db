/**
 * The loose refs of a repository: every file below `refs/`, read again only
 * where its stat says so. Which value wins over which is `refs.ts`.
 *
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { FileStat, FileSystem } from "../../core/host.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import { parseRefName } from "../../core/ref_name.ts";
import type { RawRef } from "../ref_snapshot.ts";
import type { Complaints } from "./complaints.ts";
import type { Layout } from "./layout.ts";
import { parseLooseRef, symrefTo } from "./loose_ref_value.ts";
import { isInsideAny, joinPath } from "./paths.ts";
import { isFresh, type Now, type Stamp } from "./stamp.ts";

/** Largest loose ref file that is read: a symref to the longest name. */
const MAX_REF_BYTES = 8192;

/** Refs that each worktree has for itself (refs.c: is_per_worktree_ref). */
export const PER_WORKTREE: readonly string[] = [
  "refs/bisect",
  "refs/rewritten",
  "refs/worktree",
];

/** One loose ref. The object stays the same while its value does. */
export interface LooseRef {
  /** Its full name, a binary string. */
  readonly name: string;
  /** Its value, or `undefined` where that is broken. */
  readonly value: RawRef | undefined;
}

/** What loose refs are read with. */
export interface LooseRefsInit {
  /** Where to read. */
  readonly fileSystem: FileSystem;
  /** Where the repository is. */
  readonly layout: Layout;
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** Where broken refs are told. */
  readonly complaints: Complaints;
  /** The time. */
  readonly now: Now;
}

interface Directory {
  readonly path: string;
  /** Names below it start with this: "refs/heads/". */
  readonly prefix: string;
  stamp: Stamp | undefined;
  children: Map<string, Child>;
}

interface Child {
  readonly path: string;
  readonly name: string;
  stamp?: Stamp;
  ref?: LooseRef;
  directory?: Directory;
}

/** The loose refs, and root refs such as HEAD, with what is known of them. */
export class LooseRefs {
  readonly #init: LooseRefsInit;
  readonly #trees: readonly Directory[];
  readonly #roots = new Map<string, Child>();
  #allowed: readonly string[] | undefined;

  /** Reads nothing yet. */
  constructor(init: LooseRefsInit) {
    this.#init = init;
    const { gitDir, commonDir } = init.layout;
    const trees = [directory(joinPath(commonDir, "refs"), "refs/")];
    if (gitDir !== commonDir) {
      for (const name of PER_WORKTREE) {
        trees.push(directory(joinPath(gitDir, name), `${name}/`));
      }
    }
    this.#trees = trees;
  }

  /** Every loose ref below `refs/`, in no order. */
  read(): LooseRef[] {
    const found: LooseRef[] = [];
    this.#allowed = undefined;
    const visited = new Set<string>();
    const stack: { directory: Directory; stat: FileStat }[] = [];
    for (const tree of this.#trees) {
      const stat = this.#attempt(
        tree.path,
        () => this.#init.fileSystem.stat(tree.path),
      );
      if (stat?.kind === "directory") stack.push({ directory: tree, stat });
    }
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      this.#list(next.directory, next.stat);
      for (const child of next.directory.children.values()) {
        this.#visit(child, found, stack, visited);
      }
    }
    return found;
  }

  /** A root ref: HEAD and the like; `undefined` where there is no such file. */
  root(name: string): LooseRef | undefined {
    let child = this.#roots.get(name);
    if (child === undefined) {
      child = { path: joinPath(this.#init.layout.gitDir, name), name };
      this.#roots.set(name, child);
    }
    this.#allowed = undefined;
    const found: LooseRef[] = [];
    this.#visit(child, found, [], new Set());
    return found[0];
  }

  #allowedRoots(): string[] {
    const { gitDir, commonDir } = this.#init.layout;
    const roots: string[] = [];
    for (const path of [gitDir, commonDir, joinPath(commonDir, "refs")]) {
      const real = this.#init.fileSystem.realPath(path);
      if (real !== undefined && !roots.includes(real)) roots.push(real);
    }
    return roots;
  }

  #list(directory: Directory, stat: FileStat): void {
    if (isFresh(directory.stamp, stat)) return;
    const { fileSystem, complaints, layout, now } = this.#init;
    const taken = now();
    const list = this.#attempt(
      directory.path,
      () => fileSystem.list(directory.path),
    );
    const children = new Map<string, Child>();
    for (const name of list?.names ?? []) {
      if (name.startsWith(".") || name.endsWith(".lock")) continue;
      const full = directory.prefix + utf8ToBinary(name);
      if (
        layout.gitDir !== layout.commonDir &&
        directory.prefix === "refs/" && PER_WORKTREE.includes(full)
      ) continue;
      children.set(
        name,
        directory.children.get(name) ??
          { path: joinPath(directory.path, name), name: full },
      );
    }
    if (list !== undefined && list.unreadable > 0) {
      complaints.warn("refs whose names are not UTF-8 are left out", {
        directory: directory.path,
        count: list.unreadable,
      });
    }
    directory.children = children;
    directory.stamp = list === undefined ? undefined : { stat, taken };
  }

  #visit(
    child: Child,
    found: LooseRef[],
    stack: { directory: Directory; stat: FileStat }[],
    visited: Set<string>,
  ): void {
    const { fileSystem, now } = this.#init;
    const taken = now();
    const stat = this.#attempt(child.path, () => fileSystem.lstat(child.path));
    // Gone since it was listed: packed-refs, read later, has it if any does.
    if (stat === undefined) return;
    if (stat.kind === "directory") {
      stack.push({ directory: this.#directoryOf(child), stat });
      return;
    }
    if (stat.kind === "symlink") {
      this.#followLink(child, found, stack, visited);
      return;
    }
    if (!isFresh(child.stamp, stat) || child.ref === undefined) {
      const value = this.#readValue(child, stat);
      if (value === "gone") return;
      child.stamp = { stat, taken };
      this.#setValue(child, value);
    }
    if (child.ref !== undefined) found.push(child.ref);
  }

  #directoryOf(child: Child): Directory {
    return child.directory ??= directory(child.path, `${child.name}/`);
  }

  /** Keeps the object of an unchanged value. */
  #setValue(child: Child, value: RawRef | undefined): void {
    if (child.ref === undefined || !isSameValue(child.ref.value, value)) {
      child.ref = { name: child.name, value };
    }
  }

  #readValue(child: Child, stat: FileStat): RawRef | undefined | "gone" {
    const { fileSystem, complaints, format } = this.#init;
    if (child.name !== "HEAD" && parseRefName(child.name) === undefined) {
      complaints.warn("ignoring ref with broken name", { ref: child.name });
      return undefined;
    }
    if (stat.kind !== "file") {
      complaints.warn("ignoring broken ref: not a file", { ref: child.name });
      return undefined;
    }
    try {
      const bytes = fileSystem.read(child.path, MAX_REF_BYTES);
      if (bytes === undefined) return "gone";
      const value = parseLooseRef(bytes, format);
      if (value === undefined) {
        complaints.warn("ignoring broken ref", { ref: child.name });
      }
      return value;
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      complaints.warn("ignoring broken ref", {
        ref: child.name,
        error: messageOf(error),
      });
      return undefined;
    }
  }

  /**
   * A symlink that spells a ref name is a symref, as in git. Other links are
   * followed too, but only inside the repository.
   */
  #followLink(
    child: Child,
    found: LooseRef[],
    stack: { directory: Directory; stat: FileStat }[],
    visited: Set<string>,
  ): void {
    const { fileSystem, complaints } = this.#init;
    delete child.stamp;
    const link = fileSystem.readLink(child.path);
    const symref = link?.startsWith("refs/")
      ? symrefTo(utf8ToBinary(link))
      : undefined;
    if (symref !== undefined) {
      this.#setValue(child, symref);
      if (child.ref !== undefined) found.push(child.ref);
      return;
    }
    const real = this.#attempt(
      child.path,
      () => fileSystem.realPath(child.path),
    );
    const stat = real === undefined
      ? undefined
      : this.#attempt(real, () => fileSystem.stat(real));
    if (real === undefined || stat === undefined) return;
    this.#allowed ??= this.#allowedRoots();
    if (!isInsideAny(real, this.#allowed)) {
      complaints.warn("ignoring symbolic link out of the repository", {
        ref: child.name,
      });
      return;
    }
    if (stat.kind === "directory") {
      if (visited.has(real) || this.#isAbove(real, child.path)) return;
      visited.add(real);
      stack.push({ directory: this.#directoryOf(child), stat });
      return;
    }
    const value = this.#readValue(child, stat);
    if (value === "gone") return;
    this.#setValue(child, value);
    if (child.ref !== undefined) found.push(child.ref);
  }

  /** Whether a linked directory holds the link itself. */
  #isAbove(real: string, path: string): boolean {
    const parent = path.slice(0, path.lastIndexOf("/"));
    const realParent = this.#init.fileSystem.realPath(parent) ?? parent;
    return isInsideAny(realParent, [real]);
  }

  /** What cannot be read is told once and passed over, as git does. */
  #attempt<T>(path: string, call: () => T | undefined): T | undefined {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#init.complaints.warn(messageOf(error), { path });
      return undefined;
    }
  }
}

function directory(path: string, prefix: string): Directory {
  return { path, prefix, stamp: undefined, children: new Map() };
}

function isSameValue(a: RawRef | undefined, b: RawRef | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return "oid" in a
    ? "oid" in b && a.oid === b.oid
    : "symref" in b && a.symref === b.symref;
}
