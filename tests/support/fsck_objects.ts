/**
 * Objects that are wrong in one way or another, made by a seed, and a
 * repository that holds them whatever they are.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import {
  concatBytes,
  fromBinary,
  fromHex,
  toBinary,
} from "../../src/core/bytes.ts";
import type { Oid } from "../../src/core/oid.ts";
import {
  COMMIT,
  type Kind,
  kindName,
  TAG,
  TREE,
} from "../../src/object/kind.ts";
import { temporaryDirectory } from "./fixture_directory.ts";
import { gitSync } from "./git.ts";
import { entryOf, packOf } from "./intake.ts";
import type { Random } from "./random.ts";

/** One object. */
export interface OddObject {
  /** Its kind. */
  readonly kind: Kind;
  /** Its content. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** Its id. */
  readonly oid: Oid;
}

/** The object of a content; text is a binary string. */
export function oddObject(
  kind: Kind,
  content: string | Uint8Array<ArrayBuffer>,
): OddObject {
  const data = typeof content === "string" ? fromBinary(content) : content;
  const oid = createHash("sha1").update(header(kind, data)).update(data)
    .digest("hex") as Oid;
  return { kind, data, oid };
}

function header(kind: Kind, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return fromBinary(`${kindName(kind)} ${data.length}\0`);
}

/** A bare repository that holds objects as loose ones, and no ref. */
export function oddRepository(objects: Iterable<OddObject>): string {
  const path = join(temporaryDirectory("fsck"), "odd.git");
  gitSync(["init", "-q", "--bare", path]);
  for (const { kind, data, oid } of objects) {
    const directory = join(path, "objects", oid.slice(0, 2));
    mkdirSync(directory, { recursive: true });
    const bytes = concatBytes([header(kind, data), data]);
    writeFileSync(join(directory, oid.slice(2)), deflateSync(bytes));
  }
  return path;
}

/** A pack that holds objects whole. */
export function oddPack(
  objects: readonly OddObject[],
): Uint8Array<ArrayBuffer> {
  const entries = objects.map(({ kind, data }) => entryOf(kind, data));
  return new Uint8Array(packOf(entries));
}

/** The bytes of a tree's entry; the mode as it is to be written. */
export function treeEntry(mode: string, name: string, oid: string): string {
  return `${mode} ${name}\0${toBinary(fromHex(oid) as Uint8Array)}`;
}

/** A random id. */
export function randomId(random: Random): string {
  return Array.from({ length: 40 }, () => random.int(16).toString(16)).join("");
}

const IDENTS = [
  ...["A <a@b> 1600000000 +0000", "A <a@b> 0 -1200", "<a@b> 1 +0000"],
  ...["A<a@b> 1 +0000", "A a@b 1 +0000", "A >a <a@b> 1 +0000", ""],
  ...["A <a<b> 1 +0000", "A <a@b>1 +0000", "A <a@b> 01 +0000", "A <", "A"],
  ...["A <a@b> 00 +0000", "A <a@b> x +0000", "A <a@b> 1x +0000", "A <>"],
  ...["A <a@b> 1", "A <a@b> 1 0000", "A <a@b> 1 +000", "A <a@b> 1 +00000"],
  ...["A <a@b> 9223372036854775807 +0000", "A <a@b>", "A <a@b> ", " <> 1 +1"],
  ...["A <a@b> 9223372036854775808 +0000", "A <a@b> -1 +0000"],
  ...[
    "A <a@b> 18446744073709551615 +0000",
    "A <a@b> 99999999999999999999999 +",
  ],
  ...["A <a@b> +5 +0000", "A <a@b>  7 +0000", "A <a@b> \t7 -0000", "  <a> 1 +"],
  ...[
    "A <a@b> -18446744073709551615 +0000",
    "A <a@b> -0 +0000",
    "A <> 0 +1111",
  ],
  ...["A <a@b> 1 +0000 ", "\xc9 <\xe9> 1 +0000", " <a@b> 1 +0000"],
];

function ident(random: Random): string {
  return random.int(3) > 0 ? IDENTS[0] as string : random.pick(IDENTS);
}

/** Changes a few bytes, or none. */
function mutate(random: Random, text: string): string {
  let out = text;
  for (let i = random.int(4) - 2; i > 0; i--) {
    const at = random.int(out.length + 1);
    const made = random.pick(["", "\n", "\0", " ", "<", "0", "/", "\xff", "a"]);
    out = out.slice(0, at) + made + out.slice(at + random.int(3));
  }
  return random.int(12) === 0 ? out.slice(0, random.int(out.length + 1)) : out;
}

/** A commit, most often with something wrong. */
export function randomCommit(random: Random): OddObject {
  const lines = [`tree ${randomId(random)}`];
  for (let i = random.int(4); i > 1; i--) {
    lines.push(`parent ${randomId(random)}`);
  }
  const odd = random.int(6);
  if (odd !== 0) lines.push(`author ${ident(random)}`);
  if (odd === 1) lines.push(`author ${ident(random)}`);
  if (odd !== 2) lines.push(`committer ${ident(random)}`);
  if (odd === 3) lines.push("gpgsig x", " y");
  const body = random.pick(["\n\nx\n", "\n", "", "\n\n", "\n\na\0b", "\nx"]);
  return oddObject(COMMIT, mutate(random, lines.join("\n") + body));
}

const TAG_NAMES = [
  ...["v1", "a/b", ".a", "a..b", "a.lock", "a.lock/b", "a b", "@", "a@{b"],
  ...["", "a/", "/a", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "a."],
  ...["\x7f", "\xe9", "x\x01", "a//b", "lock", "refs/x", "a".repeat(5000)],
];

/** A tag, most often with something wrong. */
export function randomTag(random: Random): OddObject {
  const type = random.pick(["commit", "commit", "tree", "blob", "tag"]);
  const lines = [`object ${randomId(random)}`, `type ${type}`];
  lines.push(`tag ${random.int(2) === 0 ? "v1" : random.pick(TAG_NAMES)}`);
  const odd = random.int(5);
  if (odd !== 0) lines.push(`tagger ${ident(random)}`);
  if (odd < 2) lines.push("extra header");
  const body = random.pick(["\n\nx\n", "\n\nx\n", "\n", "", "\n\n", "\nx"]);
  return oddObject(TAG, mutate(random, lines.join("\n") + body));
}

const DOTS = [
  ...["", "git", "gitmodules", "gitattributes", "gitignore", "mailmap"]
    .map((name) => `.${name}`),
  ...["git~1", "GIT~1", "gitmod~1", "gitatt~4", "gitign~2", "mailma~3"],
  ...["gi7eba~1", "gi7d29~9", "gi250a~1", "maba30~1", "gi7eb~12", "~1234567"],
  ...["g~100000", "ma~10000", "gi7eba~0", "gitmod~5", "~1", "~12345678"],
  ...[".GIT", ".gItMoDuLeS", "git~2", "gi~1234", "..", "m~123456"],
];
const ENDS = [
  ...["", "", "", " ", ".", " . .", ":", "::$INDEX_ALLOCATION", ".:x", "x"],
  ...["/", "\\", "\\x", "/x", "\u{200c}", "\xff", "\xe2\x80", "\xc2\xa0", "~"],
].map((text) => text === "\u{200c}" ? "\xe2\x80\x8c" : text);
const JOINERS = [
  ...["\xe2\x80\x8c", "\xe2\x80\xaa", "\xe2\x81\xaf", "\xef\xbb\xbf"],
  ...["\xe2\x80\xaf", "\xe2\x80", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\\"],
];

/** A name of a file, such as `.git` to some file systems. */
export function randomName(random: Random): string {
  switch (random.int(6)) {
    case 0:
      return random.pick(["a", "b", "foo", "foo.bar", "foo/bar", "foo-x"]);
    case 1:
      return random.pick(["x\\", "\\", ".git\\x\\", "..\\"]) +
        random.pick(DOTS) + random.pick(ENDS);
    case 2: {
      const name = random.pick(DOTS);
      const at = random.int(name.length + 1);
      return name.slice(0, at) + random.pick(JOINERS) + name.slice(at) +
        random.pick(ENDS);
    }
    case 3: {
      const letter = random.pick([..."abc"]);
      return letter.repeat(1 + random.int(2)) +
        random.pick(["", "", ".", "-", "0", "+b"]);
    }
    default:
      return random.pick(DOTS) + random.pick(ENDS);
  }
}

const MODES = [
  ...["100644", "100644", "40000", "40000", "100755", "120000", "160000"],
  ...["100664", "0100644", "040000", "100600", "0", "644", "777777", "00"],
  ...["20100644", "200040000", "99", "120777", "40755"],
];

/** A tree, most often with something wrong. */
export function randomTree(random: Random): OddObject {
  const entries: { readonly key: string; readonly text: string }[] = [];
  const isTame = random.int(3) === 0;
  for (let i = random.int(6); i > 0; i--) {
    const name = isTame
      ? random.pick(["a", "a.b", "a-", "a.b.c", "a.b-x", "b", "a0"])
      : randomName(random);
    const mode = isTame ? random.pick(["100644", "40000"]) : random.pick(MODES);
    const oid = random.int(20) === 0 ? "0".repeat(40) : randomId(random);
    const key = /^0?40/.test(mode) ? `${name}/` : name;
    entries.push({ key, text: treeEntry(mode, name, oid) });
  }
  if (random.int(4) > 0) {
    entries.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  }
  const text = entries.map(({ text }) => text).join("");
  return oddObject(TREE, isTame ? text : mutate(random, text));
}

const URLS = [
  ...["https://a/b", "../a", "./a", "-u", "--x=y", "../../x", "ssh://-x/y"],
  ...["https://a%0ab/", "https::https://a%0ab/", "http:///x", "https://", "a"],
  ...["./a%0ab", "../%0a", "../:x", "..//x", "./../:x", "./:x", ".\\..\\:x"],
  ...[
    "git://a%0ab/x",
    "git://a/%0ab",
    "http::x",
    "https://u%0a@h/",
    "./%00%0a",
  ],
  ...[
    "https://u:p%0a@h/",
    "https://h:%0a/",
    "https://h%0a:1/",
    "https://h/%0a",
  ],
  ...["https://h?x%0ay", "https://h#%0a", "ftp://@/x", "ftps://h/x%0Ay%", "//"],
  ...["https://u:p@h/", "https://u@h:1/p@q%0a", "http://?x", "http://x@/", ""],
  ...["http::://x", "https:://x/y", "ftp::ftp://h/%0a", "HTTP://a%0ab/"],
  ...["/abs", "file:///x%0a", "http://a\\nb/", "../a\\nb", "git:x", "...//x"],
];
const SUBMODULE_NAMES = [
  ...["a", "a/b", "..", "../a", "a/..", "a/../b", "a..b", "...", "\\\\", "."],
  ...["..\\\\a", "a\\\\..", "a\\\\..\\\\b", "-x", "a.b", "..a", ""],
];

/** The text of a `.gitmodules`, most often with something wrong. */
export function randomGitmodules(random: Random): string {
  const lines: string[] = [];
  for (let i = random.int(3); i >= 0; i--) {
    lines.push(
      random.int(12) === 0
        ? random.pick(["[submodule]", "[core]", "[submodule.a]", '[x "y"]'])
        : `[submodule "${random.pick(SUBMODULE_NAMES)}"]`,
    );
    for (let pairs = random.int(4); pairs > 0; pairs--) {
      const key = random.pick([
        "url",
        "url",
        "URL",
        "path",
        "update",
        "branch",
      ]);
      const value = key === "path"
        ? random.pick(["a", "-a", "--", "a/../b", '"-q"'])
        : key === "update"
        ? random.pick(["checkout", "!sh", "none", "bad", ""])
        : random.pick(URLS);
      lines.push(random.int(15) === 0 ? `\t${key}` : `\t${key} = ${value}`);
    }
  }
  return random.int(8) === 0
    ? mutate(random, lines.join("\n"))
    : lines.join("\n") + "\n";
}
