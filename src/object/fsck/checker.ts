/**
 * Checks objects that come in as git does with `receive.fsckObjects`, in git's
 * words: those of `index-pack --strict` and `unpack-objects --strict`. Whether
 * what they name is there is another matter.
 *
 * @module
 */

import { foldAscii, fromBinary, toHex } from "../../core/bytes.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import { BLOB, COMMIT, type Kind, kindName, TAG, TREE } from "../kind.ts";
import { isBadGitattributes, isBadGitmodules } from "./gitmodules.ts";
import { IdSet } from "./id_set.ts";
import { defaultLevel, type MessageId, type Report } from "./messages.ts";
import { FsckRefusal } from "./refusal.ts";
import type { FsckRules } from "./rules.ts";
import { commitFault, tagFault } from "./shape.ts";
import { isBadCommit, isBadTag } from "./text.ts";
import { isBadTree } from "./tree.ts";

/** Lines that are kept; more are counted. */
const LINES_MAX = 1000;
// usage.c: vreportf cuts what it says, and masks all but tabs and newlines.
const LINE_MAX = 4095;

/** What one checker has gathered; can be cloned. Ids are binary strings. */
export interface GatheredFindings {
  /** Blobs that stand at `.gitmodules` and at `.gitattributes`. */
  readonly found: readonly [readonly string[], readonly string[]];
  /** Those of them that were looked at. */
  readonly done: readonly [readonly string[], readonly string[]];
  /** As {@linkcode ObjectChecker.lines}. */
  readonly lines: readonly string[];
}

/** An object that is read for {@linkcode ObjectChecker.finish}. */
export interface CheckedObject {
  /** Its kind. */
  readonly kind: Kind;
  /** Its content. */
  readonly data: Uint8Array;
}

/** What ends the checks. */
export interface FinishOptions {
  /** Gives an object of the pack or of the repository, if it is there. */
  readonly read: (oid: Oid) => CheckedObject | undefined;
  /**
   * As whom: `index-pack` lets a `.gitmodules` pass that is nowhere, since a
   * fetch may bring it later.
   */
  readonly as: "index-pack" | "unpack-objects";
}

/** Checks one object after another, in any order. */
export interface ObjectChecker {
  /** Lines that git says about findings that are no errors, and so on. */
  readonly lines: readonly string[];
  /**
   * Looks at an object; `oid` is its raw id. Throws a {@linkcode FsckRefusal}
   * where it does not pass.
   */
  check(kind: Kind, data: Uint8Array, oid: Uint8Array): void;
  /** What was gathered so far, for another thread's checker. */
  gathered(): GatheredFindings;
  /** Takes over what another checker has gathered. */
  merge(other: GatheredFindings): void;
  /**
   * Looks at the `.gitmodules` and `.gitattributes` that trees named and that
   * were met before those, or not at all. Throws as `check`.
   */
  finish(options: FinishOptions): void;
}

/** A checker that has seen nothing. Each thread has its own. */
export function objectChecker(
  rules: FsckRules,
  format: ObjectFormat,
): ObjectChecker {
  return new Checker(rules, format);
}

class Checker implements ObjectChecker {
  readonly lines: string[] = [];
  readonly #rules: FsckRules;
  readonly #format: ObjectFormat;
  readonly #levels = new Map<MessageId, string>();
  readonly #found = { modules: new IdSet(), attributes: new IdSet() };
  readonly #done = { modules: new IdSet(), attributes: new IdSet() };
  // The object that is looked at.
  #oid: Uint8Array = new Uint8Array(0);

  constructor(rules: FsckRules, format: ObjectFormat) {
    this.#rules = rules;
    this.#format = format;
  }

  check(kind: Kind, data: Uint8Array, oid: Uint8Array): void {
    this.#oid = oid;
    if (kind !== BLOB) this.#checkShape(kind, data);
    if (this.#isBad(kind, data)) this.#refuse("fsck error in packed object");
  }

  gathered(): GatheredFindings {
    const found = this.#found;
    const done = this.#done;
    return {
      found: [found.modules.sorted(), found.attributes.sorted()],
      done: [done.modules.sorted(), done.attributes.sorted()],
      lines: this.lines,
    };
  }

  merge({ found, done, lines }: GatheredFindings): void {
    for (const id of found[0]) this.#found.modules.add(id);
    for (const id of found[1]) this.#found.attributes.add(id);
    for (const id of done[0]) this.#done.modules.add(id);
    for (const id of done[1]) this.#done.attributes.add(id);
    for (const line of lines) this.#say(line);
  }

  finish({ read, as }: FinishOptions): void {
    let isBad = false;
    for (const file of ["modules", "attributes"] as const) {
      const done = this.#done[file];
      for (const id of this.#found[file].sorted()) {
        if (done.hasText(id)) continue;
        this.#oid = fromBinary(id);
        if (this.#isBadSpecial(file, read, as)) isBad = true;
      }
    }
    if (isBad) this.#refuse("fsck error in pack objects");
  }

  #isBadSpecial(
    file: "modules" | "attributes",
    read: FinishOptions["read"],
    as: FinishOptions["as"],
  ): boolean {
    const object = read(toHex(this.#oid) as Oid);
    if (object === undefined) {
      // fetch-pack is told of it instead, which nobody is here.
      if (file === "modules" && as === "index-pack") return false;
      return this.#report(
        `git${file}Missing`,
        `unable to read .git${file} blob`,
      );
    }
    if (object.kind === BLOB) return this.#isBadBlob(object.data);
    return this.#report(`git${file}Blob`, `non-blob found at .git${file}`);
  }

  #isBad(kind: Kind, data: Uint8Array): boolean {
    const { hexLength, rawLength } = this.#format;
    switch (kind) {
      case COMMIT:
        return isBadCommit(data, hexLength, this.#report);
      case TREE:
        return isBadTree(data, rawLength, {
          report: this.#report,
          say: (line) => this.#say(line),
          special: (file, at) => this.#found[file].addRaw(data, at, rawLength),
        });
      case TAG:
        return isBadTag(data, hexLength, this.#report);
      case BLOB:
        return this.#isBadBlob(data);
    }
  }

  #isBadBlob(data: Uint8Array): boolean {
    const oid = this.#oid;
    const found = this.#found;
    const isModules = found.modules.size > 0 && found.modules.has(oid);
    const isAttributes = found.attributes.size > 0 &&
      found.attributes.has(oid);
    if (!isModules && !isAttributes || this.#isSkipped()) return false;
    let isBad = false;
    if (isModules) {
      this.#done.modules.addRaw(oid, 0, oid.length);
      isBad = isBadGitmodules(data, this.#report);
    }
    if (isAttributes) {
      this.#done.attributes.addRaw(oid, 0, oid.length);
      if (isBadGitattributes(data, this.#report)) isBad = true;
    }
    return isBad;
  }

  /** What git reads before it checks, and cannot do without. */
  #checkShape(kind: Kind, data: Uint8Array): void {
    const { hexLength } = this.#format;
    const fault = kind === COMMIT
      ? commitFault(data, hexLength)
      : kind === TAG
      ? tagFault(data, hexLength)
      : undefined;
    if (fault === undefined) return;
    if (fault !== "") this.#say(`error: ${fault} ${toHex(this.#oid)}`);
    this.#refuse(`invalid ${kindName(kind)}`);
  }

  #report: Report = (id, text) => {
    const level = this.#level(id);
    if (level === "ignore" || this.#isSkipped()) return false;
    const word = level === "warn" ? "warning" : "error";
    this.#say(`${word}: object ${toHex(this.#oid)}: ${id}: ${text}`);
    return level !== "warn";
  };

  #level(id: MessageId): string {
    let level = this.#levels.get(id);
    if (level === undefined) {
      const key = foldAscii(id);
      level = this.#rules.levels.get(key) ?? defaultLevel(key) ?? "error";
      this.#levels.set(id, level);
    }
    return level;
  }

  #isSkipped(): boolean {
    const { skip } = this.#rules;
    return skip.size > 0 && skip.has(toHex(this.#oid) as Oid);
  }

  #say(line: string): void {
    if (this.lines.length >= LINES_MAX) return;
    this.lines.push(
      // deno-lint-ignore no-control-regex
      line.slice(0, LINE_MAX).replace(/[\x00-\x1f\x7f]/g, "?"),
    );
  }

  #refuse(message: string): never {
    throw new FsckRefusal(message, this.lines);
  }
}
