/**
 * Trees with everything that archives have a rule for: long and foreign names,
 * modes, links, directories without anything, attributes.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { emptyRepository, importStream, type ObjectFormat } from "./fixture.ts";
import { FastImport, FIRST_DATE } from "./fixture_history.ts";
import { gitSync } from "./git.ts";
import { type Random, seeded } from "./random.ts";

const NAME_LENGTHS = [1, 3, 8, 98, 99, 100, 101, 102, 154, 155, 156, 255, 256];
const LINK_LENGTHS = [1, 20, 99, 100, 101, 300, 4000];
const LETTERS = ["a", "b", "Z", "0", "-", "_", ".", " ", "+", "\xc3\xa9"];
const ATTRIBUTES = [
  "export-ignore",
  "-export-ignore",
  "!export-ignore",
  "text",
  "text eol=crlf",
  "text=auto",
  "text=auto eol=crlf",
  "eol=crlf",
  "crlf=input",
  "-text",
  "binary",
  "diff",
  "-diff",
  "diff=cpp",
  "ident",
  "ident text eol=crlf",
  "text working-tree-encoding=UTF-16LE",
];

/** Makes a repository with one odd tree on `refs/heads/main`, tagged v1. */
export function oddTreeRepository(
  path: string,
  seed: number,
  format: ObjectFormat = "sha1",
): string {
  emptyRepository(path, format);
  const random = seeded(seed);
  const stream = new FastImport();
  const changes: string[] = [];
  const directories = ["", ...someDirectories(random)];
  for (const directory of directories) {
    for (let i = random.int(7) + 1; i > 0; i--) {
      changes.push(randomEntry(random, stream, directory, format));
    }
    if (random.int(3) === 0) {
      const lines = Array.from(
        { length: random.int(4) + 1 },
        () =>
          `${randomPattern(random, directories)} ${random.pick(ATTRIBUTES)}\n`,
      );
      changes.push(
        stream.file(quoted(`${directory}.gitattributes`), lines.join("")),
      );
    }
  }
  const mark = stream.commit({
    ref: "refs/heads/main",
    parents: [],
    date: FIRST_DATE + random.int(1_000_000),
    changes,
  }).mark;
  stream.tag("v1", mark, FIRST_DATE + 2_000_000);
  importStream(path, stream, random.int(2) === 0 ? "loose" : "packed");
  if (random.int(3) === 0) {
    writeFileSync(
      join(path, "info", "attributes"),
      `${randomPattern(random, directories)} ${random.pick(ATTRIBUTES)}\n`,
    );
  }
  gitSync(["config", "daemon.uploadarch", "true"], { cwd: path });
  for (const [key, values] of CONFIGS) {
    if (random.int(4) === 0) {
      gitSync(["config", key, random.pick(values)], { cwd: path });
    }
  }
  return path;
}

const CONFIGS: readonly (readonly [string, readonly string[]])[] = [
  ["tar.umask", ["0", "0022", "077", "0777"]],
  ["core.autocrlf", ["true", "input", "false"]],
  ["core.eol", ["crlf", "lf"]],
  ["core.bigFileThreshold", ["1", "100", "1k"]],
  ["diff.cpp.binary", ["true", "false"]],
];

function someDirectories(random: Random): string[] {
  const made = [""];
  for (let i = random.int(8) + 2; i > 0; i--) {
    made.push(`${random.pick(made)}${randomName(random)}/`);
  }
  return made.slice(1);
}

function randomName(random: Random): string {
  const length = random.int(4) === 0
    ? random.pick(NAME_LENGTHS)
    : random.int(12) + 1;
  let name = "";
  while (name.length < length) name += random.pick(LETTERS);
  // Cut in the middle of a letter, a name is not UTF-8.
  name = name.slice(0, length);
  return /^\.+$|^\.git/.test(name) ? `x${name.slice(1)}` : name;
}

function randomPattern(
  random: Random,
  directories: readonly string[],
): string {
  const name = random.pick([
    "*",
    "*a*",
    "?",
    "*.b",
    "**/a*",
    "*/",
    "/*",
    "[ab]*",
  ]);
  const below = random.pick(directories);
  if (below === "" || random.int(3) > 0) return name;
  return quoted(random.int(2) === 0 ? `/${below}` : `${below}*`);
}

function randomEntry(
  random: Random,
  stream: FastImport,
  directory: string,
  format: ObjectFormat,
): string {
  const path = quoted(`${directory}${randomName(random)}~`);
  switch (random.int(8)) {
    case 0:
      return `M 160000 ${"5".repeat(format === "sha1" ? 40 : 64)} ${path}`;
    case 1:
      return stream.file(
        path,
        "l/".repeat(5000).slice(0, random.pick(LINK_LENGTHS)),
        "120000",
      );
    case 2:
      return stream.file(path, randomContent(random), "100755");
    default:
      return stream.file(path, randomContent(random));
  }
}

function randomContent(random: Random): string | Uint8Array {
  switch (random.int(7)) {
    case 0:
      return "";
    case 1:
      return random.bytes(random.int(2000));
    case 2:
      return "line\n".repeat(random.int(500));
    case 3:
      return "line\r\n".repeat(random.int(50)) + "lonely\n";
    case 4:
      return "$Id$ and $Id: old $ and $Id: a b $\n$Id\n$".repeat(3);
    case 5:
      return "x".repeat(512 * random.int(30));
    default:
      return `text \xc3\xa9 ${random.int(100)}\n`;
  }
}

/** A path as fast-import takes it. */
function quoted(path: string): string {
  const escaped = path.replace(/["\\]/g, (each) => `\\${each}`);
  return `"${escaped}"`;
}
