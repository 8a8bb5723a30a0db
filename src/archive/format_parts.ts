/**
 * Single parts of formats: people, decorations, signatures, subjects for file
 * names (pretty.c and log-tree.c of git 2.39). Binary strings.
 *
 * @module
 */

import { isAlphanumeric } from "./columns.ts";
import type { CommitText } from "./commit_text.ts";
import { type DateForm, type Present, showDate } from "./dates.ts";
import type { Decorations } from "./format_sources.ts";
import { parseIdent } from "./ident.ts";
import type { Person } from "./mailmap.ts";

/** What the surroundings were asked for. */
export interface FormatMaterials {
  /** The shortest unique beginning of an id of the commit, tree or parents. */
  abbreviate(oid: string): string;
  /** The names of the commit. */
  decorations(): Decorations;
  /** A person as the mailmap wants it. */
  mapPerson(person: Person): Person;
  /** The time at which dates are looked at. */
  present(): Present;
}

const DATE_FORMS: Readonly<Record<string, DateForm>> = {
  d: "normal",
  D: "rfc2822",
  r: "relative",
  i: "iso",
  I: "iso-strict",
  h: "human",
  s: "short",
};

/**
 * pretty.c: format_person_part: what `%a` or `%c` and the letter `part` are for
 * a line; undefined where it is no placeholder, which depends on the line.
 */
export function formatPerson(
  line: string,
  part: string,
  materials: FormatMaterials,
): string | undefined {
  const ident = parseIdent(line);
  // What is empty for a broken line, and what is not known for it.
  const missing = /^[netdDri]$/.test(part) ? "" : undefined;
  if (ident === undefined) return missing;
  const person = /^[NEL]$/.test(part) ? materials.mapPerson(ident) : ident;
  switch (part) {
    case "n":
    case "N":
      return person.name;
    case "e":
    case "E":
      return person.mail;
    case "l":
    case "L":
      return person.mail.split("@", 1)[0];
  }
  const { date, zone } = ident;
  if (date === undefined || zone === undefined) return missing;
  if (part === "t") return date;
  if (!Object.hasOwn(DATE_FORMS, part)) return missing;
  const form = DATE_FORMS[part] as DateForm;
  return showDate(date, zone, form, () => materials.present());
}

/** log-tree.c: format_decorations_extended. */
export function formatDecorations(
  { names, head }: Decorations,
  opening: string,
  closing: string,
): string {
  if (names.length === 0) return "";
  const hasHead = names.some(({ kind }) => kind === "head");
  const current = hasHead && head?.startsWith("refs/") === true
    ? names.find(({ kind, name }) => kind === "branch" && name === head)
    : undefined;
  const shown = names.filter((name) => name !== current).map((decoration) => {
    const { kind, name } = decoration;
    const text = (kind === "tag" ? "tag: " : "") + shortName(name);
    return kind === "head" && current !== undefined
      ? `${text} -> ${shortName(current.name)}`
      : text;
  });
  return opening + shown.join(", ") + closing;
}

/** refs.c: prettify_refname. */
function shortName(name: string): string {
  return name.replace(/^refs\/(?:heads|tags|remotes)\//, "");
}

/** What `%G` and the letter `part` are where nothing can be checked. */
export function formatSignature(
  part: string | undefined,
  { isSigned }: CommitText,
): string | undefined {
  if (part === "?") return isSigned ? "E" : "N";
  if (part === "T") return "undefined";
  return part !== undefined && "GSKFP".includes(part) ? "" : undefined;
}

/** pretty.c: format_sanitized_subject. */
export function sanitizedSubject(line: string): string {
  const parts: string[] = [];
  let gap: "start" | "none" | "open" = "start";
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (!isAlphanumeric(code) && code !== 0x2e && code !== 0x5f) {
      if (gap === "none") gap = "open";
      continue;
    }
    if (gap === "open") parts.push("-");
    gap = "none";
    parts.push(line[at] as string);
    if (code === 0x2e) { while (line[at + 1] === ".") at++; }
  }
  while (/^[.-]$/.test(parts.at(-1) ?? "")) parts.pop();
  return parts.join("");
}
