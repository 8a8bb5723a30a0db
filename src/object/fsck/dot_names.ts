/**
 * Names that some file system takes for `.git`, `.gitmodules` and their like:
 * HFS+ ignores some characters, NTFS trailing spaces and dots, streams and
 * short names. Names are binary strings.
 *
 * utf8.c: is_hfs_dot_generic; path.c: is_ntfs_dotgit, is_ntfs_dot_generic.
 *
 * @module
 */

/** A file that git gives a meaning, by its name without the dot. */
export interface DotFile {
  /** The name in lower case. */
  readonly name: string;
  /** How NTFS may shorten it where the plain short names are taken. */
  readonly short: string;
}

/** `.gitmodules`. */
export const GITMODULES: DotFile = { name: "gitmodules", short: "gi7eba" };
/** `.gitattributes`. */
export const GITATTRIBUTES: DotFile = {
  name: "gitattributes",
  short: "gi7d29",
};
/** `.gitignore`. */
export const GITIGNORE: DotFile = { name: "gitignore", short: "gi250a" };
/** `.mailmap`. */
export const MAILMAP: DotFile = { name: "mailmap", short: "maba30" };

/**
 * Whether the name that starts at `at` of some bytes may be one of those that
 * the functions below find: nearly all others need no look. It ends with a NUL.
 */
export function maySpeakOfGit(bytes: Uint8Array, at: number): boolean {
  switch (bytes[at]) {
    case 0x2e: // "."
    case 0x7e: // "~"
    case 0xe2:
    case 0xef:
      return true;
    case 0x47: // "G"
    case 0x67:
      return isShortOf(bytes, at, 0x69, G_THIRD) &&
        // "git-": names of programs, by the thousand.
        bytes[at + 3] !== 0x2d;
    case 0x4d: // "M"
    case 0x6d:
      return isShortOf(bytes, at, 0x61, M_THIRD);
    default:
      return false;
  }
}

/** Third letters of "git~1", "gitmod~1", "gi7eba~1", "gi250a~1", "gi~1". */
const G_THIRD: readonly number[] = [0x74, 0x37, 0x32, 0x7e];
/** Of "mailma~1", "maba30~1", "ma~1". */
const M_THIRD: readonly number[] = [0x69, 0x62, 0x7e];

function isShortOf(
  bytes: Uint8Array,
  at: number,
  second: number,
  third: readonly number[],
): boolean {
  const code = bytes[at + 1] as number;
  if (code === 0x7e) return true;
  return (code | 0x20) === second &&
    // "7", "2" and "~" have that bit as they are.
    third.includes((bytes[at + 2] as number) | 0x20);
}

/** Whether HFS+ or NTFS takes `name` for `.git`. */
export function isDotGit(name: string): boolean {
  return isHfsDot(name, "git") || isNtfsDotGit(name);
}

/** Whether HFS+ or NTFS takes `name` for `file`. */
export function isDotFile(name: string, file: DotFile): boolean {
  return isHfsDot(name, file.name) || isNtfsDotFile(name, file);
}

function isHfsDot(name: string, file: string): boolean {
  const seen = new HfsName(name);
  if (seen.next() !== 0x2e) return false;
  for (let i = 0; i < file.length; i++) {
    const code = seen.next();
    const lower = code >= 0x41 && code <= 0x5a ? code + 32 : code;
    if (lower !== file.charCodeAt(i)) return false;
  }
  const after = seen.next();
  return after === 0 || after === 0x2f;
}

/** utf8.c: pick_one_utf8_char, for one that is not ASCII. */
const UTF8_CHARACTER = new RegExp(
  "[\\xc2-\\xdf][\\x80-\\xbf]|" +
    "\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|" +
    "\\xed[\\x80-\\x9f][\\x80-\\xbf]|" +
    "\\xef(?:\\xbf[\\x80-\\xbd]|[\\x80-\\xbe][\\x80-\\xbf])|" +
    "[\\xe1-\\xec\\xee][\\x80-\\xbf]{2}|" +
    "\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|" +
    "\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}|" +
    "[\\xf1-\\xf3][\\x80-\\xbf]{3}",
  "y",
);

/** Characters that HFS+ passes over: joiners, marks of direction, and so on. */
const IGNORED_BY_HFS =
  /^(?:\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf)$/;

/** A name character by character, as utf8.c: next_hfs_char sees it. */
class HfsName {
  readonly #name: string;
  #at = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** 0 at the end and at what is no UTF-8; some high number for most. */
  next(): number {
    const name = this.#name;
    for (;;) {
      if (this.#at >= name.length) return 0;
      const code = name.charCodeAt(this.#at);
      if (code < 0x80) {
        this.#at++;
        return code;
      }
      UTF8_CHARACTER.lastIndex = this.#at;
      const match = UTF8_CHARACTER.exec(name);
      if (match === null) return 0;
      this.#at += match[0].length;
      if (!IGNORED_BY_HFS.test(match[0])) return code;
    }
  }
}

/** Whether NTFS takes `name` for `.git`; a backslash ends a name there. */
export function isNtfsDotGit(name: string): boolean {
  return /^(?:\.git|git~1)[. ]*(?:$|[/\\:])/i.test(name);
}

/** Whether NTFS takes `name` for `file`. */
export function isNtfsDotFile(name: string, file: DotFile): boolean {
  const lower = name.slice(0, file.name.length + 1).toLowerCase();
  if (lower === `.${file.name}`) return isPadding(name, lower.length);
  if (lower.startsWith(file.name.slice(0, 6)) && /^.{6}~[1-4]/.test(lower)) {
    return isPadding(name, 8);
  }
  const match = /^([^~]{0,6})~[1-9][0-9]*/.exec(name.slice(0, 8));
  return match !== null && match[0].length === 8 &&
    file.short.startsWith((match[1] as string).toLowerCase()) &&
    isPadding(name, 8);
}

/** Whether only what NTFS drops follows, up to a stream. */
function isPadding(name: string, at: number): boolean {
  const rest = /^[ .]*/.exec(name.slice(at)) as RegExpExecArray;
  const after = name[at + rest[0].length];
  return after === undefined || after === ":";
}
