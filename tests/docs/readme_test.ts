/**
 * Holds the README, and the other pages, to what the program says and does:
 * usage, limits, the words at the start, the example, and every task and file
 * that they name.
 *
 * @module
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { banner } from "../../src/cli/daemon_words.ts";
import { main } from "../../src/cli/main.ts";
import { COMMANDS } from "../../src/cli/table.ts";
import { limitsMarkdown } from "../../src/server/limits.ts";
import { pushLimitsMarkdown } from "../../src/service/receive_pack/settings.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git } from "../support/git.ts";
import { eventually, freePort } from "../support/server.ts";
import { describe, it } from "../support/test.ts";
import { connects } from "../support/wire_client.ts";
import { FakeProcess } from "../unit/cli/fake_process.ts";

const ROOT = new URL("../../", import.meta.url);
const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
] as const;

function read(name: string): string {
  return readFileSync(new URL(name, ROOT), "utf8");
}

/** What stands in the README between the two comments of that name. */
function block(name: string): string {
  const readme = read("README.md");
  const [begin, end] = [`<!-- begin: ${name} -->\n`, `<!-- end: ${name} -->`];
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end, from);
  assert.ok(from >= 0 && to > from, `README.md has no block "${name}"`);
  return `${readme.slice(from + begin.length, to).trim()}\n`;
}

/** The inside of the one fenced block there. */
function fenced(name: string): string {
  const match = /^```\w*\n([^]*?)```\n$/.exec(block(name));
  assert.ok(match?.[1] !== undefined, `"${name}" is no fenced block`);
  return match[1];
}

async function helpOf(...args: string[]): Promise<string> {
  const io = new FakeProcess();
  assert.equal(await main([...args, "--help"], io), 0);
  return io.out;
}

describe("the README", () => {
  it("has the usage that --help prints", async () => {
    assert.equal(fenced("gitsrv --help"), await helpOf());
    for (const { name } of COMMANDS) {
      assert.equal(fenced(`gitsrv ${name} --help`), await helpOf(name));
    }
  });

  it("has the table of limits", () => {
    assert.equal(block("limits"), limitsMarkdown());
  });

  it("has the table of a push's limits", () => {
    assert.equal(block("push limits"), pushLimitsMarkdown());
  });

  it("shows what the daemon says at its first start", () => {
    const at = { hostname: "127.0.0.1", port: 9418 };
    const addresses = [
      at,
      { scheme: "http" as const, hostname: "127.0.0.1", port: 8080 },
    ];
    assert.equal(
      fenced("welcome"),
      banner({ kind: "welcome", ...at, addresses }),
    );
  });

  it("has an example that runs, and ends in a clone", async () => {
    const directory = temporaryDirectory("readme");
    const file = join(directory, "hello.ts");
    const example = fenced("example");
    assert.ok(example.includes('"./mod.ts"'));
    writeFileSync(file, example.replace("./mod.ts", `${ROOT}mod.ts`));
    const server = startProgram(file);
    try {
      const command = await server.firstLine;
      const url = /^git clone (git:\/\/127\.0\.0\.1:\d+\/hello\.git)$/
        .exec(command)?.[1];
      assert.ok(url !== undefined, command);
      await git(["clone", "--quiet", url, join(directory, "hello")]);
      assert.equal(
        readFileSync(join(directory, "hello/hello.txt"), "utf8"),
        "Hello!\n",
      );
    } finally {
      await server.stop();
    }
  });
});

describe("the README's program for this runtime", () => {
  const name = process.versions.bun === undefined ? "deno" : "bun";

  it("serves a directory by a handler, and is cloned from", async () => {
    const directory = temporaryDirectory("readme-handler");
    const repository = join(directory, "repos/hello.git");
    smallRepository(repository);
    const port = await freePort();
    const program = fenced(`${name} program`)
      .replaceAll("8000", `${port}`)
      .replace("./repos", join(directory, "repos"))
      .replace("./mod.ts", `${ROOT}mod.ts`);
    const file = join(directory, "serve.ts");
    writeFileSync(file, program);
    const server = startProgram(file);
    server.firstLine.catch(() => {});
    const url = `http://127.0.0.1:${port}/hello.git`;
    try {
      await eventually("it listens", () => connects(port));
      await git(["clone", "--quiet", url, join(directory, "hello")]);
      const push = ["push", "--quiet", url, "HEAD:topic"];
      const known = url.replace("//", "//ann:correct%20horse@");
      const options = { cwd: join(directory, "hello") };
      await assert.rejects(git(push, options));
      if (name === "deno") {
        await git(push.with(2, known), options);
        await git(["rev-parse", "topic"], { cwd: repository });
      }
    } finally {
      await server.stop();
    }
  });
});

describe("the pages", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const { scripts } = JSON.parse(read("package.json"));

  it("name no task and no script that is not there", () => {
    for (const page of PAGES) {
      const text = read(page);
      for (const [words, task] of text.matchAll(/\btask ([a-z][a-z:]*)/g)) {
        assert.ok(Object.hasOwn(tasks, task ?? ""), `${page}: ${words}`);
      }
      for (const [words, script] of text.matchAll(/\bnpm run ([a-z:]+)/g)) {
        assert.ok(Object.hasOwn(scripts, script ?? ""), `${page}: ${words}`);
      }
    }
    assert.ok(
      Object.hasOwn(scripts, "start") && Object.hasOwn(scripts, "test"),
    );
  });

  it("name no file of the project that is not there", () => {
    const named = /`((?:src|tests|tools|wasm|bench|\.ci)\/[\w./]*)`/g;
    const linked = /\]\(([\w./]+)\)/g;
    for (const page of PAGES) {
      for (const pattern of [named, linked]) {
        for (const [, path] of read(page).matchAll(pattern)) {
          assert.ok(existsSync(new URL(path ?? "", ROOT)), `${page}: ${path}`);
        }
      }
    }
  });
});

interface Program {
  /** Its first line on standard output; rejects when it ends without one. */
  readonly firstLine: Promise<string>;
  /** Ends it; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Runs a file under the runtime that runs the tests. */
function startProgram(file: string): Program {
  const isBun = process.versions.bun !== undefined;
  const args = isBun ? [file] : ["run", "-A", "--quiet", file];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const line = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  let out = "";
  let error = "";
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
    if (out.includes("\n")) line.resolve(out.slice(0, out.indexOf("\n")));
  });
  child.stderr.on("data", (chunk) => {
    error += String(chunk);
  });
  child.on("error", (cause) => line.reject(cause));
  child.on("close", () => {
    line.reject(new Error(`it ended without a line: ${error}`));
    closed.resolve();
  });
  return {
    firstLine: line.promise,
    stop() {
      child.kill("SIGKILL");
      return closed.promise;
    },
  };
}
