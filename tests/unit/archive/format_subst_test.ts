/**
 * Formats compared with the files that `git archive` makes of them, for
 * commits with odd people, dates, encodings, trailers and messages.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../src/core/oid.ts";
import { decorate } from "../../../src/archive/decorate.ts";
import type {
  DescribeOptions,
  FormatSources,
} from "../../../src/archive/format_sources.ts";
import { CommitFormatter } from "../../../src/archive/format_subst.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { git, tryGit } from "../../support/git.ts";
import { seeded } from "../../support/random.ts";
import { before, describe, it } from "../../support/test.ts";
import { commitBody, formats, MAILMAP, NOW } from "./format_cases.ts";

const ENVIRONMENT = { GIT_TEST_DATE_NOW: String(NOW) };

let cwd = "";
let base = "";

before(async () => {
  cwd = temporaryDirectory("formats");
  await git(["init", "-q", "--bare", "."], { cwd });
  base = await writeCommit(
    await writeTree([[".mailmap", MAILMAP]]),
    "author B <b@x> 1600000000 +0000\ncommitter B <b@x> 1600000000 +0000\n" +
      "\nbase\n",
    [],
  );
  await git(["update-ref", "refs/heads/main", base], { cwd });
  await git(["tag", "-a", "-m", "t", "v1.0", base], { cwd });
  await git(["tag", "light", base], { cwd });
});

describe("CommitFormatter", () => {
  it("expands as git archive does, for generated commits", async () => {
    let same = 0;
    for (let seed = 1; seed <= 24; seed++) {
      same += await compare(seed);
    }
    assert.ok(same > 1000, `only ${same} files were compared`);
  });

  it("gives up where git gives up, in its words", async () => {
    const line = (date: string) =>
      `author A <a> ${date}\ncommitter A <a> ${date}\n\nm\n`;
    const cases: [string, string][] = [
      [line("0 -0100"), "%ad"],
      [line("10 -0030"), "%ci"],
      [line("9223372036854775807 +9999"), "%aD"],
      [line("1 +0000"), "%C(always,nocolor)x"],
      [line("1 +0000"), "%C(always,red blue green)x"],
    ];
    for (const [body, format] of cases) {
      const content = `$Format:${format}$\n`;
      const commit = await commitOf(body, [["f", content]]);
      const result = await tryGit(["archive", commit], { cwd });
      const warnings: string[] = [];
      const sources = await sourcesOf(commit, (text) => warnings.push(text));
      const formatter = new CommitFormatter(sources);
      await assert.rejects(formatter.expand(fromBinary(content)), (error) => {
        assert.equal((error as { code: string }).code, "format");
        warnings.push(`fatal: ${(error as Error).message}`);
        return true;
      });
      assert.equal(warnings.join("\n") + "\n", result.stderr, format);
    }
  });

  it("asks for nothing that no placeholder needs", async () => {
    const commit = await commitOf("\nm\n", []);
    const sources = await sourcesOf(commit, () => {});
    const refuse = () => Promise.reject(new Error("was asked"));
    const formatter = new CommitFormatter({
      ...sources,
      abbreviate: refuse,
      decorations: refuse,
      mailmap: refuse,
      describe: refuse,
    });
    const plain = fromBinary("no format %H $");
    assert.equal(await formatter.expand(plain), plain);
    const full = await formatter.expand(fromBinary("$Format:%H%P%s%ae$"));
    assert.equal(toBinary(full), `${commit}${base}m`);
  });

  it("bounds what it makes and what it works", async () => {
    const body = `\n${"x\n".repeat(5000)}`;
    const sources = await sourcesOf(await commitOf(body, []), () => {});
    const hostile = [
      "%B".repeat(1000),
      "%w(0,16000,16000)%B",
      "%<(16000)x".repeat(1000),
      `${"%s".repeat(100)}${"%<|(9)x".repeat(10_000)}`,
      "%w(3)%w(4)%s".repeat(10_000),
      "%(trailers:only)".repeat(100_000),
    ];
    for (const format of hostile) {
      const formatter = new CommitFormatter(sources, 1_000_000);
      await assert.rejects(
        formatter.expand(fromBinary(`$Format:${format}$`)),
        { name: "RefusedError", message: "expanded file is too large" },
        format.slice(0, 40),
      );
    }
  });

  it("lets others have their turn between placeholders", async () => {
    let rests = 0;
    const sources = {
      ...await sourcesOf(await commitOf("subject\n", []), () => {}),
      rest() {
        rests++;
        return rests < 10 ? Promise.resolve() : Promise.reject(new Error("no"));
      },
    };
    const text = fromBinary(
      `$Format:${"%H".repeat(4)}$ $Format:${"%n".repeat(9)}$`,
    );
    await assert.rejects(
      new CommitFormatter(sources).expand(text),
      /^Error: no/,
    );
    assert.equal(rests, 10);
  });
});

async function compare(seed: number): Promise<number> {
  const random = seeded(seed);
  const names = formats(random, 60);
  const files = names.map((text, index): [string, string] => [
    `f${String(index).padStart(3, "0")}`,
    text,
  ]);
  const commit = await commitOf(commitBody(random), files);
  if (random.int(2) === 0) {
    await git(["update-ref", "refs/heads/side", commit], { cwd });
    await git(["update-ref", "refs/other/x", commit], { cwd });
    await git(["update-ref", "refs/remotes/o/main", commit], { cwd });
    const light = `refs/tags/s${random.int(3)}`;
    await git(["update-ref", light, commit], { cwd });
    const tag = `object ${commit}\ntype commit\ntag ann\n` +
      "tagger T <t@x> 1700000000 +0000\n\nt\n";
    const oid = await git(["mktag"], { cwd, input: tag });
    await git(["update-ref", "refs/tags/ann", oid.trim()], { cwd });
  }
  const head = random.pick(["refs/heads/main", "refs/heads/side"]);
  const hasSide = await tryGit(["rev-parse", "-q", "--verify", head], { cwd });
  if (hasSide.code === 0) await git(["symbolic-ref", "HEAD", head], { cwd });
  const real = await tryGit(["archive", "--format=tar", commit], {
    cwd,
    env: ENVIRONMENT,
  });
  const context = `seed ${seed}, commit ${commit} in ${cwd}`;
  const wanted = unpack(real.stdout);
  const sources = await sourcesOf(commit, () => {});
  const formatter = new CommitFormatter(sources);
  if (real.code !== 0) {
    // Some formats make git give up; the first of them must be that file.
    await assert.rejects(async () => {
      for (const [, content] of files) {
        await formatter.expand(fromBinary(content));
      }
    }, (error) => {
      const message = `fatal: ${(error as Error).message}\n`;
      assert.equal(message, real.stderr, context);
      return true;
    });
    await git(["symbolic-ref", "HEAD", "refs/heads/main"], { cwd });
    return 0;
  }
  for (const [path, content] of files) {
    const found = toBinary(await formatter.expand(fromBinary(content)));
    const message = `${context}: ${JSON.stringify(content)}`;
    assert.equal(
      JSON.stringify(found),
      JSON.stringify(wanted.get(path)),
      message,
    );
  }
  await git(["symbolic-ref", "HEAD", "refs/heads/main"], { cwd });
  return files.length;
}

async function sourcesOf(
  commit: string,
  warn: (line: string) => void,
): Promise<FormatSources> {
  const data = await git(["cat-file", "commit", commit], { cwd });
  return {
    oid: commit as Oid,
    data: fromBinary(data),
    format: SHA1,
    abbreviate: async (oid) =>
      (await git(["rev-parse", "--short", oid], { cwd })).trim(),
    async decorations() {
      const format = "%(refname) %(objectname) %(*objectname)";
      const lines = await git(["for-each-ref", `--format=${format}`], { cwd });
      const refs = lines.trim().split("\n").map((line) => {
        const [name = "", oid, peeled] = line.split(" ");
        return { name, oid: oid as Oid, peeled: peeled as Oid };
      });
      const target = (await git(["symbolic-ref", "HEAD"], { cwd })).trim();
      const oid = (await git(["rev-parse", "HEAD"], { cwd })).trim() as Oid;
      return decorate(commit as Oid, refs, { oid, target });
    },
    mailmap: async () =>
      (await tryGit(["cat-file", "blob", "HEAD:.mailmap"], { cwd })).stdout,
    async describe(options: DescribeOptions) {
      const args = [options.tags ? "--tags" : "--no-tags"];
      if (options.abbrev !== undefined) args.push(`--abbrev=${options.abbrev}`);
      args.push(...options.match.map((glob) => `--match=${glob}`));
      args.push(...options.exclude.map((glob) => `--exclude=${glob}`));
      const result = await tryGit(["describe", ...args, commit], { cwd });
      return result.stdout.trimEnd();
    },
    now: () => NOW,
    warn,
  };
}

async function commitOf(
  body: string,
  files: readonly [string, string][],
): Promise<string> {
  const attributes: [string, string] = [".gitattributes", "* export-subst\n"];
  const tree = await writeTree([attributes, ...files]);
  return await writeCommit(tree, body, [base]);
}

async function writeTree(
  files: readonly (readonly [string, string])[],
): Promise<string> {
  const folder = temporaryDirectory("blobs");
  for (const [path, content] of files) {
    writeFileSync(join(folder, path), fromBinary(content));
  }
  const oids = await git(["hash-object", "-w", "--stdin-paths"], {
    cwd,
    input: files.map(([path]) => `${join(folder, path)}\n`).join(""),
  });
  const lines = oids.split("\n").slice(0, files.length).map((oid, index) =>
    `100644 blob ${oid}\t${files[index]?.[0]}\n`
  );
  const tree = await git(["mktree"], { cwd, input: lines.join("") });
  return tree.trim();
}

async function writeCommit(
  tree: string,
  body: string,
  parents: readonly string[],
): Promise<string> {
  const links = parents.map((parent) => `parent ${parent}\n`).join("");
  const oid = await git(
    ["hash-object", "-t", "commit", "-w", "--stdin", "--literally"],
    { cwd, input: `tree ${tree}\n${links}${body}` },
  );
  return oid.trim();
}

/** The files of a tar by path. */
function unpack(tar: string): Map<string, string> {
  const files = new Map<string, string>();
  for (let at = 0; at < tar.length && tar[at] !== "\0";) {
    const name = tar.slice(at, tar.indexOf("\0", at));
    const size = Number.parseInt(tar.slice(at + 124, at + 135), 8);
    files.set(name, tar.slice(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
