/**
 * Attributes compared with `git check-attr --cached`, over generated files and
 * paths, and what hostile files cost.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  AttributeStack,
  type AttributeValue,
} from "../../../src/archive/attributes.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git, tryGit } from "../../support/git.ts";
import { type Random, seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const NAMES = ["a1", "b", "text", "diff", "merge", "m1", "m2", "binary"];

describe("AttributeStack", () => {
  it("gives what git gives, for generated files and paths", async () => {
    for (let seed = 1; seed <= 40; seed++) await compare(seeded(seed));
  });

  it("bounds what a pattern of many stars costs", () => {
    const stack = AttributeStack.open({
      names: ["x"],
      root: `${"*a".repeat(900)}*b x\n`,
      budget: { left: 50_000_000 },
    });
    assert.deepEqual(stack.lookup("a".repeat(4000), "file"), [undefined]);
  });

  it("stops when all patterns together cost too much", () => {
    const stack = AttributeStack.open({
      names: ["x"],
      root: `d/*${"a".repeat(500)}b x\n`.repeat(100),
      budget: { left: 1_000_000 },
    });
    assert.throws(
      () => stack.lookup(`d/${"a".repeat(3000)}`, "file"),
      { name: "RefusedError", code: "attributes-too-costly" },
    );
  });

  it("stops when one path costs too much", () => {
    const stack = AttributeStack.open({
      names: ["k"],
      root: `d/*${"a".repeat(100)}b k\n`.repeat(2000),
    });
    stack.lookup("d/a", "file");
    assert.throws(
      () => stack.lookup(`d/${"a".repeat(1000)}`, "file"),
      /gitattributes take too much work/,
    );
  });

  it("expands chains of macros as long as a file", () => {
    const lines = ["* c0\n"];
    for (let i = 0; i < 50_000; i++) lines.push(`[attr]c${i} c${i + 1}\n`);
    const stack = AttributeStack.open({
      names: ["c50000"],
      root: lines.join(""),
    });
    assert.deepEqual(stack.lookup("f", "file"), [true]);
  });

  it("reads files of the host with BOM and CR LF, and blobs up to a NUL", () => {
    const stack = AttributeStack.open({
      names: ["x", "y"],
      info: "\xef\xbb\xbf*.c x\r\n",
      root: "* y\n\0* -y\n",
    });
    assert.deepEqual(stack.lookup("a.c", "file"), [true, true]);
    assert.deepEqual(stack.lookup("a.d", "file"), [undefined, true]);
  });

  it("ignores files of 100 MiB", () => {
    const warnings: string[] = [];
    const stack = AttributeStack.open({
      names: ["x"],
      root: `* x\n${"#".repeat(100 * 1024 * 1024)}`,
      warn: (line) => warnings.push(line),
    });
    assert.deepEqual(stack.lookup("a", "file"), [undefined]);
    assert.deepEqual(warnings, [
      "warning: ignoring overly large gitattributes blob '.gitattributes'",
    ]);
  });
});

async function compare(random: Random): Promise<void> {
  const cwd = temporaryDirectory("attributes");
  await git(["init", "-q", "."], { cwd });
  const fold = random.int(5) === 0;
  if (fold) await git(["config", "core.ignorecase", "true"], { cwd });
  const directories = ["", "d", "d/e", "D", "d.x"];
  const files = new Map<string, string>();
  for (const directory of directories) {
    if (directory !== "" && random.int(3) === 0) continue;
    const contents = attributeFile(random);
    files.set(directory, contents);
    const oid = await git(["hash-object", "-w", "--stdin"], {
      cwd,
      input: contents,
    });
    const path = directory === ""
      ? ".gitattributes"
      : `${directory}/.gitattributes`;
    const entry = `100644,${oid.trim()},${path}`;
    await git(["update-index", "--add", "--cacheinfo", entry], { cwd });
  }
  const info = random.int(2) === 0 ? attributeFile(random) : undefined;
  if (info !== undefined) {
    mkdirSync(join(cwd, ".git/info"), { recursive: true });
    const bytes = Uint8Array.from(info, (c) => c.charCodeAt(0));
    writeFileSync(join(cwd, ".git/info/attributes"), bytes);
  }
  const paths = directories.flatMap((directory) =>
    Array.from({ length: 25 }, () => {
      const base = directory === "" ? "" : `${directory}/`;
      return base + name(random) + (random.int(4) === 0 ? "/" : "");
    })
  );
  const real = await tryGit(
    ["check-attr", "--cached", "-z", "--stdin", ...NAMES],
    { cwd, input: paths.map((path) => `${path}\0`).join("") },
  );
  assert.equal(real.code, 0, `seed ${random.seed}: ${real.stderr}`);
  const words = real.stdout.split("\0");
  const warnings: string[] = [];
  const open = AttributeStack.open({
    names: NAMES,
    root: files.get(""),
    info,
    letters: fold ? "fold" : "exact",
    warn: (line) => warnings.push(line),
  });
  const stacks = new Map<string, AttributeStack>([["", open]]);
  for (const directory of directories.slice(1)) {
    const parent = directory === "d/e" ? "d" : "";
    stacks.set(
      directory,
      (stacks.get(parent) as AttributeStack)
        .push(directory, files.get(directory)),
    );
  }
  let at = 0;
  for (const path of paths) {
    const bare = path.replace(/\/$/, "");
    const directory = bare.slice(0, Math.max(bare.lastIndexOf("/"), 0));
    const found = (stacks.get(directory) as AttributeStack)
      .lookup(bare, bare === path ? "file" : "directory");
    const wanted = NAMES.map((_, i) => words[at + 3 * i + 2]);
    at += 3 * NAMES.length;
    assert.deepEqual(
      found.map(shown),
      wanted,
      `seed ${random.seed}: ${JSON.stringify({ path, info })} ` +
        JSON.stringify([...files]),
    );
  }
  const said = real.stderr.split("\n").filter((line) => line !== "")
    .map((line) => line.replace(".git/info/", "info/"));
  assert.deepEqual(
    [...new Set(warnings.flatMap((line) => line.split("\n")))].sort(),
    [...new Set(said)].sort(),
    `seed ${random.seed}: ${JSON.stringify([...files])}`,
  );
}

function shown(value: AttributeValue): string {
  if (value === undefined) return "unspecified";
  return typeof value === "string" ? value : value ? "set" : "unset";
}

const LETTERS = ["a", "b", "A", "ab", ".c", "x", "\xe9", "-", "]", "!"];

function name(random: Random): string {
  const count = 1 + random.int(3);
  return Array.from({ length: count }, () => random.pick(LETTERS)).join("");
}

const GLOBS = [
  ...["*", "**", "?", "[a-c]", "[!a]", "[^b-]", "[]a]", "[[:alpha:]]"],
  ...["\\a", "\\*", "[A-Z]", "[[:upper:]]", "[\\a-c]", "[a", "[[:foo:]]"],
  ...["[[:x]", "/", "/", "**/", "/**", "d/", "d", "e/", "***", "[b-a]"],
];

function pattern(random: Random): string {
  const count = 1 + random.int(4);
  const parts = Array.from(
    { length: count },
    () => random.int(2) === 0 ? random.pick(LETTERS) : random.pick(GLOBS),
  );
  const text = parts.join("") + (random.int(6) === 0 ? "/" : "");
  if (random.int(8) !== 0) return text;
  const escaped = text.replace(/[\\"]/g, "\\$&")
    .replace(/a/g, () => random.pick(["a", "\\141", "\\t", "\\9", " "]));
  return `"${escaped}"`;
}

function states(random: Random): string {
  const count = random.int(4);
  return Array.from({ length: count }, () => {
    const sign = random.pick(["", "", "", "-", "!", "--", "=", ""]);
    const value = random.pick(["", "", "", "=", "=v", "=v=w", "!"]);
    return sign + random.pick(NAMES) + value;
  }).join(random.pick([" ", "\t", "  ", " \r "]));
}

function attributeFile(random: Random): string {
  const lines = Array.from({ length: 1 + random.int(8) }, () => {
    const kind = random.int(14);
    if (kind === 0) return `# ${pattern(random)} ${states(random)}`;
    if (kind === 1) return "";
    if (kind === 2) return `[attr]${random.pick(NAMES)} ${states(random)}`;
    if (kind === 3) return `"[attr] m1" ${states(random)}`;
    if (kind === 4) return `* a1 ${" ".repeat(2030 + random.int(20))}`;
    if (kind === 5) return `[attr]${pattern(random)} ${states(random)}`;
    const indent = random.int(6) === 0 ? " \t" : "";
    return `${indent}${pattern(random)} ${states(random)}`;
  });
  return lines.join("\n") + (random.int(3) === 0 ? "" : "\n");
}
