/**
 * git's configuration format, from bytes to events: character by character as
 * config.c reads it, so that what git accepts and refuses is the same here. No
 * files, no includes, no types of values: those are `config.ts`.
 *
 * @see https://git-scm.com/docs/git-config#_configuration_file
 * @module
 */

import { toBinary } from "./bytes.ts";
import { StorageError } from "./errors.ts";

/**
 * Takes one pair: the full key as a binary string (section and name in lower
 * case), and its value, `undefined` for a key without "=". Returns false to
 * have the line refused.
 */
export type ConfigSink = (
  key: string,
  value: string | undefined,
) => boolean | void;

/**
 * Where the bytes are from. Those of an object git reads as signed characters:
 * 0xff is taken for the end, and a byte order mark is not known.
 */
export type ConfigOrigin = "file" | "object";

const END = -1;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const RETURN = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Escapes in values; others are refused (config.c: parse_value). */
const ESCAPES: ReadonlyMap<number, string> = new Map([
  [0x74, "\t"],
  [0x62, "\b"],
  [0x6e, "\n"],
  [BACKSLASH, "\\"],
  [QUOTE, '"'],
]);

/**
 * Reads one configuration file. Throws StorageError "bad-config" with git's
 * words, "bad config line 3 in file /x/config".
 */
export function parseConfig(
  bytes: Uint8Array,
  file: string,
  sink: ConfigSink,
  origin: ConfigOrigin = "file",
): void {
  const plain = origin === "file" ? plainPairs(bytes) : undefined;
  if (plain !== undefined) {
    for (const { key, value, line } of plain) {
      if (sink(key, value) === false) throw badLine(line, file);
    }
    return;
  }
  const reader = new Reader(bytes, origin);
  if (!parseSource(reader, sink)) throw badLine(reader.line, file);
}

function badLine(line: number, file: string): StorageError {
  return new StorageError(
    "bad-config",
    `bad config line ${line} in file ${file}`,
  );
}

interface PlainPair {
  readonly key: string;
  readonly value: string | undefined;
  readonly line: number;
}

/** Files up to this size are tried line by line. */
const PLAIN_BYTES = 64 * 1024;

/**
 * A line of a file as most are: nothing, a comment, a section, or a pair whose
 * value has no quotes, escapes and comment.
 */
const PLAIN_LINE =
  /^[ \t]*(?:\[([A-Za-z0-9.-]+)(?:[ \t]+"([^"\\\0]*)")?\][ \t]*|([A-Za-z][A-Za-z0-9-]*)[ \t]*(?:=[ \t]*([ !$-:<-[\]-~]*))?|[#;].*)?$/;

/**
 * The pairs of a file all of whose lines are plain, else `undefined`: a line
 * at a time, since in a process that reads four small files and ends, a call
 * for each character is what takes longest (1 ms, and a thread that compiles).
 */
function plainPairs(bytes: Uint8Array): readonly PlainPair[] | undefined {
  if (bytes.length > PLAIN_BYTES) return undefined;
  const pairs: PlainPair[] = [];
  let stem = "";
  let line = 0;
  for (const text of toBinary(bytes).split("\n")) {
    line++;
    const match = PLAIN_LINE.exec(text);
    if (match === null) return undefined;
    if (match[1] !== undefined) {
      stem = `${match[1].toLowerCase()}.`;
      if (match[2] !== undefined) stem += `${match[2]}.`;
    } else if (match[3] !== undefined) {
      const key = stem + match[3].toLowerCase();
      pairs.push({ key, value: match[4]?.trimEnd(), line });
    }
  }
  return pairs;
}

/** Characters as config.c: get_next_char gives them. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The line of the next character, from 1. */
  line = 1;
  /** Whether the end was met; the last character given was then a newline. */
  ended = false;

  /** Where the bytes are from. */
  readonly origin: ConfigOrigin;
  /** A byte that counts as the end. */
  readonly #end: number;

  constructor(bytes: Uint8Array, origin: ConfigOrigin) {
    this.#bytes = bytes;
    this.origin = origin;
    this.#end = origin === "object" ? 0xff : END;
  }

  next(): number {
    let code = this.#raw();
    if (code === RETURN) {
      const after = this.#raw();
      if (after === NEWLINE) {
        code = NEWLINE;
      } else if (after !== END) {
        this.#at--;
      }
    }
    if (code === NEWLINE) this.line++;
    if (code === END) {
      this.ended = true;
      this.line++;
      return NEWLINE;
    }
    return code;
  }

  #raw(): number {
    if (this.#at >= this.#bytes.length) return END;
    const code = this.#bytes[this.#at++] as number;
    return code === this.#end ? END : code;
  }
}

// utf8_bom; the third state of config.c's pointer is "no longer at the start".
const BOM: readonly number[] = [0xef, 0xbb, 0xbf];

function parseSource(reader: Reader, sink: ConfigSink): boolean {
  let isComment = false;
  let stem = "";
  let bom = reader.origin === "file" ? 0 : BOM.length;
  for (;;) {
    const code = reader.next();
    if (bom < BOM.length) {
      if (code === BOM[bom]) {
        bom++;
        continue;
      }
      // A part of a byte order mark is tolerated nowhere.
      if (bom > 0) return false;
      bom = BOM.length;
    }
    if (code === NEWLINE) {
      if (reader.ended) return true;
      isComment = false;
      continue;
    }
    if (isComment || isSpace(code)) continue;
    if (code === 0x23 || code === 0x3b) {
      isComment = true;
      continue;
    }
    if (code === 0x5b) {
      const section = parseSection(reader);
      if (section === undefined || section === "") return false;
      stem = `${section}.`;
      continue;
    }
    if (!isAlpha(code)) return false;
    if (!parsePair(reader, stem + lower(code), sink)) return false;
  }
}

function parseSection(reader: Reader): string | undefined {
  let name = "";
  for (;;) {
    const code = reader.next();
    if (reader.ended) return undefined;
    if (code === 0x5d) return name;
    if (isSpace(code)) return parseSubsection(reader, name, code);
    if (!isKeyCharacter(code) && code !== 0x2e) return undefined;
    name += lower(code);
  }
}

function parseSubsection(
  reader: Reader,
  section: string,
  first: number,
): string | undefined {
  let code = first;
  do {
    if (code === NEWLINE) return incomplete(reader);
    code = reader.next();
  } while (isSpace(code));
  if (code !== QUOTE) return undefined;
  let name = `${section}.`;
  for (;;) {
    code = reader.next();
    if (code === NEWLINE) return incomplete(reader);
    if (code === QUOTE) break;
    if (code === BACKSLASH) {
      code = reader.next();
      if (code === NEWLINE) return incomplete(reader);
    }
    name += String.fromCharCode(code);
  }
  return reader.next() === 0x5d ? name : undefined;
}

/** The error belongs to the line that the newline has just ended. */
function incomplete(reader: Reader): undefined {
  reader.line--;
  return undefined;
}

function parsePair(reader: Reader, start: string, sink: ConfigSink): boolean {
  let key = start;
  let code: number;
  for (;;) {
    code = reader.next();
    if (reader.ended || !isKeyCharacter(code)) break;
    key += lower(code);
  }
  while (code === SPACE || code === TAB) code = reader.next();
  let value: string | undefined;
  if (code !== NEWLINE) {
    if (code !== 0x3d) return false;
    value = parseValue(reader);
    if (value === undefined) return false;
  }
  reader.line--;
  if (sink(cString(key), value) === false) return false;
  reader.line++;
  return true;
}

function parseValue(reader: Reader): string | undefined {
  let value = "";
  let isQuoted = false;
  let isComment = false;
  let spaces = 0;
  for (;;) {
    let code = reader.next();
    if (code === NEWLINE) {
      if (!isQuoted) return cString(value);
      return incomplete(reader);
    }
    if (isComment) continue;
    if (isSpace(code) && !isQuoted) {
      if (value !== "") spaces++;
      continue;
    }
    if (!isQuoted && (code === 0x3b || code === 0x23)) {
      isComment = true;
      continue;
    }
    if (spaces > 0) {
      value += " ".repeat(spaces);
      spaces = 0;
    }
    if (code === BACKSLASH) {
      code = reader.next();
      if (code === NEWLINE) continue;
      const escaped = ESCAPES.get(code);
      if (escaped === undefined) return undefined;
      value += escaped;
    } else if (code === QUOTE) {
      isQuoted = !isQuoted;
    } else {
      value += String.fromCharCode(code);
    }
  }
}

/** git keeps both as C strings: what follows a NUL is not there. */
function cString(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}

// ctype.c: sane_ctype knows ASCII alone, and four spaces.
function isSpace(code: number): boolean {
  return code === SPACE || code === TAB || code === NEWLINE || code === RETURN;
}

function isAlpha(code: number): boolean {
  const folded = code | 0x20;
  return code < 0x80 && folded >= 0x61 && folded <= 0x7a;
}

function isKeyCharacter(code: number): boolean {
  return isAlpha(code) || (code >= 0x30 && code <= 0x39) || code === 0x2d;
}

function lower(code: number): string {
  return String.fromCharCode(code >= 0x41 && code <= 0x5a ? code + 32 : code);
}
