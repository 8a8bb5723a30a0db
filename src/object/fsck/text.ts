/**
 * Commits and tags: their header lines, and the people in them. Read as C reads
 * them: a NUL stands behind the last byte.
 *
 * fsck.c: fsck_commit, fsck_tag_standalone, verify_headers, fsck_ident.
 *
 * @module
 */

import { hexDigit, toBinary } from "../../core/bytes.ts";
import { kindOf } from "../kind.ts";
import type { Report } from "./messages.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const LESS = 0x3c;
const GREATER = 0x3e;
const ZERO = 0x30;

/** Whether git finds an error in a commit. */
export function isBadCommit(
  data: Uint8Array,
  hexLength: number,
  report: Report,
): boolean {
  if (hasBadHeader(data, report)) return true;
  const text = new Text(data);
  if (!text.skip("tree ")) {
    return report("missingTree", "invalid format - expected 'tree' line");
  }
  if (!text.skipId(hexLength)) {
    const words = "invalid 'tree' line format - bad sha1";
    if (report("badTreeSha1", words)) return true;
  }
  while (text.skip("parent ")) {
    if (text.skipId(hexLength)) continue;
    const words = "invalid 'parent' line format - bad sha1";
    if (report("badParentSha1", words)) return true;
  }
  let authors = 0;
  while (text.skip("author ")) {
    authors++;
    if (isBadIdent(text, report)) return true;
  }
  const isBad = authors === 0
    ? report("missingAuthor", "invalid format - expected 'author' line")
    : authors > 1 &&
      report("multipleAuthors", "invalid format - multiple 'author' lines");
  if (isBad) return true;
  if (!text.skip("committer ")) {
    const words = "invalid format - expected 'committer' line";
    return report("missingCommitter", words);
  }
  if (isBadIdent(text, report)) return true;
  return data.includes(0) &&
    report("nulInCommit", "NUL byte in the commit object body");
}

// refs.c: check_refname_format of "refs/tags/" and what follows.
const BAD_TAG_NAME =
  // deno-lint-ignore no-control-regex
  /[\x00-\x20~^:?*[\\\x7f]|\.\.|@\{|\/\.|\/\/|\.lock(?:\/|$)|[./]$/;

/** Whether git finds an error in a tag. */
export function isBadTag(
  data: Uint8Array,
  hexLength: number,
  report: Report,
): boolean {
  if (hasBadHeader(data, report)) return true;
  const text = new Text(data);
  if (!text.skip("object ")) {
    return report("missingObject", "invalid format - expected 'object' line");
  }
  if (!text.skipId(hexLength)) {
    const words = "invalid 'object' line format - bad sha1";
    if (report("badObjectSha1", words)) return true;
  }
  if (!text.skip("type ")) {
    return report("missingTypeEntry", "invalid format - expected 'type' line");
  }
  const unended = "invalid format - unexpected end after 'type' line";
  const typeEnd = text.lineEnd();
  if (text.code(typeEnd) !== NEWLINE) return report("missingType", unended);
  // No kind has a longer name.
  const type = toBinary(data, text.at, Math.min(typeEnd, text.at + 8));
  if (kindOf(type) === undefined && report("badType", "invalid 'type' value")) {
    return true;
  }
  text.at = typeEnd + 1;
  if (!text.skip("tag ")) {
    return report("missingTagEntry", "invalid format - expected 'tag' line");
  }
  const nameEnd = text.lineEnd();
  if (text.code(nameEnd) !== NEWLINE) return report("missingTag", unended);
  const name = toBinary(data, text.at, nameEnd);
  if (
    BAD_TAG_NAME.test(`refs/tags/${name}`) &&
    report("badTagName", `invalid 'tag' name: ${name}`)
  ) return true;
  text.at = nameEnd + 1;
  let isBad = false;
  if (text.skip("tagger ")) {
    isBad = isBadIdent(text, report);
  } else {
    const words = "invalid format - expected 'tagger' line";
    if (report("missingTaggerEntry", words)) return true;
  }
  const next = text.code(text.at);
  if (next === 0 || next === NEWLINE) return isBad;
  // What the tagger's line came to is forgotten then, as in git.
  const words = "invalid format - extra header(s) after 'tagger'";
  return report("extraHeaderEntry", words);
}

/** Whether the lines up to the first empty one are no text. */
function hasBadHeader(data: Uint8Array, report: Report): boolean {
  const { length } = data;
  for (let i = 0; i < length; i++) {
    const code = data[i] as number;
    if (code === 0) {
      return report(
        "nulInHeader",
        `unterminated header: NUL at offset ${i}`,
      );
    }
    if (code === NEWLINE && data[i + 1] === NEWLINE) return false;
  }
  if (length > 0 && data[length - 1] === NEWLINE) return false;
  return report("unterminatedHeader", "unterminated header");
}

/** Goes behind the line of a person, and tells whether it is no such line. */
function isBadIdent(text: Text, report: Report): boolean {
  const start = text.at;
  const lineEnd = text.lineEnd();
  text.at = text.code(lineEnd) === NEWLINE ? lineEnd + 1 : lineEnd;
  const say = (id: Parameters<Report>[0], words: string): boolean =>
    report(id, `invalid author/committer line - ${words}`);
  if (text.code(start) === LESS) {
    return say("missingNameBeforeEmail", "missing space before email");
  }
  const mail = text.findAngle(start);
  if (text.code(mail) === GREATER) return say("badName", "bad name");
  if (text.code(mail) !== LESS) return say("missingEmail", "missing email");
  if (text.code(mail - 1) !== SPACE) {
    return say("missingSpaceBeforeEmail", "missing space before email");
  }
  const mailEnd = text.findAngle(mail + 1);
  if (text.code(mailEnd) !== GREATER) return say("badEmail", "bad email");
  if (text.code(mailEnd + 1) !== SPACE) {
    return say("missingSpaceBeforeDate", "missing space before date");
  }
  const date = mailEnd + 2;
  if (text.code(date) === ZERO && text.code(date + 1) !== SPACE) {
    return say("zeroPaddedDate", "zero-padded date");
  }
  const dateEnd = text.timestampEnd(date);
  if (dateEnd < 0) {
    return say("badDateOverflow", "date causes integer overflow");
  }
  if (dateEnd === date || text.code(dateEnd) !== SPACE) {
    return say("badDate", "bad date");
  }
  return !text.isZone(dateEnd + 1) && say("badTimezone", "bad time zone");
}

/** Bytes with a NUL behind them, and a place. */
class Text {
  readonly #data: Uint8Array;
  at = 0;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  code(at: number): number {
    return this.#data[at] ?? 0;
  }

  /** Goes behind `word` if that stands here. */
  skip(word: string): boolean {
    for (let i = 0; i < word.length; i++) {
      if (this.code(this.at + i) !== word.charCodeAt(i)) return false;
    }
    this.at += word.length;
    return true;
  }

  /** Goes behind an id and its newline; else to where it is best to go on. */
  skipId(hexLength: number): boolean {
    for (let i = 0; i < hexLength; i++) {
      if (hexDigit(this.code(this.at + i)) >= 0) continue;
      // git goes on from where it was by chance: that line is over.
      const end = this.lineEnd();
      this.at = this.code(end) === NEWLINE ? end + 1 : end;
      return false;
    }
    const end = this.at + hexLength;
    this.at = end + 1;
    return this.code(end) === NEWLINE;
  }

  /** Where this line's newline stands, or the NUL before it. */
  lineEnd(): number {
    for (let at = this.at;; at++) {
      const code = this.code(at);
      if (code === NEWLINE || code === 0) return at;
    }
  }

  /** Where the next angle bracket of the line stands, or its end. */
  findAngle(from: number): number {
    for (let at = from;; at++) {
      const code = this.code(at);
      if (code === LESS || code === GREATER || code === NEWLINE || code === 0) {
        return at;
      }
    }
  }

  /**
   * Where a number ends as strtoumax sees it, `at` where there is none; -1 for
   * one that is no date (date.c: date_overflows).
   */
  timestampEnd(at: number): number {
    let next = at;
    while (isSpace(this.code(next))) next++;
    const sign = this.code(next);
    if (sign === 0x2b || sign === 0x2d) next++;
    const start = next;
    while (this.code(next) === ZERO) next++;
    const digits = next;
    while (isDigit(this.code(next))) next++;
    if (next === start) return at;
    // 2^63 has 19 digits.
    if (next - digits > 20) return -1;
    const text = toBinary(this.#data, digits, next);
    let value = BigInt(text === "" ? "0" : text);
    if (value >= 2n ** 64n) return -1;
    if (sign === 0x2d) value = BigInt.asUintN(64, -value);
    return value >= 2n ** 63n ? -1 : next;
  }

  /** Whether a time zone stands at `at`, and ends the line. */
  isZone(at: number): boolean {
    const sign = this.code(at);
    if (sign !== 0x2b && sign !== 0x2d) return false;
    for (let i = 1; i <= 4; i++) {
      if (!isDigit(this.code(at + i))) return false;
    }
    return this.code(at + 5) === NEWLINE;
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= 0x39;
}

function isSpace(code: number): boolean {
  return code === SPACE || (code >= 0x09 && code <= 0x0d);
}
