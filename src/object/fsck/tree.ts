/**
 * What a tree may hold, entry by entry and in one pass.
 *
 * fsck.c: fsck_tree, verify_ordered.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { MODE_GITLINK, MODE_SYMLINK, MODE_TREE, MODE_TYPE } from "../tree.ts";
import {
  GITATTRIBUTES,
  GITIGNORE,
  GITMODULES,
  isDotFile,
  isDotGit,
  isNtfsDotFile,
  isNtfsDotGit,
  MAILMAP,
  maySpeakOfGit,
} from "./dot_names.ts";
import type { Report } from "./messages.ts";

const SPACE = 0x20;
const SLASH = 0x2f;
const ZERO = 0x30;
const BACKSLASH = 0x5c;

/** What hears of one tree. */
export interface TreeListener {
  /** Findings. */
  readonly report: Report;
  /** Lines that git says besides, "error: " and all. */
  readonly say: (line: string) => void;
  /** Files whose contents matter; `at` is where the raw id stands. */
  readonly special: (file: "modules" | "attributes", at: number) => void;
}

/** Whether git finds an error in a tree. */
export function isBadTree(
  data: Uint8Array,
  rawLength: number,
  listener: TreeListener,
): boolean {
  return new TreeCheck(data, rawLength, listener).run();
}

class TreeCheck {
  readonly #data: Uint8Array;
  readonly #rawLength: number;
  readonly #listener: TreeListener;
  #isBad = false;
  #hasDot = false;
  #hasDotdot = false;
  #hasDotgit = false;
  #hasBadMode = false;
  #hasDuplicate = false;
  #isUnsorted = false;
  #oldMode = 0;
  #oldName = -1;
  #oldEnd = -1;
  /** Where names start that a directory further on may have too. */
  readonly #candidates: number[] = [];

  constructor(data: Uint8Array, rawLength: number, listener: TreeListener) {
    this.#data = data;
    this.#rawLength = rawLength;
    this.#listener = listener;
  }

  run(): boolean {
    const data = this.#data;
    const rawLength = this.#rawLength;
    const end = data.length;
    let hasNullId = false;
    let hasSlash = false;
    let hasZero = false;
    // Else the first entry is broken already; with it, neither modes nor
    // names can run over the end.
    const isEnded = end > rawLength && data[end - rawLength - 1] === 0;
    let mode = 0;
    let name = -1;
    let nameEnd = -1;
    for (let at = 0; at < end;) {
      let nextMode = 0;
      let next = at;
      let code = data[at] as number;
      const first = code;
      while (code >= ZERO && code <= 0x37) {
        nextMode = (nextMode << 3) | (code - ZERO);
        code = data[++next] as number;
      }
      if (
        !isEnded || end - at < rawLength + 3 || code !== SPACE ||
        next === at || data[next + 1] === 0
      ) {
        const isShort = !isEnded || end - at < rawLength + 3;
        const words = isShort
          ? "too-short tree object"
          : code !== SPACE || next === at
          ? "malformed mode in tree entry"
          : "empty filename in tree entry";
        this.#listener.say(`error: ${words}`);
        this.#report("badTree", "cannot be parsed as a tree");
        // Nor is it looked at how the entry before it is placed.
        name = -1;
        break;
      }
      if (name >= 0) this.#place(mode, name, nameEnd);
      mode = nextMode & 0xffff;
      name = next + 1;
      if (first === ZERO) hasZero = true;
      let hasBackslash = false;
      nameEnd = name;
      for (; (code = data[nameEnd] as number) !== 0; nameEnd++) {
        if (code === SLASH) hasSlash = true;
        else if (code === BACKSLASH) hasBackslash = true;
      }
      const id = nameEnd + 1;
      if (data[id] === 0 && isZero(data, id, rawLength)) hasNullId = true;
      if (hasBackslash || maySpeakOfGit(data, name)) {
        this.#lookAtName(name, nameEnd, mode);
      }
      at = id + rawLength;
    }
    if (name >= 0) this.#place(mode, name, nameEnd);
    if (hasNullId) {
      this.#report("nullSha1", "contains entries pointing to null sha1");
    }
    if (hasSlash) this.#report("fullPathname", "contains full pathnames");
    if (this.#hasDot) this.#report("hasDot", "contains '.'");
    if (this.#hasDotdot) this.#report("hasDotdot", "contains '..'");
    if (this.#hasDotgit) this.#report("hasDotgit", "contains '.git'");
    if (hasZero) {
      this.#report("zeroPaddedFilemode", "contains zero-padded file modes");
    }
    if (this.#hasBadMode) {
      this.#report("badFilemode", "contains bad file modes");
    }
    if (this.#hasDuplicate) {
      this.#report("duplicateEntries", "contains duplicate file entries");
    }
    if (this.#isUnsorted) this.#report("treeNotSorted", "not properly sorted");
    return this.#isBad;
  }

  #report: Report = (id, text) => {
    const isError = this.#listener.report(id, text);
    if (isError) this.#isBad = true;
    return isError;
  };

  #lookAtName(start: number, end: number, mode: number): void {
    const name = toBinary(this.#data, start, end);
    const isLink = (mode & MODE_TYPE) === MODE_SYMLINK;
    const special = this.#listener.special;
    if (name === ".") this.#hasDot = true;
    if (name === "..") this.#hasDotdot = true;
    if (isDotGit(name)) this.#hasDotgit = true;
    if (isDotFile(name, GITMODULES)) {
      if (isLink) this.#linkedModules();
      else special("modules", end + 1);
    }
    if (isDotFile(name, GITATTRIBUTES)) {
      if (isLink) {
        this.#report("gitattributesSymlink", ".gitattributes is a symlink");
      } else special("attributes", end + 1);
    }
    if (isLink && isDotFile(name, GITIGNORE)) {
      this.#report("gitignoreSymlink", ".gitignore is a symlink");
    }
    if (isLink && isDotFile(name, MAILMAP)) {
      this.#report("mailmapSymlink", ".mailmap is a symlink");
    }
    // Windows takes it for the end of a directory's name.
    for (
      let at = name.indexOf("\\");
      at >= 0;
      at = name.indexOf("\\", at + 1)
    ) {
      if (!maySpeakOfGit(this.#data, start + at + 1)) continue;
      const next = name.slice(at + 1);
      if (isNtfsDotGit(next)) this.#hasDotgit = true;
      if (!isNtfsDotFile(next, GITMODULES)) continue;
      if (isLink) this.#linkedModules();
      else special("modules", end + 1);
    }
  }

  #linkedModules(): void {
    this.#report("gitmodulesSymlink", ".gitmodules is a symbolic link");
  }

  /**
   * Looks at an entry's mode, and at how it stands to the one before. A file
   * and a directory of one name may have others between them: `foo`,
   * `foo.bar`, `foo/`. Such files wait in a stack, to be compared with the
   * directories that follow.
   */
  #place(mode: number, name: number, nameEnd: number): void {
    if (!isUsualMode(mode)) this.#hasBadMode = true;
    const data = this.#data;
    const oldMode = this.#oldMode;
    const oldName = this.#oldName;
    const most = Math.min(this.#oldEnd - oldName, nameEnd - name);
    this.#oldMode = mode;
    this.#oldName = name;
    this.#oldEnd = nameEnd;
    if (oldName < 0) return;
    for (let i = 0; i < most; i++) {
      const difference = (data[oldName + i] as number) -
        (data[name + i] as number);
      if (difference === 0) continue;
      if (difference > 0) this.#isUnsorted = true;
      return;
    }
    let before = data[oldName + most] as number;
    let after = data[name + most] as number;
    if (before === 0 && after === 0) {
      this.#hasDuplicate = true;
      return;
    }
    if (before === 0 && (oldMode & MODE_TYPE) === MODE_TREE) before = SLASH;
    if (after === 0 && (mode & MODE_TYPE) === MODE_TREE) after = SLASH;
    if (before === 0 && isBelowSlash(after)) {
      this.#candidates.push(oldName);
    } else if (after === SLASH && isBelowSlash(before)) {
      if (this.#hasCandidate(name)) {
        this.#hasDuplicate = true;
        return;
      }
    }
    if (before >= after) this.#isUnsorted = true;
  }

  /** Whether a file of the directory's name waits. */
  #hasCandidate(name: number): boolean {
    const data = this.#data;
    for (;;) {
      const candidate = this.#candidates.pop();
      if (candidate === undefined) return false;
      let i = 0;
      while (
        data[candidate + i] !== 0 && data[candidate + i] === data[name + i]
      ) i++;
      if (data[candidate + i] !== 0) continue;
      const next = data[name + i] as number;
      if (next === 0) return true;
      if (isBelowSlash(next)) {
        this.#candidates.push(candidate);
        return false;
      }
    }
  }
}

function isBelowSlash(code: number): boolean {
  return code > 0 && code < SLASH;
}

function isZero(data: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (data[at + i] !== 0) return false;
  return true;
}

function isUsualMode(mode: number): boolean {
  return mode === 0o100644 || mode === MODE_TREE || mode === 0o100755 ||
    mode === MODE_SYMLINK || mode === MODE_GITLINK;
}
