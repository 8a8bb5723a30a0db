/**
 * Pathspecs compared with `git archive` in a bare repository: what it takes of
 * a tree, and its words where it refuses.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AttributeStack } from "../../../src/archive/attributes.ts";
import {
  type AttributeLookup,
  type EntryKind,
  Pathspec,
} from "../../../src/archive/pathspec.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git, tryGit } from "../../support/git.ts";
import { type Random, seeded } from "../../support/random.ts";
import { before, describe, it } from "../../support/test.ts";

const FILES = [
  ...["a", "a.c", "b.c", "B", "b", "c/a", "c/b.c", "c/d/a.c", "c/d/b"],
  ...["c/d.c", "cc", "c.c", "d/a", "d/e/f/g", "d/e/f/h.c", "D/a", "x*", "[a]"],
  ...["d/x*y/a", "e f", "\xe9/a", "c/.gitattributes", ":z", "sub"],
];
const ROOT_ATTRIBUTES = "*.c text\nb -text\n";
const INFO = "a k\nc/** k=v\nd -k\nd/e k=w\n";

interface Node {
  readonly kind: EntryKind;
  readonly children: Map<string, Node>;
}

let directory = "";
let root: Node;

before(async () => {
  directory = temporaryDirectory("pathspec");
  await git(["init", "-q", "--bare", "."], { cwd: directory });
  const blob = (input: string) =>
    git(["hash-object", "-w", "--stdin"], { cwd: directory, input });
  const contents = (await blob("x")).trim();
  const attributes = (await blob("a in-tree\nb.c -in-tree\n")).trim();
  const own = (await blob(ROOT_ATTRIBUTES)).trim();
  const lines = FILES.map((path) => {
    if (path === "sub") return `160000 ${"1".repeat(40)}\t${path}\0`;
    const oid = path.endsWith(".gitattributes") ? attributes : contents;
    return `100644 ${oid}\t${path}\0`;
  });
  lines.push(`100644 ${own}\t.gitattributes\0`);
  const input = lines.join("");
  await git(["update-index", "-z", "--index-info"], { cwd: directory, input });
  const tree = (await git(["write-tree"], { cwd: directory })).trim();
  const commit = await git(["commit-tree", tree, "-m", "m"], {
    cwd: directory,
  });
  await git(["update-ref", "HEAD", commit.trim()], { cwd: directory });
  mkdirSync(join(directory, "info"), { recursive: true });
  writeFileSync(join(directory, "info/attributes"), INFO);
  root = newNode("tree");
  for (const path of [...FILES, ".gitattributes"]) {
    const parts = path.split("/");
    let node = root;
    for (const [index, part] of parts.entries()) {
      const isLast = index === parts.length - 1;
      const kind = !isLast ? "tree" : path === "sub" ? "gitlink" : "blob";
      const next = node.children.get(part) ?? newNode(kind);
      node.children.set(part, next);
      node = next;
    }
  }
});

describe("Pathspec", () => {
  it("takes of a tree what git takes, for generated pathspecs", async () => {
    const found = { taken: 0, refused: 0 };
    for (let seed = 1; seed <= 300; seed++) {
      const random = seeded(seed);
      const count = 1 + random.int(2);
      const args = Array.from({ length: count }, () => pathspec(random));
      const ours = archive(args);
      found[typeof ours === "string" ? "refused" : "taken"]++;
      const theirs = await gitArchive(args);
      assert.deepEqual(ours, theirs, `seed ${seed}: ${JSON.stringify(args)}`);
    }
    assert.ok(found.taken > 70 && found.refused > 70, JSON.stringify(found));
  });

  it("refuses in git's words", async () => {
    const cases = [
      ...["", ":(foo)a", ":(glob", ":(literal,glob)a", ":%a", "../a", "/a"],
      ...[":(attr:)a", ":(attr:-)a", ":(attr:a,attr:b)a", ":(attr:x=a.b)a"],
      ...[":(attr:x=a\\)", ":(prefix:x)a", "a/../..", ":(attr:x=)nothing"],
      ...[":(prefix:-1)a", ":(prefix:99999999999999999999)a", ":!", ":^a", ":"],
      ...[":(,top,)a", ":/a", ":(top)../a", "c/", "c//d/./", "./", "c/.."],
    ];
    for (const spec of cases) {
      assert.deepEqual(archive([spec]), await gitArchive([spec]), spec);
    }
  });

  it("refuses to look at more attributes than anybody asks for", () => {
    const wishes = (count: number) =>
      Array.from({ length: count }, (_, i) => `!a${i}`).join(" ");
    const spec = Pathspec.parse([`:(attr:${wishes(64)})a`], "/");
    assert.equal(spec.attributeNames.length, 64);
    assert.throws(
      () => Pathspec.parse([`:(attr:${wishes(65)})a`], "/"),
      /too many attributes/,
    );
  });

  it("gives up on names that take long", () => {
    const spec = Pathspec.parse([`${"*a".repeat(60)}*b`], "/");
    const started = performance.now();
    assert.equal(spec.interest("", "a".repeat(300_000), "blob"), "none");
    assert.ok(performance.now() - started < 5000);
  });

  it("refuses patterns that could take long", () => {
    assert.throws(
      () => Pathspec.parse(["*a".repeat(65)], "/r/."),
      { name: "RefusedError", code: "pathspec" },
    );
  });
});

function newNode(kind: EntryKind): Node {
  return { kind, children: new Map() };
}

/** What is in an archive, or the words of the refusal. */
function archive(args: readonly string[]): string[] | string {
  const place = `${directory}/.`;
  try {
    const spec = Pathspec.parse(args, place);
    for (const arg of args) {
      const one = Pathspec.parse([arg], place);
      const bare = AttributeStack.open({
        names: one.attributeNames,
        info: INFO,
      });
      if (!exists(one, root, "", (path) => bare.lookup(path, "file"))) {
        return `fatal: pathspec '${arg}' did not match any files\n`;
      }
    }
    const open = AttributeStack.open({
      names: spec.attributeNames,
      root: ROOT_ATTRIBUTES,
      info: INFO,
    });
    const taken: string[] = [];
    walk(spec, root, "", open, taken);
    return taken;
  } catch (error) {
    return `fatal: ${(error as Error).message}\n`;
  }
}

function walk(
  spec: Pathspec,
  node: Node,
  base: string,
  stack: AttributeStack,
  taken: string[],
): void {
  let interest = "none";
  for (const [name, child] of inOrder(node)) {
    if (interest !== "all") {
      interest = spec.interest(
        base,
        name,
        child.kind,
        (path) => stack.lookup(path, "file"),
      );
      if (interest === "end") break;
      if (interest === "none") continue;
    }
    if (child.kind !== "tree") {
      taken.push(base + name + (child.kind === "gitlink" ? "/" : ""));
      continue;
    }
    const path = base + name;
    const contents = path === "c" ? "a in-tree\nb.c -in-tree\n" : undefined;
    walk(spec, child, `${path}/`, stack.push(path, contents), taken);
  }
}

function exists(
  spec: Pathspec,
  node: Node,
  base: string,
  lookup: AttributeLookup,
): boolean {
  let interest = "none";
  for (const [name, child] of inOrder(node)) {
    if (interest !== "all") {
      interest = spec.interest(base, name, child.kind, lookup);
      if (interest === "end") break;
      if (interest === "none") continue;
    }
    if (spec.isProof(base, name, child.kind, lookup)) return true;
    if (exists(spec, child, `${base}${name}/`, lookup)) return true;
  }
  return false;
}

function inOrder(node: Node): [string, Node][] {
  const key = ([name, child]: [string, Node]) =>
    child.kind === "tree" ? `${name}/` : name;
  return [...node.children].sort((a, b) => key(a) < key(b) ? -1 : 1);
}

async function gitArchive(
  args: readonly string[],
): Promise<string[] | string> {
  const words = args.map((arg) => latin1Argument(arg));
  const result = await tryGit(["archive", "--format=tar", "HEAD", ...words], {
    cwd: directory,
  });
  if (result.code !== 0) return result.stderr;
  const names: string[] = [];
  const { stdout } = result;
  for (let at = 0; at < stdout.length && stdout[at] !== "\0";) {
    const name = stdout.slice(at, stdout.indexOf("\0", at));
    const size = Number.parseInt(stdout.slice(at + 124, at + 135), 8);
    const type = stdout[at + 156];
    const isTree = type === "5" && name !== "sub/";
    if (!isTree && type !== "g") names.push(name);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return names;
}

/** Arguments travel as UTF-8: none here has other bytes. */
function latin1Argument(text: string): string {
  // deno-lint-ignore no-control-regex
  assert.match(text, /^[\x00-\x7f]*$/);
  return text;
}

const MAGIC = [
  ...["glob", "icase", "literal", "exclude", "top", "attr:k", "attr:-k"],
  ...["attr:k=v", "attr:!k", "attr:in-tree", "prefix:1", "attr:k k"],
];

const PARTS = [
  ...["a", "b", "c", "d", "e", "f", "A", "C", ".c", "*", "**", "?", "/", "/"],
  ...["[a-d]", "[a]", "\\*", "x", "..", ".", "sub", "e f", "z", "**/", "/**"],
];

function pathspec(random: Random): string {
  const parts = Array.from(
    { length: 1 + random.int(4) },
    () => random.pick(PARTS),
  );
  const path = random.int(2) === 0 ? pathOf(random) : parts.join("");
  switch (random.int(5)) {
    case 0: {
      const count = 1 + random.int(2);
      const words = Array.from({ length: count }, () => random.pick(MAGIC));
      return `:(${words.join(",")})${path}`;
    }
    case 1:
      return `:${random.pick(["!", "^", "/", "!/", "!:", ""])}${path}`;
    default:
      return path;
  }
}

/** A path that is there, or part of one. */
function pathOf(random: Random): string {
  const path = random.pick(FILES.filter((file) => !file.startsWith("\xe9")));
  const cut = random.int(3) === 0 ? random.int(path.length) + 1 : path.length;
  const text = path.slice(0, cut);
  return random.int(3) === 0 ? text.toUpperCase() : text;
}
