/**
 * `gitsrv export`: folders that a web server which knows nothing of git hands
 * out. Real git clones them, follows them and finds them sound; what is hidden
 * is not in them; the same input gives the same bytes; and what has not changed
 * stays.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { exportRepositories } from "../../mod.ts";
import {
  commitTo as commit,
  contentsOf as contents,
  exportSource,
  refsOf,
} from "../support/exported.ts";
import { findProgram } from "../support/debian.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, gitSync, runProgram } from "../support/git.ts";
import { freePort, ourCommand, serverEnvironment } from "../support/server.ts";
import { after, before, describe, it } from "../support/test.ts";

const OLD = new Date(1_600_000_000_000);
const root = temporaryDirectory("export");
const site = join(root, "site");
let server: ChildProcess | undefined;
let url = "";

before(async () => {
  mkdirSync(site);
  const port = await freePort();
  server = spawn(findProgram("python3"), [
    ...["-m", "http.server", String(port), "--bind", "127.0.0.1"],
    ...["--directory", site],
  ], { stdio: "ignore" });
  url = `http://127.0.0.1:${port}`;
  for (;;) {
    const answer = await fetch(`${url}/`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

after(() => {
  server?.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

function source(name: string, format?: string): string {
  return exportSource(join(root, name), format);
}

/** The refs that a client is told, HEAD among them. */
async function told(address: string): Promise<string> {
  return (await git(["ls-remote", "--symref", address])).split("\n")
    .filter((line) => !line.includes("refs/hidden")).join("\n");
}

async function cloned(name: string): Promise<string> {
  const clone = join(temporaryDirectory("export-clone"), "c.git");
  await git(["clone", "-q", "--mirror", `${url}/${name}`, clone]);
  await git(["fsck", "--strict"], { cwd: clone });
  return clone;
}

describe("export", () => {
  for (const format of ["sha1", "sha256"]) {
    it(`is cloned and followed over plain HTTP: ${format}`, async () => {
      const path = source(`follow-${format}.git`, format);
      const name = `follow-${format}`;
      const out = join(site, name);
      await exportRepositories({ directories: [path], out });
      assert.equal(await told(`${url}/${name}`), await told(path));
      const clone = await cloned(name);
      for (let round = 0; round < 3; round++) {
        commit(path, "refs/heads/main", 1);
        await exportRepositories({ directories: [path], out });
        await git(["fetch", "-q"], { cwd: clone });
        assert.equal(
          gitSync(["rev-parse", "main"], { cwd: clone }),
          gitSync(["rev-parse", "main"], { cwd: path }),
        );
      }
      await git(["fsck", "--strict"], { cwd: clone });
      // One more pack each time, until they are gathered.
      const packs = () =>
        readdirSync(join(out, "objects/pack"))
          .filter((file) => file.endsWith(".pack"));
      assert.equal(packs().length, 4);
      const gather = { directories: [path], out, maxPacks: 2 };
      await exportRepositories(gather);
      assert.equal(packs().length, 4, "there is nothing new");
      commit(path, "refs/heads/main", 1);
      const listed = () =>
        readFileSync(join(out, "objects/info/packs"), "latin1").match(/^P/gm);
      const unlisted = packs();
      await exportRepositories(gather);
      assert.equal(listed()?.length, 1);
      // Who is reading the old ones goes on.
      assert.equal(packs().length, 5);
      await exportRepositories(gather);
      assert.equal(packs().length, 5);
      // After an hour nobody is.
      const past = new Date(Date.now() - 3_601_000);
      for (const pack of unlisted) {
        for (const file of [pack, pack.replace(/pack$/, "idx")]) {
          utimesSync(join(out, "objects/pack", file), past, past);
        }
      }
      await exportRepositories(gather);
      assert.equal(packs().length, 1);
      assert.equal(readdirSync(join(out, "objects/pack")).length, 2);
      await git(["fetch", "-q"], { cwd: clone });
      await cloned(name);
    });
  }

  it("leaves out what is hidden, even where it was shown before", async () => {
    const path = source("hidden.git");
    const out = join(site, "hidden");
    const has = async (oid: string) => {
      const pack = readdirSync(join(out, "objects/pack"))
        .find((name) => name.endsWith(".idx")) as string;
      const shown = await git(
        ["verify-pack", "-v", join(out, "objects/pack", pack)],
      );
      return shown.includes(oid);
    };
    const secret = gitSync(["rev-parse", "refs/hidden/x"], { cwd: path })
      .trim();
    await exportRepositories({ directories: [path], out, keepOldMs: 0 });
    assert.ok(!await has(secret));
    gitSync(["config", "--unset", "transfer.hideRefs"], { cwd: path });
    await exportRepositories({
      directories: [path],
      out,
      maxPacks: 1,
      keepOldMs: 0,
    });
    assert.ok(await has(secret));
    gitSync(["config", "uploadpack.hideRefs", "refs/hidden"], { cwd: path });
    await exportRepositories({ directories: [path], out, keepOldMs: 0 });
    assert.ok(!await has(secret));
    assert.equal(readdirSync(join(out, "objects/pack")).length, 2);
    assert.doesNotMatch(readFileSync(join(out, "info/refs"), "latin1"), /hid/);
  });

  it("gives the same bytes again, and keeps those that stay", async () => {
    const path = source("same.git");
    const [one, other] = ["one", "other"].map((name) => join(root, name)) as [
      string,
      string,
    ];
    await exportRepositories({ directories: [path], out: one });
    await exportRepositories({ directories: [path], out: other });
    assert.deepEqual(contents(one), contents(other));
    const names = [...contents(one).keys()];
    for (const name of names) utimesSync(join(one, name), OLD, OLD);
    const [again] = await exportRepositories({ directories: [path], out: one });
    assert.deepEqual(again, { name: "", written: [] });
    gitSync(["update-ref", "refs/heads/second", "main"], { cwd: path });
    const [more] = await exportRepositories({ directories: [path], out: one });
    assert.deepEqual([...more?.written ?? []].sort(), [
      "index.html",
      "info/refs",
    ]);
    assert.equal(more?.pack, undefined);
    const changed = ["info/refs", "index.html"];
    const isOld = names.filter((name) =>
      statSync(join(one, name)).mtimeMs === OLD.getTime()
    );
    assert.deepEqual(isOld, names.filter((name) => !changed.includes(name)));
  });

  it("exports several, with a page that lists them", async () => {
    const [a, b] = ["several-a.git", "several-b"].map((name) => source(name));
    writeFileSync(join(b as string, "description"), "<b> & \u202eco\n");
    const command = ourCommand();
    const run = await runProgram(command.program, [
      ...[...command.args, "export", a as string, `${b}/`],
      ...["--out", "site/several", "--url=https://example.com/git"],
    ], { cwd: root, env: serverEnvironment() });
    assert.equal(run.stderr, "");
    assert.equal(run.code, 0);
    const list = readFileSync(join(site, "several/index.html"), "utf8");
    for (const name of ["several-a.git", "several-b.git"]) {
      await cloned(`several/${name}`);
      assert.ok(list.includes(`<a href="${name}/">`));
      assert.ok(list.includes(`git clone https://example.com/git/${name}`));
    }
    assert.ok(list.includes("&lt;b&gt; &amp; \ufffdco"));
    const page = readFileSync(
      join(site, "several/several-b.git/index.html"),
      "utf8",
    );
    assert.ok(page.includes("<dd><code><bdi>main<"));
    assert.ok(page.includes('<a href="../">'));
    assert.ok(page.includes("&lt;b&gt; &amp; \ufffdco"));
  });

  it("has a HEAD that works, whatever it was", async () => {
    const path = source("head.git");
    const out = join(site, "head");
    const cases: [string[], RegExp][] = [
      [["update-ref", "--no-deref", "HEAD", "main~1"], /^[0-9a-f]{40}\n$/],
      [["symbolic-ref", "HEAD", "refs/hidden/x"], /^ref: refs\/heads\/main\n$/],
      [["symbolic-ref", "HEAD", "refs/heads/none"], /main\n$/],
      [["symbolic-ref", "HEAD", "refs/heads/main"], /main\n$/],
    ];
    for (const [args, expected] of cases) {
      gitSync(args, { cwd: path });
      await exportRepositories({ directories: [path], out });
      assert.match(readFileSync(join(out, "HEAD"), "latin1"), expected);
      const clone = join(temporaryDirectory("export-clone"), "work");
      await git(["clone", "-q", `${url}/head`, clone]);
      assert.ok(existsSync(join(clone, "f")));
    }
    const empty = join(root, "empty.git");
    gitSync(["init", "-q", "--bare", empty]);
    await exportRepositories({
      directories: [empty],
      out: join(site, "empty"),
    });
    await cloned("empty");
  });

  it("takes what others lend, and refuses what is not all there", async () => {
    const path = source("lender.git");
    const shared = join(root, "shared.git");
    gitSync(["clone", "-q", "--bare", "--shared", path, shared]);
    await exportRepositories({
      directories: [shared],
      out: join(site, "shared"),
    });
    await cloned("shared");
    const shallow = join(root, "shallow.git");
    gitSync(["clone", "-q", "--bare", "--depth=1", `file://${path}`, shallow]);
    const out = join(root, "refused");
    await assert.rejects(
      exportRepositories({ directories: [shallow], out }),
      { code: "shallow" },
    );
    assert.ok(!existsSync(out));
    await assert.rejects(
      exportRepositories({ directories: [join(root, "none")], out }),
      { code: "no-such-repository" },
    );
    await assert.rejects(
      exportRepositories({ directories: [path, `${path}/.`], out }),
      { code: "usage" },
    );
  });
});

describe("export --check", () => {
  it("tells folders that can be used from those that cannot", async () => {
    const path = source("checked.git");
    const out = join(site, "checked");
    await exportRepositories({ directories: [path], out });
    const { program, args } = ourCommand();
    const run = (address: string) =>
      runProgram(program, [...args, "export", `--check=${address}`], {
        env: serverEnvironment(),
      });
    const good = await run(`${url}/checked`);
    assert.equal(good.stdout, `${url}/checked: 4 refs, 1 packs\n`);
    assert.equal(good.code, 0);
    const pack = readdirSync(join(out, "objects/pack"))
      .find((name) => name.endsWith(".pack")) as string;
    rmSync(join(out, "objects/pack", pack));
    const lacking = await run(`${url}/checked/`);
    assert.equal(lacking.stderr, `error: objects/pack/${pack} answers 404\n`);
    assert.equal(lacking.code, 1);
    const none = await run(`${url}/nothing`);
    assert.match(none.stderr, /^error: info\/refs answers 404\n/);
    assert.equal(none.code, 1);
    await exportRepositories({
      directories: [path],
      out: join(site, "single-page"),
    });
    // A server of single-page applications, which has a page for everything.
    const spa = createServer((request, response) => {
      const file = join(site, "single-page", request.url ?? "");
      const isFile = existsSync(file) && statSync(file).isFile();
      if (!isFile) response.setHeader("Content-Type", "text/html");
      response.end(isFile ? readFileSync(file) : "<!DOCTYPE html>");
    });
    const port = await new Promise<number>((resolve) =>
      spa.listen(0, "127.0.0.1", () => {
        resolve((spa.address() as { port: number }).port);
      })
    );
    try {
      const unusable = await run(`http://127.0.0.1:${port}`);
      assert.equal(unusable.code, 1);
      assert.match(
        unusable.stderr,
        /^error: what is not there is answered by 200, with a page, not by 404/,
      );
    } finally {
      await new Promise((resolve) => spa.close(resolve));
    }
    const gone = await run(`http://127.0.0.1:${port}`);
    assert.match(gone.stderr, /^fatal: cannot read 'http:/);
    assert.equal(gone.code, 128);
    assert.equal((await run("file:///x")).code, 129);
  });
});

describe("export --watch", () => {
  it("exports what changes, until it is told to stop", async () => {
    const path = source("watched.git");
    const out = join(site, "watched");
    const { program, args } = ourCommand();
    const child = spawn(
      program,
      [...args, "export", path, `--out=${out}`, "--watch"],
      { stdio: ["ignore", "pipe", "inherit"], env: serverEnvironment() },
    );
    const ended = new Promise((resolve) =>
      child.on("close", (code, signal) => resolve(signal ?? code))
    );
    const lines: string[] = [];
    let heard = () => {};
    child.stdout.on("data", (bytes) => {
      lines.push(String(bytes));
      heard();
    });
    const line = async (count: number) => {
      while (lines.length < count) {
        await new Promise<void>((resolve) => heard = resolve);
      }
    };
    await line(1);
    commit(path, "refs/heads/main", 1);
    const tip = gitSync(["rev-parse", "main"], { cwd: path }).trim();
    await line(2);
    assert.ok(refsOf(out).includes(tip));
    // By its number: child.kill would be told as how it ended on Deno.
    process.kill(child.pid as number, "SIGTERM");
    assert.equal(await ended, 0);
    await cloned("watched");
  });
});
