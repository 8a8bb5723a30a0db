/**
 * Clones by real git that asks for plain files, and each such file beside what
 * `git http-backend` answers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  DictBackend,
  expandNamespace,
  FileSystemBackend,
  MemoryRepository,
  type RunningServer,
  serveHttp,
} from "../../mod.ts";
import { findProgram } from "../support/debian.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { smallRepository } from "../support/fixture_small.ts";
import { git, gitSync, runProgram } from "../support/git.ts";
import { fsck, refs } from "../support/git_repository.ts";
import {
  askHttpBackend,
  type HttpOutcome,
  type HttpTrial,
} from "../support/http_backend.ts";
import {
  convertToReftable,
  encodeReftable,
  writeStack,
} from "../support/reftable.ts";
import { after, before, describe, it } from "../support/test.ts";

const DUMB = { GIT_SMART_HTTP: "0" };

function urlOf(server: RunningServer | undefined, path: string): string {
  return `http://127.0.0.1:${server?.port}${path}`;
}

/** Has git answer for a file of an exported repository. */
function askGit(
  root: string,
  target: string,
  { method = "GET", env = {} }: Partial<Pick<HttpTrial, "method" | "env">> = {},
): Promise<HttpOutcome> {
  return askHttpBackend(root, {
    method,
    target,
    headers: {},
    env: { GIT_HTTP_EXPORT_ALL: "1", ...env },
  });
}

/** Clones everything that is shown, and says what came. */
async function cloned(url: string, to: string): Promise<readonly string[]> {
  // To another repository's objects git goes only where it may be redirected.
  await git(
    ["-c", "http.followRedirects=true", "clone", "-q", "--mirror", url, to],
    { env: DUMB },
  );
  const { code, lines } = await fsck(to);
  assert.equal(code, 0, lines.join("\n"));
  return await refs(to);
}

function packsOf(path: string): string[] {
  return readdirSync(join(path, "objects/pack")).filter((name) =>
    name.endsWith(".pack")
  );
}

/** Puts what each of some commits adds into a pack of its own. */
function packApart(path: string, commits: readonly string[]): void {
  let before = "";
  for (const commit of commits) {
    gitSync(["pack-objects", "-q", "--revs", "objects/pack/pack"], {
      cwd: path,
      input: `${commit}\n${before === "" ? "" : `^${before}\n`}`,
    });
    before = commit;
  }
  gitSync(["prune-packed", "-q"], { cwd: path });
  // git lists the youngest first, by seconds.
  packsOf(path).forEach((name, i) => {
    utimesSync(join(path, "objects/pack", name), 1e9 + i, 1e9 + i);
  });
}

describe("a dumb clone", () => {
  const root = temporaryDirectory("dumb");
  let server: RunningServer | undefined;

  before(async () => {
    smallRepository(join(root, "loose.git"));
    const packed = join(root, "packed.git");
    smallRepository(packed, { label: "packed" });
    gitSync(["repack", "-qad"], { cwd: packed });
    const many = join(root, "many.git");
    const { main, parent } = smallRepository(many, { label: "many" });
    const refsOfMany = gitSync(["rev-parse", "v1", "refs/hidden/one"], {
      cwd: many,
    });
    packApart(many, [parent, main, ...refsOfMany.trim().split("\n")]);
    const borrower = join(root, "borrower.git");
    gitSync(["clone", "-q", "--mirror", "--shared", packed, borrower]);
    writeFileSync(
      join(borrower, "objects/info/alternates"),
      "../../packed.git/objects\n",
    );
    smallRepository(join(root, "sha256.git"), { format: "sha256" });
    const tables = join(root, "reftable.git");
    const { main: tip, tag } = smallRepository(tables, { label: "reftable" });
    convertToReftable(tables);
    const { bytes } = encodeReftable([
      { name: "HEAD", symref: "refs/heads/main" },
      { name: "refs/heads/main", oid: tip },
      { name: "refs/tags/v1", oid: tag, peeled: tip },
    ]);
    writeStack(tables, [{ name: "a.ref", bytes }]);
    const detached = join(root, "detached.git");
    smallRepository(detached, { label: "detached" });
    gitSync(["update-ref", "--no-deref", "HEAD", "main^"], { cwd: detached });
    gitSync(["init", "-q", "--bare", join(root, "unborn.git")]);
    server = await serveHttp({
      backend: new FileSystemBackend(root),
      port: 0,
      limits: { workers: 1 },
    });
  });
  after(() => server?.close());

  for (
    const name of [
      ...["loose", "packed", "many", "borrower", "sha256", "reftable"],
      ...["detached", "unborn"],
    ]
  ) {
    it(`of ${name}.git has every ref, and its objects`, async () => {
      const url = urlOf(server, `/${name}.git`);
      const found = await cloned(url, join(root, `clones/${name}`));
      // `git` cannot read reftables everywhere: ask the server.
      const shown = await git(["ls-remote", url]);
      const expected = shown.split("\n").filter((line) =>
        line !== "" && !/\^\{\}$|\tHEAD$/.test(line)
      ).map((line) => line.replace("\t", " "));
      assert.deepEqual(found, expected);
      assert.equal(found.length > 0, name !== "unborn");
    });
  }

  it("checks HEAD's branch out, or the commit that is detached", async () => {
    for (const [name, head] of [["loose", "main"], ["detached", "HEAD"]]) {
      const to = join(root, `checkouts/${name}`);
      const url = urlOf(server, `/${name}.git`);
      await git(["clone", "-q", url, to], { env: DUMB });
      const found = await git(["rev-parse", "--abbrev-ref", "HEAD"], {
        cwd: to,
      });
      assert.equal(found.trim(), head);
    }
  });

  it("fetches what has come since", async () => {
    const to = join(root, "clones/later");
    const from = join(root, "later.git");
    smallRepository(from, { label: "later" });
    await cloned(urlOf(server, "/later.git"), to);
    const tree = gitSync(["rev-parse", "main^{tree}"], { cwd: from }).trim();
    const next = gitSync(
      ["commit-tree", "-p", "main", "-m", "next", tree],
      { cwd: from },
    ).trim();
    gitSync(["update-ref", "refs/heads/main", next], { cwd: from });
    await git(["fetch", "-q"], { cwd: to, env: DUMB });
    gitSync(["repack", "-qad"], { cwd: from });
    gitSync(["update-ref", "refs/heads/more", next], { cwd: from });
    await git(["fetch", "-q"], { cwd: to, env: DUMB });
    assert.deepEqual(await refs(to), await refs(from));
    assert.equal((await fsck(to)).code, 0);
  });
});

describe("a dumb clone of a namespace", () => {
  it("has its refs alone, and its HEAD as git has it", async () => {
    const root = temporaryDirectory("dumb-namespace");
    const path = join(root, "all.git");
    const { parent, tag } = smallRepository(path);
    const inside = "refs/namespaces/a/";
    const run = (...args: readonly string[]) => gitSync(args, { cwd: path });
    run("update-ref", `${inside}refs/heads/trunk`, parent);
    run("update-ref", `${inside}refs/tags/v1`, tag);
    run("symbolic-ref", `${inside}HEAD`, `${inside}refs/heads/trunk`);
    await using server = await serveHttp({
      backend: new FileSystemBackend(root),
      port: 0,
      terms: { namespace: expandNamespace("a") },
      limits: { workers: 1 },
    });
    const found = await cloned(urlOf(server, "/all.git"), join(root, "clone"));
    assert.deepEqual(found, [
      `${parent} refs/heads/trunk`,
      `${tag} refs/tags/v1`,
    ]);
    for (const file of ["/all.git/HEAD", "/all.git/info/refs"]) {
      const ours = await fetch(urlOf(server, file));
      const { body } = await askGit(root, file, {
        env: { GIT_NAMESPACE: "a" },
      });
      assert.equal(await ours.text(), body);
    }
  });
});

describe("a dumb clone of a repository in memory", () => {
  it("is made of loose objects, large ones among them", async () => {
    const repository = new MemoryRepository();
    // More than is compressed in one go, and less than compressible.
    const large = new Uint8Array(3 << 20).map((_, i) => (i * i) >>> 7);
    const tree = repository.addTree([
      { mode: 0o100644, name: "large", oid: repository.addBlob(large) },
      { mode: 0o100644, name: "small", oid: repository.addBlob("small\n") },
    ]);
    const person = { name: "A", email: "a@example.com", time: 1_700_000_000 };
    const commit = repository.addCommit({
      tree,
      message: "All of it\n",
      author: person,
    });
    repository.setRef("refs/heads/main", commit);
    const root = temporaryDirectory("dumb-memory");
    await using server = await serveHttp({
      backend: new DictBackend({ "a.git": repository }),
      port: 0,
      limits: { workers: 0 },
    });
    const url = urlOf(server, "/a.git");
    const found = await cloned(url, join(root, "clone"));
    assert.deepEqual(found, [`${commit} refs/heads/main`]);
    const packs = await fetch(`${url}/objects/info/packs`);
    assert.equal(await packs.text(), "\n");
    const none = await fetch(`${url}/objects/${"12".repeat(20)}`);
    assert.equal(none.status, 404);
    await none.body?.cancel();
  });
});

describe("each plain file", () => {
  const root = temporaryDirectory("dumb-files");
  const path = join(root, "a.git");
  let server: RunningServer | undefined;
  let pack: string;
  let loose: string;

  before(async () => {
    const { main, parent, blob } = smallRepository(path);
    packApart(path, [parent, main]);
    pack = `objects/pack/${packsOf(path)[0]}`;
    const id = gitSync(["hash-object", "-w", "--stdin"], {
      cwd: path,
      input: "loose\n",
    }).trim();
    loose = `objects/${id.slice(0, 2)}/${id.slice(2)}`;
    assert.ok(blob !== id);
    writeFileSync(join(path, "objects/info/alternates"), "/nowhere/objects\n");
    writeFileSync(join(path, "objects/info/http-alternates"), "/b.git/o\n");
    for (const name of ["hooks", "logs"]) mkdirSync(join(path, name));
    writeFileSync(join(path, "hooks/x"), "#!/bin/sh\n");
    writeFileSync(join(path, "logs/HEAD"), "secret\n");
    server = await serveHttp({
      backend: new FileSystemBackend(root),
      port: 0,
      limits: { workers: 1 },
    });
  });
  after(() => server?.close());

  const ask = (name: string, init: RequestInit = {}) =>
    fetch(urlOf(server, `/a.git/${name}`), init);
  const statusOf = async (name: string, init: RequestInit = {}) => {
    const { status, body } = await ask(name, init);
    await body?.cancel();
    return status;
  };

  it("comes as from git http-backend", async () => {
    const names = [
      ...["HEAD", "info/refs", "objects/info/packs", loose, pack],
      ...["objects/info/alternates", "objects/info/http-alternates"],
      pack.replace(/pack$/, "idx"),
    ];
    for (const name of names) {
      for (const method of ["GET", "HEAD"]) {
        const theirs = await askGit(root, `/a.git/${name}`);
        const ours = await ask(name, { method });
        assert.equal(ours.status, theirs.status, name);
        for (const [key, value] of Object.entries(theirs.headers)) {
          const found = ours.headers.get(key);
          if (key === "date") continue;
          if (key === "expires" && theirs.headers.date !== undefined) {
            // A year from now, in another spelling.
            assert.ok(
              Math.abs(Date.parse(found ?? "") - Date.parse(value)) < 6e5,
            );
          } else if (key === "last-modified") {
            assert.equal(Date.parse(found ?? ""), Date.parse(value), name);
          } else {
            assert.equal(found, value, `${method} ${name}: ${key}`);
          }
        }
        const body = Buffer.from(await ours.arrayBuffer());
        assert.deepEqual(
          body,
          method === "HEAD"
            ? Buffer.alloc(0)
            : Buffer.from(theirs.body, "latin1"),
          name,
        );
      }
    }
  });

  it("is refused, absent, or of another method as with git", async () => {
    const cases = [
      ...["GET config", "GET hooks/x", "GET logs/HEAD", "GET packed-refs"],
      ...["GET objects/pack/multi-pack-index", "GET objects", "GET x"],
      ...["POST HEAD", "PUT info/refs", `DELETE ${pack}`, `POST ${loose}`],
      ...[`GET ${pack.replace(/pack$/, "rev")}`, "GET objects/info/x"],
      `GET objects/pack/pack-${"0".repeat(40)}.pack`,
      `GET objects/00/${"0".repeat(38)}`,
      `GET ${loose.slice(0, -1)}`,
    ];
    for (const each of cases) {
      const [method = "", name = ""] = each.split(" ");
      const theirs = await askGit(root, `/a.git/${name}`, { method });
      const ours = await ask(name, { method });
      assert.equal(ours.status, theirs.status, each);
      assert.equal(
        ours.headers.get("allow"),
        theirs.headers.allow ?? null,
      );
      await ours.body?.cancel();
    }
    assert.equal(await statusOf("objects/info/../../config"), 404);
    assert.equal(await statusOf("objects/info/%2e%2e/%2e%2e/config"), 404);
    assert.equal(await statusOf("objects/info/..%2f..%2fconfig"), 404);
  });

  it("is kept from everybody by http.getanyfile", async () => {
    const other = join(root, "none.git");
    smallRepository(other);
    gitSync(["config", "http.getanyfile", "false"], { cwd: other });
    for (const name of ["HEAD", "info/refs", "objects/info/packs"]) {
      const path = `/none.git/${name}`;
      const ours = await fetch(urlOf(server, path));
      assert.equal(ours.status, (await askGit(root, path)).status);
      assert.equal(await ours.text(), "Unsupported service: getanyfile\n");
    }
  });

  it("may be kept if it never changes, and not otherwise", async () => {
    for (const name of ["HEAD", "info/refs", "objects/info/packs"]) {
      const { headers, body } = await ask(name);
      assert.match(headers.get("cache-control") ?? "", /^no-cache/, name);
      await body?.cancel();
    }
    const authorization = `Basic ${btoa("a:b")}`;
    for (const name of [pack, loose]) {
      const open = await ask(name);
      const closed = await ask(name, { headers: { authorization } });
      const age = "max-age=31536000";
      assert.equal(open.headers.get("cache-control"), `public, ${age}`);
      assert.equal(closed.headers.get("cache-control"), `private, ${age}`);
      await open.body?.cancel();
      await closed.body?.cancel();
    }
  });

  it("comes in parts that are those of the whole", async () => {
    const whole = readFileSync(join(path, pack));
    const { length } = whole;
    const middle = length >> 1;
    const ranges: readonly (readonly [string, number, number, number])[] = [
      [`bytes=0-${middle - 1}`, 206, 0, middle],
      [`bytes=${middle}-`, 206, middle, length],
      ["bytes=-7", 206, length - 7, length],
      [`bytes=${length}-`, 416, 0, 0],
      ["bytes=-0", 416, 0, 0],
      ["bytes=9-3", 200, 0, length],
      ["lines=0-1", 200, 0, length],
      [`bytes=${"0-0,".repeat(2_000)}1-1`, 200, 0, length],
    ];
    for (const [range, status, start, end] of ranges) {
      const label = range.slice(0, 40);
      const answer = await ask(pack, { headers: { range } });
      assert.equal(answer.status, status, label);
      const body = Buffer.from(await answer.arrayBuffer());
      if (status === 416) {
        assert.equal(answer.headers.get("content-range"), `bytes */${length}`);
        continue;
      }
      assert.deepEqual(body, whole.subarray(start, end), label);
      if (status !== 206) continue;
      assert.equal(
        answer.headers.get("content-range"),
        `bytes ${start}-${end - 1}/${length}`,
      );
    }
  });

  it("is not sent again to who has it", async () => {
    for (const name of [pack, loose, "info/refs", "HEAD"]) {
      const first = await ask(name);
      const tag = first.headers.get("etag") ?? "";
      assert.match(tag, /^"[0-9a-z-]+"$/, name);
      await first.body?.cancel();
      const again = await ask(name, { headers: { "if-none-match": tag } });
      assert.equal(again.status, 304, name);
      assert.equal(again.headers.get("etag"), tag);
      assert.equal(await again.text(), "");
      const range = { range: "bytes=1-2" };
      const held = { ...range, "if-range": tag };
      assert.equal(await statusOf(name, { headers: held }), 206);
      const lost = { ...range, "if-range": '"other"' };
      assert.equal(await statusOf(name, { headers: lost }), 200);
    }
    const date = (await ask(pack)).headers.get("last-modified") ?? "";
    const since = { "if-modified-since": date };
    assert.equal(await statusOf(pack, { headers: since }), 304);
  });

  it("is gone on with by curl where it stopped", async () => {
    const to = join(root, "part.pack");
    const whole = readFileSync(join(path, pack));
    writeFileSync(to, whole.subarray(0, 100));
    const { code, stderr } = await runProgram(findProgram("curl"), [
      ...["-sS", "--fail", "-C", "-", "-o", to],
      urlOf(server, `/a.git/${pack}`),
    ]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(readFileSync(to), whole);
  });

  it("is not there while it is written, or where it leads out", async () => {
    const other = join(root, "odd.git");
    smallRepository(other);
    gitSync(["repack", "-qad"], { cwd: other });
    const [name = ""] = packsOf(other);
    const file = join(other, "objects/pack", name);
    const index = file.replace(/pack$/, "idx");
    const url = `objects/pack/${name}`;
    const odd = async (of: string) => {
      const { status, body } = await fetch(urlOf(server, `/odd.git/${of}`));
      await body?.cancel();
      return status;
    };
    assert.equal(await odd(url), 200);
    renameSync(index, `${index}.kept`);
    assert.equal(await odd(url), 404);
    const list = await fetch(urlOf(server, "/odd.git/objects/info/packs"));
    assert.equal(await list.text(), "\n");
    renameSync(`${index}.kept`, index);
    const bytes = readFileSync(file);
    rmSync(file);
    writeFileSync(file, bytes.subarray(0, -1));
    assert.equal(await odd(url), 404);
    assert.equal(await odd(url.replace(/pack$/, "idx")), 404);
    rmSync(file);
    const outside = join(temporaryDirectory("dumb-outside"), "a.pack");
    writeFileSync(outside, bytes);
    symlinkSync(outside, file);
    assert.equal(await odd(url), 404);
    rmSync(file);
    await runProgram("mkfifo", [file]);
    assert.equal(await odd(url), 404);
    rmSync(file);
    writeFileSync(file, bytes);
    assert.equal(await odd(url), 200);
    mkdirSync(join(other, "objects/ab"), { recursive: true });
    symlinkSync(join(path, loose), join(other, "objects/ab", "0".repeat(38)));
    assert.equal(await odd(`objects/ab/${"0".repeat(38)}`), 404);
    writeFileSync(join(other, "objects/ab", "1".repeat(38)), "");
    assert.equal(await odd(`objects/ab/${"1".repeat(38)}`), 404);
    symlinkSync("/etc/passwd", join(other, "objects/info/alternates"));
    assert.equal(await odd("objects/info/alternates"), 404);
  });

  it("is broken off where it changes on the way", async () => {
    const other = join(root, "cut.git");
    smallRepository(other, { bigMebibytes: 24 });
    const [name = ""] = packsOf(other);
    const answer = await fetch(urlOf(server, `/cut.git/objects/pack/${name}`));
    assert.equal(answer.status, 200);
    const reader = answer.body?.getReader();
    await reader?.read();
    truncateSync(join(other, "objects/pack", name), 1000);
    await assert.rejects(async () => {
      while ((await reader?.read())?.done === false) { /* on */ }
    });
  });

  it("shows no refs that are hidden", async () => {
    const other = join(root, "hiding.git");
    const { hidden } = smallRepository(other);
    gitSync(["config", "transfer.hideRefs", "refs/hidden"], { cwd: other });
    const shown = await fetch(urlOf(server, "/hiding.git/info/refs"));
    const text = await shown.text();
    assert.match(text, /\trefs\/heads\/main\n/);
    assert.ok(!text.includes(hidden));
  });
});
