/**
 * What a set of ref updates comes to, as git's files backend splits it: the
 * ref that a symref names changes in its place, and HEAD's log hears of the
 * branch that HEAD names. Words of refusals too. Pure: stores lock, read and
 * tell it what they found.
 *
 * @module
 */

import type { ObjectFormat, Oid } from "../core/oid.ts";
import { isSafeRefName, type RefName } from "../core/ref_name.ts";
import type { RawRef } from "./ref_snapshot.ts";
import type { RefFailure, RefUpdate } from "./writes.ts";

/** refs-internal.h: SYMREF_MAXDEPTH, the number of refs read in all. */
const MAX_READS = 5;

/** One ref that a transaction touches. */
export interface RefChange {
  /** Its name. */
  readonly name: RefName;
  /** The place among the caller's updates of the one that it comes from. */
  readonly index: number;
  /** What it is to be; the zero id takes it away. */
  readonly new: Oid;
  /** What it must be; `undefined` once somebody else checks that. */
  old: Oid | undefined;
  /** What the caller said that it must be: observers are told of that. */
  readonly asked: Oid | undefined;
  /** Its log alone is written. */
  isLogOnly: boolean;
  /** What it was, once that is known: the zero id where it was not there. */
  previous: Oid;
  /** Whether it is a symref. */
  isSymref: boolean;
  /** The symref that led here. */
  readonly parent?: RefChange;
  /** How it came into the transaction. */
  readonly origin: "update" | "referent" | "head";
  /** Whether HEAD led here, whose log is written in any case. */
  readonly isViaHead: boolean;
}

/** Names that take part in one transaction, to be asked for conflicts. */
export class AffectedNames {
  readonly #names: Set<string>;
  #sorted: string[] | undefined;

  /** The names of the updates. */
  constructor(names: Iterable<string>) {
    this.#names = new Set(names);
  }

  /** Whether `name` takes part. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** Adds one that a symref or HEAD brought in. */
  add(name: string): void {
    this.#names.add(name);
    this.#sorted = undefined;
  }

  /** The first name, in byte order, that starts with `prefix`. */
  below(prefix: string): string | undefined {
    if (this.#names.size === 1 && !this.#names.has(prefix)) {
      const [only] = this.#names;
      return only?.startsWith(prefix) === true ? only : undefined;
    }
    const sorted = this.#sorted ??= [...this.#names].sort();
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sorted[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    const found = sorted[low];
    return found?.startsWith(prefix) === true ? found : undefined;
  }
}

/** The changes of one transaction, which grow while it is prepared. */
export class RefChanges {
  /** All of them; those that were split off stand behind what they came from. */
  readonly all: RefChange[] = [];
  /** Their names. */
  readonly names: AffectedNames;
  readonly #zero: Oid;
  readonly #headTarget: RefName | undefined;

  /** `headTarget` is the ref that HEAD names directly. */
  constructor(
    updates: readonly { readonly update: RefUpdate; readonly index: number }[],
    format: ObjectFormat,
    headTarget: RefName | undefined,
  ) {
    this.#zero = format.zero;
    this.#headTarget = headTarget;
    this.names = new AffectedNames(updates.map(({ update }) => update.name));
    for (const { update, index } of updates) {
      this.all.push({
        name: update.name,
        index,
        new: update.new,
        old: update.old,
        asked: update.old,
        isLogOnly: false,
        previous: format.zero,
        isSymref: false,
        origin: "update",
        isViaHead: false,
      });
    }
  }

  /** A name that stands in `updates` twice, in git's words. */
  duplicate(): RefFailure | undefined {
    const seen = new Set<string>();
    for (const { name } of this.all) {
      if (seen.has(name)) {
        return {
          code: "conflict",
          message: `multiple updates for ref '${name}' not allowed`,
        };
      }
      seen.add(name);
    }
    return undefined;
  }

  /** Before a change is locked: lets HEAD's log hear of it. */
  begin(change: RefChange): RefFailure | undefined {
    if (
      change.isLogOnly || change.isViaHead || change.name !== this.#headTarget
    ) return undefined;
    if (this.names.has("HEAD")) {
      return {
        code: "conflict",
        message: "multiple updates for 'HEAD' (including one via its " +
          `referent '${change.name}') are not allowed`,
      };
    }
    this.names.add("HEAD");
    this.all.push({
      ...change,
      name: "HEAD" as RefName,
      isLogOnly: true,
      origin: "head",
    });
    return undefined;
  }

  /**
   * With the change locked: what is stored there, and `resolve`, which follows
   * what a symref names to its end.
   */
  settle(
    change: RefChange,
    value: RawRef | undefined,
    resolve: (name: RefName) => Oid | undefined,
  ): RefFailure | undefined {
    if (value === undefined || "oid" in value) {
      change.previous = value?.oid ?? this.#zero;
      for (let up = change.parent; up !== undefined; up = up.parent) {
        up.previous = change.previous;
      }
      return this.#checkOld(change);
    }
    change.isSymref = true;
    if (change.origin === "head") {
      change.previous = resolve(value.symref) ?? this.#zero;
      return this.#checkOld(change);
    }
    return this.#split(change, value.symref);
  }

  #split(change: RefChange, referent: RefName): RefFailure | undefined {
    const original = originOf(change).name;
    if (!isSafeRefName(referent) || !referent.startsWith("refs/")) {
      return cannotLock(original, "broken", brokenWords(change.name));
    }
    if (this.names.has(referent)) {
      return {
        code: "conflict",
        message: `multiple updates for '${referent}' (including one via ` +
          `symref '${change.name}') are not allowed`,
      };
    }
    let reads = 2;
    for (let up = change.parent; up !== undefined; up = up.parent) reads++;
    if (reads > MAX_READS) {
      return cannotLock(
        original,
        "broken",
        `unable to resolve reference '${change.name}': ` +
          "Too many levels of symbolic links",
      );
    }
    this.names.add(referent);
    this.all.push({
      ...change,
      name: referent,
      isSymref: false,
      parent: change,
      origin: "referent",
      isViaHead: change.isViaHead || change.name === "HEAD",
    });
    change.isLogOnly = true;
    change.old = undefined;
    return undefined;
  }

  #checkOld(change: RefChange): RefFailure | undefined {
    const { old, previous } = change;
    if (old === undefined || old === previous) return undefined;
    const name = originOf(change).name;
    if (old === this.#zero) {
      return cannotLock(name, "exists", "reference already exists");
    }
    return cannotLock(
      name,
      "changed",
      previous === this.#zero
        ? `reference is missing but expected ${old}`
        : `is at ${previous} but expected ${old}`,
    );
  }
}

/** The change that the caller asked for. */
export function originOf(change: RefChange): RefChange {
  let found = change;
  while (found.parent !== undefined) found = found.parent;
  return found;
}

/** A refusal as git words it where a ref is locked. */
export function cannotLock(
  name: string,
  code: RefFailure["code"],
  reason: string,
): RefFailure {
  return { code, message: `cannot lock ref '${name}': ${reason}` };
}

/** Why a torn ref cannot be changed. */
export function brokenWords(name: string): string {
  return `unable to resolve reference '${name}': reference broken`;
}

/** Why a ref that must be there cannot be changed. */
export function missingWords(name: string): string {
  return `unable to resolve reference '${name}'`;
}

/**
 * Why a ref cannot be given the object that it is to name, if so
 * (refs/files-backend.c: write_ref_to_lockfile). `kindOf` tells what an object
 * is, `undefined` where there is none.
 */
export function unfitObject(
  { name, new: oid }: RefChange,
  kindOf: (oid: Oid) => string | undefined,
): RefFailure | undefined {
  const kind = kindOf(oid);
  const isBranch = name === "HEAD" || name.startsWith("refs/heads/");
  if (kind !== undefined && (kind === "commit" || !isBranch)) return undefined;
  const why = kind === undefined
    ? `trying to write ref '${name}' with nonexistent object ${oid}`
    : `trying to write non-commit object ${oid} to branch '${name}'`;
  return { code: "failed", message: `cannot update ref '${name}': ${why}` };
}

/** Where names are looked up for conflicts of files and directories. */
export interface NameLookup {
  /** Whether a ref is called so. */
  has(name: string): boolean;
  /** The first ref, in byte order, whose name starts with `prefix`. */
  below(prefix: string): string | undefined;
}

/**
 * Why no ref can be called `name`, in git's words (refs.c:
 * refs_verify_refname_available), if so.
 */
export function unavailable(
  name: string,
  refs: NameLookup,
  affected: AffectedNames,
): string | undefined {
  for (
    let slash = name.indexOf("/");
    slash >= 0;
    slash = name.indexOf("/", slash + 1)
  ) {
    const above = name.slice(0, slash);
    if (refs.has(above)) return `'${above}' exists; cannot create '${name}'`;
    if (affected.has(above)) return together(name, above);
  }
  const below = refs.below(`${name}/`);
  if (below !== undefined) return `'${below}' exists; cannot create '${name}'`;
  const other = affected.below(`${name}/`);
  return other === undefined ? undefined : together(name, other);
}

function together(name: string, other: string): string {
  return `cannot process '${name}' and '${other}' at the same time`;
}

/** What a failed atomic transaction says of its other updates. */
export function abortedBy(failure: RefFailure): RefFailure {
  return { code: "aborted", message: failure.message };
}

/** What an observer's refusal says. */
export const REFUSED_BY_OBSERVER: RefFailure = {
  code: "aborted",
  message: "ref updates aborted by hook",
};

/** One line of a reflog (refs/files-backend.c: log_ref_write_fd). */
export function reflogLine(
  change: Pick<RefChange, "previous" | "new">,
  committer: string,
  message: string,
): string {
  const words = message.replace(/[ \t\n\r\f\v]+/g, " ").trim();
  return `${change.previous} ${change.new} ${committer}` +
    (words === "" ? "\n" : `\t${words}\n`);
}

/** The updates of a transaction as an observer hears of them. */
export function observed(changes: RefChanges): readonly RefUpdate[] {
  return changes.all.map(({ name, asked, new: value }) => ({
    name,
    new: value,
    ...(asked === undefined ? {} : { old: asked }),
  }));
}
