import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { toBinary } from "../../../../src/core/bytes.ts";
import { SHA256 } from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import type { RefSnapshot } from "../../../../src/storage/types.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git, gitSync, tryGit } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { before, beforeEach, describe, it } from "../../../support/test.ts";
import { countingFiles, describeRefs, failureOf, refStore } from "./support.ts";

const LATER = () => Date.now() + 60_000;

/** A bare repository with three commits and two annotated tags. */
function makeRepository(): { path: string; oids: string[]; tags: string[] } {
  const path = temporaryDirectory("refs");
  gitSync(["init", "-q", "--bare", path]);
  const run = (...args: string[]): string =>
    gitSync(args, { cwd: path }).trim();
  const tree = gitSync(["mktree"], { cwd: path, input: "" }).trim();
  const oids = ["one", "two", "three"].map((message) =>
    run("commit-tree", "-m", message, tree)
  );
  const tags = oids.slice(0, 2).map((oid, i) =>
    gitSync(["mktag"], {
      cwd: path,
      input: `object ${oid}\ntype commit\ntag t${i}\n` +
        "tagger A <a@example.com> 1700000000 +0000\n\nt\n",
    }).trim()
  );
  return { path, oids, tags };
}

const template = makeRepository();
const [ONE, TWO, THREE] = template.oids as [string, string, string];

function copyRepository(): string {
  const path = temporaryDirectory("refs-copy");
  assert.equal(spawnSync("cp", ["-a", `${template.path}/.`, path]).status, 0);
  return path;
}

async function gitRefs(path: string): Promise<string[]> {
  return lines(
    await git(
      ["for-each-ref", "--format=%(refname) %(objectname) %(symref)"],
      { cwd: path },
    ),
  );
}

/** As `git show-ref --head -d`, as far as the store knows what tags peel to. */
async function assertShowRef(
  snapshot: RefSnapshot,
  path: string,
  label: string,
): Promise<void> {
  const shown = new Map<string, string>();
  const { stdout } = await tryGit(["show-ref", "--head", "-d"], { cwd: path });
  for (const line of lines(stdout)) {
    shown.set(line.slice(41), line.slice(0, 40));
  }
  assert.equal(snapshot.head?.oid, shown.get("HEAD"), label);
  for (const ref of snapshot.list("")) {
    const peeled = shown.get(`${ref.name}^{}`);
    if (ref.peeled !== undefined) {
      assert.equal(ref.peeled ?? undefined, peeled, `${label}: ${ref.name}`);
    }
  }
}

describe("FileRefStore", () => {
  let path = "";
  const write = (name: string, text: string): void => {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  };
  const read = (): { refs: RefSnapshot; lines: string[] } => {
    const { store, lines } = refStore(path);
    return { refs: store.readNow(), lines };
  };

  beforeEach(() => {
    path = copyRepository();
  });

  it("reads an unborn repository", () => {
    const { refs, lines } = read();
    assert.equal(refs.size, 0);
    assert.deepEqual(refs.head, { target: "refs/heads/main" });
    assert.deepEqual([...refs.list("")], []);
    assert.deepEqual(lines, []);
  });

  it("lets loose refs win over packed ones, and merges both in order", async () => {
    await git(["update-ref", "refs/heads/main", ONE], { cwd: path });
    await git(["update-ref", "refs/heads/zed", ONE], { cwd: path });
    await git(["pack-refs", "--all"], { cwd: path });
    await git(["update-ref", "refs/heads/main", TWO], { cwd: path });
    await git(["update-ref", "refs/heads/new", TWO], { cwd: path });
    const { refs } = read();
    assert.deepEqual(describeRefs(refs), [
      `refs/heads/main ${TWO} `,
      `refs/heads/new ${TWO} `,
      `refs/heads/zed ${ONE} `,
    ]);
    assert.equal(refs.size, 3);
    assert.equal(refs.get("refs/heads/zed" as RefName)?.oid, ONE);
    assert.equal(refs.get("refs/heads/main" as RefName)?.oid, TWO);
    assert.equal(refs.get("refs/heads/mai" as RefName), undefined);
    assert.deepEqual([...refs.list("refs/heads/n")].map((ref) => ref.name), [
      "refs/heads/new",
    ]);
    assert.deepEqual(refs.head, { target: "refs/heads/main", oid: TWO });
  });

  it("skips torn and garbage refs, and says so once", () => {
    write("refs/heads/empty", "");
    write("refs/heads/short", "1234");
    write("refs/heads/zeros", "\0".repeat(41));
    write("refs/heads/null", `${"0".repeat(40)}\n`);
    write("refs/heads/tail", `${ONE}x\n`);
    write("refs/heads/long", "x".repeat(100_000));
    write("refs/heads/bad..name", `${ONE}\n`);
    write("refs/heads/to-bad", "ref: refs/heads/a..b\n");
    write("refs/heads/to-file", "ref: config\n");
    write("refs/heads/good", `${ONE} trailing\n`);
    write("refs/heads/held.lock", `${ONE}\n`);
    write("refs/heads/.hidden", `${ONE}\n`);
    const { store, lines } = refStore(path);
    assert.deepEqual(describeRefs(store.readNow()), [
      `refs/heads/good ${ONE} `,
    ]);
    assert.equal(lines.length, 9, lines.join("\n"));
    assert.ok(
      lines.includes("ignoring ref with broken name refs/heads/bad..name"),
    );
    store.readNow();
    assert.equal(lines.length, 9);
  });

  it("lets a broken loose ref hide the packed one, as git does", async () => {
    await git(["update-ref", "refs/heads/x", ONE], { cwd: path });
    await git(["update-ref", "refs/heads/y", ONE], { cwd: path });
    await git(["pack-refs", "--all"], { cwd: path });
    write("refs/heads/x", "torn");
    write("refs/heads/y", "ref: refs/heads/nowhere\n");
    const { refs } = read();
    assert.deepEqual(describeRefs(refs), await gitRefs(path));
    assert.deepEqual(describeRefs(refs), []);
    assert.equal(refs.get("refs/heads/x" as RefName), undefined);
    assert.equal(refs.get("refs/heads/y" as RefName), undefined);
    assert.equal(refs.size, 0);
  });

  it("is not held up by FIFOs and directories in place of refs", async () => {
    await git(["update-ref", "refs/heads/x", ONE], { cwd: path });
    await git(["pack-refs", "--all"], { cwd: path });
    mkdirSync(join(path, "refs/heads/x/y"), { recursive: true });
    assert.equal(
      spawnSync("mkfifo", [join(path, "refs/heads/fifo")]).status,
      0,
    );
    const { refs, lines } = read();
    assert.deepEqual(describeRefs(refs), [`refs/heads/x ${ONE} `]);
    assert.deepEqual(lines, [
      "ignoring broken ref: not a file refs/heads/fifo",
    ]);
  });

  it("follows symlinks that are refs or lie inside, and no others", () => {
    const outside = temporaryDirectory("outside");
    writeFileSync(join(outside, "ref"), `${ONE}\n`);
    write("refs/heads/main", `${TWO}\n`);
    symlinkSync("refs/heads/main", join(path, "refs/heads/alias"));
    symlinkSync("main", join(path, "refs/heads/beside"));
    symlinkSync(join(outside, "ref"), join(path, "refs/heads/out"));
    symlinkSync("/etc/passwd", join(path, "refs/heads/passwd"));
    symlinkSync(outside, join(path, "refs/heads/dir"));
    symlinkSync("gone", join(path, "refs/heads/dangling"));
    symlinkSync("..", join(path, "refs/heads/up"));
    symlinkSync("heads", join(path, "refs/mirror"));
    const { refs, lines } = read();
    assert.deepEqual(describeRefs(refs), [
      `refs/heads/alias ${TWO} refs/heads/main`,
      `refs/heads/beside ${TWO} `,
      `refs/heads/main ${TWO} `,
      `refs/mirror/alias ${TWO} refs/heads/main`,
      `refs/mirror/beside ${TWO} `,
      `refs/mirror/main ${TWO} `,
    ]);
    for (const name of ["out", "passwd", "dir"]) {
      const line = "ignoring symbolic link out of the repository " +
        `refs/heads/${name}`;
      assert.ok(lines.includes(line), lines.join("\n"));
    }
  });

  it("reads HEAD in every state", () => {
    write("refs/heads/main", `${TWO}\n`);
    const { store } = refStore(path);
    const headNow = () => store.readNow().head;
    const head = (text: string): unknown => {
      write("HEAD", text);
      return headNow();
    };
    assert.deepEqual(head(`${ONE}\n`), { oid: ONE });
    assert.deepEqual(head("ref: refs/heads/main\n"), {
      target: "refs/heads/main",
      oid: TWO,
    });
    assert.deepEqual(head("ref:refs/heads/none"), {
      target: "refs/heads/none",
    });
    assert.equal(head(""), undefined);
    assert.equal(head("ref: refs/heads/a..b\n"), undefined);
    assert.equal(head("ref: config\n"), undefined);
    assert.equal(head("ref: HEAD\n"), undefined);
    write("refs/heads/loop", "ref: refs/heads/loop\n");
    assert.equal(head("ref: refs/heads/loop\n"), undefined);
    write("refs/heads/torn", "12");
    assert.equal(head("ref: refs/heads/torn\n"), undefined);
    rmSync(join(path, "HEAD"));
    assert.equal(headNow(), undefined);
    symlinkSync("refs/heads/main", join(path, "HEAD"));
    assert.deepEqual(headNow(), { target: "refs/heads/main", oid: TWO });
  });

  it("resolves chains of symrefs as far as git does", async () => {
    write("refs/heads/main", `${TWO}\n`);
    let last = "refs/heads/main";
    for (let i = 0; i < 7; i++) {
      write(`refs/heads/s${i}`, `ref: ${last}\n`);
      last = `refs/heads/s${i}`;
    }
    write("ORIG_HEAD", `${ONE}\n`);
    write("refs/heads/orig", "ref: ORIG_HEAD\n");
    const ours = describeRefs(read().refs);
    assert.deepEqual(ours, await gitRefs(path));
    assert.equal(ours.length, 6);
  });

  it("fails before anything is listed where packed-refs is broken", async () => {
    write("packed-refs", "garbage\n");
    const { store } = refStore(path);
    const error = await failureOf(() => store.read(), "bad-packed-refs");
    assert.equal(
      error.message,
      `unexpected line in ${path}/packed-refs: garbage`,
    );
  });

  it("reads SHA-256 refs", async () => {
    const wide = temporaryDirectory("sha256");
    await git(["init", "-q", "--bare", "--object-format=sha256", wide]);
    const tree = (await git(["mktree"], { cwd: wide })).trim();
    const oid = (await git(["commit-tree", "-m", "x", tree], { cwd: wide }))
      .trim();
    await git(["update-ref", "refs/heads/a", oid], { cwd: wide });
    await git(["pack-refs", "--all"], { cwd: wide });
    await git(["update-ref", "refs/heads/b", oid], { cwd: wide });
    const { store } = refStore(wide, { format: SHA256 });
    assert.deepEqual(describeRefs(store.readNow()), await gitRefs(wide));
  });

  it("reads a linked worktree's own refs beside the common ones", async () => {
    const main = temporaryDirectory("worktree");
    await git(["init", "-q", main]);
    await git(["commit", "-q", "--allow-empty", "-m", "x"], { cwd: main });
    await git(["worktree", "add", "-q", "-b", "side", join(main, "wt")], {
      cwd: main,
    });
    const oid = (await git(["rev-parse", "HEAD"], { cwd: main })).trim();
    await git(["update-ref", "refs/bisect/main", oid], { cwd: main });
    for (const name of ["refs/bisect/side", "refs/worktree/side"]) {
      await git(["update-ref", name, oid], { cwd: join(main, "wt") });
    }
    const { store } = refStore(join(main, "wt"));
    const refs = store.readNow();
    assert.deepEqual(describeRefs(refs), await gitRefs(join(main, "wt")));
    assert.equal(refs.head?.target, "refs/heads/side");
    const own = refStore(main).store.readNow();
    assert.deepEqual(describeRefs(own), await gitRefs(main));
  });

  it("keeps names that are UTF-8 as their bytes", async () => {
    await git(["update-ref", "refs/heads/\u00e9", ONE], { cwd: path });
    const names = () => [...read().refs.list("")].map((ref) => ref.name);
    assert.deepEqual(names(), ["refs/heads/\xc3\xa9"]);
    await git(["pack-refs", "--all"], { cwd: path });
    assert.deepEqual(names(), ["refs/heads/\xc3\xa9"]);
  });

  it("reads nothing again that has rested", async () => {
    await git(["update-ref", "refs/heads/a", ONE], { cwd: path });
    await git(["pack-refs", "--all"], { cwd: path });
    await git(["update-ref", "refs/heads/b/c", ONE], { cwd: path });
    const counting = countingFiles();
    const { store } = refStore(path, {
      fileSystem: counting.files,
      now: LATER,
    });
    const first = store.readNow();
    assert.ok((counting.counts.get("read") ?? 0) >= 3);
    counting.forget();
    assert.equal(store.readNow(), first);
    assert.equal(counting.counts.get("read"), undefined);
    assert.equal(counting.counts.get("list"), undefined);
    assert.equal(counting.counts.get("open"), undefined);
  });

  it("sees a ref that is written in place, in the same length and instant", () => {
    const { store } = refStore(path);
    write("refs/heads/a", `${ONE}\n`);
    const first = store.readNow();
    write("refs/heads/a", `${TWO}\n`);
    const second = store.readNow();
    assert.deepEqual(describeRefs(second), [`refs/heads/a ${TWO} `]);
    assert.notEqual(second.id, first.id);
    assert.deepEqual(describeRefs(first), [`refs/heads/a ${ONE} `]);
    write("refs/heads/a", `${ONE}\n`);
    assert.equal(store.readNow().id, first.id);
    assert.equal(refStore(path).store.readNow().id, first.id);
  });

  it("never loses a ref to a pack-refs that runs beside it", async () => {
    await git(["update-ref", "refs/heads/a", ONE], { cwd: path });
    await git(["update-ref", "refs/heads/b", ONE], { cwd: path });
    const counting = countingFiles();
    let pending = true;
    const { store } = refStore(path, {
      fileSystem: {
        ...counting.files,
        list(directory) {
          const list = counting.files.list(directory);
          if (pending && directory.endsWith("/heads")) {
            pending = false;
            gitSync(["pack-refs", "--all", "--prune"], { cwd: path });
          }
          return list;
        },
      },
    });
    const names = [...store.readNow().list("")].map((ref) => ref.name);
    assert.deepEqual(names, ["refs/heads/a", "refs/heads/b"]);
    assert.ok(!existsSync(join(path, "refs/heads/a")));
  });

  it("reads packed-refs again when it is replaced meanwhile", () => {
    write("packed-refs", `${ONE} refs/heads/a\n`);
    const counting = countingFiles();
    let pending = true;
    const { store } = refStore(path, {
      fileSystem: {
        ...counting.files,
        read(file, limit) {
          const bytes = counting.files.read(file, limit);
          if (pending && file.endsWith("/packed-refs")) {
            pending = false;
            writeFileSync(`${file}.new`, `${TWO} refs/heads/changed\n`);
            renameSync(`${file}.new`, file);
          }
          return bytes;
        },
      },
    });
    assert.deepEqual(describeRefs(store.readNow()), [
      `refs/heads/changed ${TWO} `,
    ]);
  });
});

describe("FileRefStore beside git", () => {
  const seed = 31_337;
  const random = seeded(seed);
  let path = "";

  before(() => {
    path = copyRepository();
  });

  it("lists what git lists after every random change", async () => {
    const { store } = refStore(path);
    const ids = new Map<string, string>();
    for (let step = 0; step < 120; step++) {
      const action = await change(random, path);
      const label = `seed ${seed}, step ${step}: ${action}`;
      const refs = store.readNow();
      const ours = describeRefs(refs);
      assert.deepEqual(ours, await gitRefs(path), label);
      assert.equal(refs.size, ours.length, label);
      await assertShowRef(refs, path, label);
      for (const ref of refs.list("")) {
        assert.deepEqual(refs.get(ref.name), ref, label);
      }
      for (const prefix of ["", "refs/heads/", "refs/heads/de", "refs/t"]) {
        assert.deepEqual(
          inRuns(refs, prefix),
          [...refs.list(prefix)].map(({ name, oid }) => `${oid} ${name}`),
          `${label}, "${prefix}"`,
        );
      }
      const content = `${ours.join("\n")}\n${JSON.stringify(refs.head)}`;
      assert.equal(ids.get(refs.id) ?? content, content, label);
      ids.set(refs.id, content);
      assert.equal(refStore(path).store.readNow().id, refs.id, label);
    }
    assert.ok(ids.size > 60);
  });
});

/** What the runs of a snapshot hold, as text. */
function inRuns(refs: RefSnapshot, prefix: string): string[] {
  return [...refs.runs?.(prefix) ?? []].flatMap((part) =>
    "bytes" in part
      ? toBinary(part.bytes).split("\n").filter((line) => /^\w/.test(line))
      : [`${part.oid} ${part.name}`]
  );
}

const NAMES = [
  "refs/heads/a",
  "refs/heads/b",
  "refs/heads/deep/er/c",
  "refs/heads/deep-er",
  "refs/tags/t",
  "refs/tags/u",
  "refs/notes/n",
  "refs/remotes/o/HEAD",
];

async function change(random: Random, path: string): Promise<string> {
  const name = random.pick(NAMES);
  const commits = [ONE, TWO, THREE];
  const value = random.pick(
    name.startsWith("refs/heads/") ? commits : [...commits, ...template.tags],
  );
  const run = async (...args: string[]): Promise<string> => {
    const { code } = await tryGit(args, { cwd: path });
    return `${args.join(" ")} ended with ${code}`;
  };
  switch (random.int(9)) {
    case 0:
      return await run("pack-refs", "--all");
    case 1:
      return await run("pack-refs", "--all", "--no-prune");
    case 2:
      return await run("update-ref", "--no-deref", "-d", name);
    case 3:
      return await run("symbolic-ref", name, random.pick(NAMES));
    case 4:
      return await run("symbolic-ref", "HEAD", "refs/heads/a");
    case 5:
      return await run("update-ref", "--no-deref", "HEAD", ONE);
    default:
      return await run("update-ref", "--no-deref", name, value);
  }
}
