/**
 * Writes trees, commits and tags from plain values, and says what is wrong
 * with values that git would refuse.
 *
 * @module
 */

import { utf8ToBinary } from "../../core/bytes.ts";
import { UsageError } from "../../core/errors.ts";
import type { Oid } from "../../core/oid.ts";
import { parseRefName } from "../../core/ref_name.ts";
import type { TreeEntry } from "../../object/tree.ts";

/** Who did something, and when. */
export interface Person {
  /** The name; no line breaks, no angle brackets. */
  readonly name: string;
  /** The address; likewise. */
  readonly email: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** The offset from UTC, "+0000" unless told. */
  readonly zone?: string;
}

/** An entry for a new tree. */
export interface NewTreeEntry {
  /** 0o100644, 0o100755, 0o120000, 0o040000 or 0o160000. */
  readonly mode: number;
  /** Its name, as text. */
  readonly name: string;
  /** The object. */
  readonly oid: Oid;
}

/** A new commit. */
export interface NewCommit {
  /** Its tree. */
  readonly tree: Oid;
  /** Its parents; none unless told. */
  readonly parents?: readonly Oid[];
  /** Who wrote it. */
  readonly author: Person;
  /** Who committed it; the author unless told. */
  readonly committer?: Person;
  /** The message; should end in a line feed. */
  readonly message: string;
}

/** A new annotated tag. */
export interface NewTag {
  /** The object it tags. */
  readonly target: Oid;
  /** Its name: "v1.0". */
  readonly name: string;
  /** Who tagged it, if anybody says so. */
  readonly tagger?: Person;
  /** The message; should end in a line feed. */
  readonly message: string;
}

const MODES: ReadonlySet<number> = new Set([
  0o100644,
  0o100755,
  0o120000,
  0o040000,
  0o160000,
]);

/** The entries with their names as bytes. Throws UsageError "bad-tree". */
export function checkTreeEntries(
  entries: readonly NewTreeEntry[],
): TreeEntry[] {
  const names = new Set<string>();
  return entries.map(({ mode, name, oid }) => {
    const refuse = (state: string) =>
      new UsageError("bad-tree", `Cannot add tree entry "${name}": ${state}`);
    if (!MODES.has(mode)) {
      throw refuse(`${mode.toString(8)} is not a mode of git's`);
    }
    if (name === "" || name === "." || name === "..") {
      throw refuse("it is no file name");
    }
    if (/[/\0]/.test(name)) throw refuse('a name has no "/" and no NUL');
    if (name.toLowerCase() === ".git") throw refuse("git refuses it");
    if (names.has(name)) throw refuse("the name is there twice");
    names.add(name);
    return { mode, name: utf8ToBinary(name), oid };
  });
}

/** The text of a commit. Throws UsageError "bad-person". */
export function formatCommit(commit: NewCommit): string {
  const { tree, parents = [], author, committer = author, message } = commit;
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${formatPerson(author)}`,
    `committer ${formatPerson(committer)}`,
  ];
  return `${lines.join("\n")}\n\n${message}`;
}

/** The text of a tag. Throws UsageError "bad-tag" or "bad-person". */
export function formatTag(tag: NewTag, kind: string): string {
  if (parseRefName(`refs/tags/${utf8ToBinary(tag.name)}`) === undefined) {
    throw new UsageError(
      "bad-tag",
      `Cannot add tag "${tag.name}": the name is not valid for a ref`,
    );
  }
  const lines = [`object ${tag.target}`, `type ${kind}`, `tag ${tag.name}`];
  if (tag.tagger !== undefined) {
    lines.push(`tagger ${formatPerson(tag.tagger)}`);
  }
  return `${lines.join("\n")}\n\n${tag.message}`;
}

function formatPerson({ name, email, time, zone = "+0000" }: Person): string {
  const refuse = (state: string) =>
    new UsageError("bad-person", `Cannot use person "${name}": ${state}`);
  if (/[<>\n\0]/.test(name + email)) {
    throw refuse("names and addresses have no <, >, line breaks and NULs");
  }
  if (!Number.isSafeInteger(time) || time < 0) {
    throw refuse("the time is not a whole number of seconds since 1970");
  }
  if (!/^[+-]\d{4}$/.test(zone)) throw refuse('the zone is not like "+0100"');
  return `${name} <${email}> ${time} ${zone}`;
}
