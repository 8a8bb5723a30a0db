/**
 * `gitsrv export --bundle`: a bundle that git takes for sound, clones from and
 * finds by the list, from a plain web server and from a server that includes
 * the list in its configuration.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { exportRepositories } from "../../mod.ts";
import { commitTo, contentsOf, exportSource } from "../support/exported.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { git, gitSync, runProgram, tryGit } from "../support/git.ts";
import { ourCommand, serverEnvironment } from "../support/server.ts";
import { startStaticNginx } from "../support/static_nginx.ts";
import type { WebServer } from "../support/web_server.ts";
import { after, before, describe, it } from "../support/test.ts";

const OLD = new Date(1_600_000_000_000);
const root = temporaryDirectory("export-bundle");
const site = join(root, "site");
let server: WebServer | undefined;

before(async () => {
  server = await startStaticNginx(site);
});

after(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function bundles(out: string): string[] {
  return readdirSync(join(out, "bundles"));
}

/** The refs without the hidden ones. */
function refs(path: string): string {
  return gitSync(["for-each-ref", "--format=%(objectname) %(refname)"], {
    cwd: path,
  }).split("\n").filter((line) => !line.includes("hidden")).join("\n");
}

describe("export --bundle", () => {
  for (const format of ["sha1", "sha256"]) {
    it(`makes a bundle that git clones from: ${format}`, async () => {
      const path = exportSource(join(root, `${format}.git`), format);
      const out = join(site, format);
      const settings = { directories: [path], out, bundle: "all" } as const;
      await exportRepositories(settings);
      const [name = ""] = bundles(out);
      const bundle = join(out, "bundles", name);
      const verified = await tryGit(["bundle", "verify", bundle], {
        cwd: path,
      });
      assert.equal(verified.code, 0, verified.stderr);
      const heads = await git(["bundle", "list-heads", bundle]);
      gitSync(["update-ref", "-d", "refs/hidden/x"], { cwd: path });
      const theirs = join(root, `${format}.bundle`);
      await git(["bundle", "create", "-q", theirs, "--all"], { cwd: path });
      assert.equal(heads, await git(["bundle", "list-heads", theirs]));
      const head = (file: string) =>
        readFileSync(file, "latin1").split("\nPACK")[0];
      assert.equal(head(bundle)?.split("\n")[0], head(theirs)?.split("\n")[0]);
      const clone = join(root, `${format}-clone.git`);
      await git(["clone", "-q", "--mirror", bundle, clone]);
      await git(["fsck", "--strict"], { cwd: clone });
      assert.equal(refs(clone), refs(path));
      // What has not changed keeps its bytes and its time.
      utimesSync(bundle, OLD, OLD);
      const [again] = await exportRepositories(settings);
      assert.deepEqual(again?.written, []);
      assert.equal(statSync(bundle).mtimeMs, OLD.getTime());
      // A second pack: the bundle has all the same.
      commitTo(path, "refs/heads/main", 1);
      await exportRepositories({ ...settings, keepOldMs: 0 });
      const [next = "", ...others] = bundles(out);
      assert.deepEqual(others, []);
      assert.notEqual(next, name);
      const second = join(root, `${format}-second.git`);
      await git([
        "clone",
        "-q",
        "--mirror",
        join(out, "bundles", next),
        second,
      ]);
      await git(["fsck", "--strict"], { cwd: second });
      assert.equal(refs(second), refs(path));
      // A fresh folder has the same list.
      const fresh = join(root, `${format}-fresh`);
      await exportRepositories({ ...settings, out: fresh });
      const list = contentsOf(out).get("bundle-list");
      assert.equal(contentsOf(fresh).get("bundle-list"), list);
      // It goes when it is not wanted any more.
      await exportRepositories({ directories: [path], out, keepOldMs: 0 });
      assert.ok(!existsSync(join(out, "bundle-list")));
      assert.ok(!existsSync(join(out, "bundles")));
    });
  }

  it("lists it for git clone --bundle-uri, and for servers", async () => {
    const path = exportSource(join(root, "listed.git"));
    const out = join(site, "listed");
    const url = server?.url("/listed") as string;
    const { program, args } = ourCommand();
    const { code, stderr } = await runProgram(program, [
      ...[...args, "export", path, "--out", out],
      ...["--bundle", `--url=${url}`, "--keep-old=0"],
    ], { env: serverEnvironment() });
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const list = join(out, "bundle-list");
    const value = (key: string) =>
      gitSync(["config", "--file", list, key]).trim();
    assert.equal(value("bundle.version"), "1");
    assert.equal(value("bundle.all.uri"), `${url}/bundles/${bundles(out)[0]}`);
    const clone = join(root, "listed-clone.git");
    await git([
      ...["clone", "-q", "--bare", `--bundle-uri=${url}/bundle-list`],
      ...[`file://${path}`, clone],
    ]);
    const found = gitSync(["for-each-ref", "refs/bundles"], { cwd: clone });
    assert.match(found, /refs\/bundles\/main\n/);
    // A server includes it.
    writeFileSync(
      join(path, "more"),
      `[include]\n\tpath = ${list}\n[uploadpack]\n\tadvertiseBundleURIs = true\n`,
    );
    gitSync(["config", "include.path", "more"], { cwd: path });
    const shown = gitSync(["config", "bundle.all.uri"], { cwd: path }).trim();
    assert.equal(shown, value("bundle.all.uri"));
  });

  it("makes none of a repository without refs", async () => {
    const path = join(root, "empty.git");
    gitSync(["init", "-q", "--bare", path]);
    const out = join(root, "empty");
    await exportRepositories({ directories: [path], out, bundle: "all" });
    assert.ok(!existsSync(join(out, "bundle-list")));
  });
});

describe("export, behind nginx", () => {
  it("is cloned, updated, fetched again, and sound", async () => {
    const path = exportSource(join(root, "served.git"));
    const out = join(site, "served");
    const url = server?.url("/served") as string;
    const clone = join(root, "served-clone");
    await exportRepositories({ directories: [path], out });
    await git(["clone", "-q", url, clone]);
    const tip = (ref: string, cwd: string) =>
      gitSync(["rev-parse", ref], { cwd });
    for (let round = 0; round < 2; round++) {
      commitTo(path, "refs/heads/main", 2);
      await exportRepositories({ directories: [path], out, maxPacks: 2 });
      await git(["pull", "-q"], { cwd: clone });
      assert.equal(tip("HEAD", clone), tip("main", path));
    }
    await git(["fetch", "-q"], { cwd: clone });
    await git(["fsck", "--strict"], { cwd: clone });
    const { program, args } = ourCommand();
    const checked = await runProgram(program, [
      ...[...args, "export", `--check=${url}`],
    ], { env: serverEnvironment() });
    assert.equal(checked.stderr, "");
    assert.equal(checked.code, 0);
    const pack = readdirSync(join(out, "objects/pack"))[0];
    const headers = async (name: string) => {
      const answer = await fetch(`${url}/${name}`);
      await answer.body?.cancel();
      return answer.headers.get("cache-control");
    };
    assert.match(await headers(`objects/pack/${pack}`) ?? "", /immutable/);
    assert.equal(await headers("info/refs"), "no-cache");
  });
});
