import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../../../src/core/oid.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { takeLock, tryLock } from "../../../../src/storage/files/lock_file.ts";
import { LockJournal } from "../../../../src/storage/files/lock_journal.ts";
import { update } from "../../../contract/ref_writer.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git } from "../../../support/git.ts";
import {
  DEAD,
  fileRefWriter,
  LIVING,
  ownersFor,
  pause,
  refDirectories,
  refFiles,
  refRepository,
} from "../../../support/ref_worlds.ts";
import { describe, it } from "../../../support/test.ts";

const ZERO = "0".repeat(40) as Oid;
const OPTIONS = {
  atomic: false,
  committer: "C <c@example.com> 1700000000 +0000",
  message: "push",
};
const NOT_SHARED = { bits: 0, isExact: false };

function journal(root: string, self = LIVING): LockJournal {
  return new LockJournal({
    files: NODE_WRITE_FILES,
    root,
    owners: ownersFor(self),
    shared: NOT_SHARED,
  });
}

/** The lines behind "File exists". */
const ADVICE = "\n\n" +
  "Another git process seems to be running in this repository, e.g.\n" +
  "an editor opened by 'git commit'. Please make sure all processes\n" +
  "are terminated then try again. If it still fails, a git process\n" +
  "may have crashed in this repository earlier:\n" +
  "remove the file manually to continue.";

describe("Locks", () => {
  it("are git's files, and leave nothing when they are let go", async () => {
    const root = temporaryDirectory("locks");
    const path = join(root, "shallow");
    const terms = { journal: journal(root), timeoutMs: 0, pause };
    const lock = await takeLock(path, terms);
    lock.write(new TextEncoder().encode("new\n"));
    assert.equal(readFileSync(`${path}.lock`, "utf8"), "new\n");
    assert.throws(() => writeFileSync(`${path}.lock`, "", { flag: "wx" }));
    await assert.rejects(takeLock(path, terms), { code: "EEXIST" });
    lock.commit();
    lock.release();
    assert.deepEqual(readdirSync(root), ["shallow"]);
    (await takeLock(path, terms)).release();
    assert.deepEqual(readdirSync(root), ["shallow"]);
    assert.equal(readFileSync(path, "utf8"), "new\n");
  });

  it("of dead processes of ours alone are removed", () => {
    const root = temporaryDirectory("locks");
    const path = join(root, "x");
    assert.ok(tryLock(path, journal(root, DEAD)));
    // Held by a living process, as far as another that lives can tell.
    const held = tryLock(join(root, "y"), journal(root, { ...LIVING, pid: 3 }));
    assert.ok(held);
    const mine = journal(root);
    assert.equal(tryLock(join(root, "y"), mine), undefined);
    const lock = tryLock(path, mine);
    assert.ok(lock);
    lock.release();
    held.release();
    assert.deepEqual(readdirSync(root), []);
    writeFileSync(`${path}.lock`, "");
    assert.equal(tryLock(path, mine), undefined);
    mine.sweep();
    assert.deepEqual(readdirSync(root), ["x.lock"]);
  });

  it("of others stay where a dead process had one of that name", () => {
    const root = temporaryDirectory("locks");
    const path = join(root, "x");
    tryLock(path, journal(root, DEAD));
    // Somebody removed it by hand, and git took its place.
    unlinkSync(`${path}.lock`);
    writeFileSync(`${path}.lock`, "git's");
    const mine = journal(root);
    assert.equal(tryLock(path, mine), undefined);
    mine.sweep();
    assert.deepEqual(readdirSync(root), ["x.lock"]);
    assert.equal(readFileSync(`${path}.lock`, "utf8"), "git's");
  });

  it("that one clears another does not take for what it has seen", () => {
    const root = temporaryDirectory("locks");
    const path = join(root, "x");
    tryLock(path, journal(root, DEAD));
    // The first to clear takes the lock while the second looks.
    const first = journal(root);
    let isTaken = false;
    const files = {
      ...NODE_WRITE_FILES,
      rename(from: string, to: string) {
        if (!isTaken) {
          isTaken = true;
          assert.ok(tryLock(path, first));
        }
        NODE_WRITE_FILES.rename(from, to);
      },
    };
    const second = new LockJournal({
      files,
      root,
      owners: ownersFor({ ...LIVING, pid: 4 }),
      shared: NOT_SHARED,
    });
    assert.equal(tryLock(path, second), undefined);
    assert.ok(isTaken);
    assert.ok(existsSync(`${path}.lock`));
  });

  it("are found wherever they are, though their names are long", () => {
    const root = temporaryDirectory("locks");
    const deep = join(root, "refs", "n".repeat(200), "m".repeat(200));
    mkdirSync(deep, { recursive: true });
    assert.ok(tryLock(join(deep, "x"), journal(root, DEAD)));
    journal(root).sweep();
    assert.deepEqual(readdirSync(deep), []);
    assert.deepEqual(readdirSync(root), ["refs"]);
  });

  it("are taken where files have one name alone", () => {
    const root = temporaryDirectory("locks");
    const path = join(root, "x");
    const plain = new LockJournal({
      files: {
        ...NODE_WRITE_FILES,
        link(from, to) {
          linkSync(from, join(root, "no", "such", to));
        },
      },
      root,
      owners: ownersFor(),
      shared: NOT_SHARED,
    });
    assert.throws(() => tryLock(path, plain), { code: "ENOENT" });
    assert.deepEqual(readdirSync(root), []);
  });

  it("that others hold are waited for, and told by their names", async () => {
    const { path, objects } = await refRepository({
      "core.filesRefLockTimeout": "20",
      "core.packedRefsTimeout": "20",
    });
    const [a] = objects.commits;
    const writer = fileRefWriter(path, objects);
    await writer.apply([update("refs/heads/x", a)], OPTIONS);
    writeFileSync(join(path, "refs/heads/x.lock"), "");
    writeFileSync(join(path, "packed-refs.lock"), "");
    const outcomes = await writer.apply([
      update("refs/heads/x", ZERO),
      update("refs/heads/y", a),
      update("refs/heads/z", ZERO),
    ], OPTIONS);
    assert.deepEqual(outcomes, [
      {
        code: "locked",
        message: `cannot lock ref 'refs/heads/x': Unable to create '${
          join(path, "refs/heads/x.lock")
        }': File exists.${ADVICE}`,
      },
      undefined,
      {
        code: "locked",
        message: `Unable to create '${
          join(path, "packed-refs.lock")
        }': File exists.${ADVICE}`,
      },
    ]);
    const waiting = fileRefWriter(path, objects, {
      pause() {
        unlinkSync(join(path, "refs/heads/x.lock"));
        return Promise.resolve();
      },
    });
    const [waited] = await waiting.apply([update("refs/heads/x", a)], OPTIONS);
    assert.equal(waited, undefined);
  });

  it("are waited for until the session ends, where that is asked", async () => {
    const { path, objects } = await refRepository({
      "core.filesRefLockTimeout": "-1",
    });
    const [a] = objects.commits;
    writeFileSync(join(path, "refs/heads/x.lock"), "");
    const controller = new AbortController();
    let pauses = 0;
    const writer = fileRefWriter(path, objects, {
      pause() {
        if (++pauses === 100) controller.abort(new Error("over"));
        return Promise.resolve();
      },
    });
    const { signal } = controller;
    await assert.rejects(
      writer.apply([update("refs/heads/x", a)], { ...OPTIONS, signal }),
      /over/,
    );
    const outcomes = await writer.apply(
      [update("refs/heads/y", a)],
      OPTIONS,
    );
    assert.deepEqual(outcomes, [undefined]);
  });
});

describe("Names that no file can have", () => {
  it("are refused at once, and leave no directories", async () => {
    const { path, objects } = await refRepository();
    const [a] = objects.commits;
    const writer = fileRefWriter(path, objects);
    const before = refDirectories(path);
    const long = `refs/heads/${"x".repeat(300)}`;
    const names = [
      long,
      `refs/heads/a/${"y".repeat(252)}`,
      `${long}/z`,
      `refs/heads/${"d/".repeat(2035)}x`,
      "refs/heads/caf\xe9",
    ];
    const outcomes = await writer.apply(
      names.map((name) => update(name, a, ZERO)),
      OPTIONS,
    );
    assert.deepEqual(
      outcomes.map((each) => each?.code),
      Array(5).fill("failed"),
    );
    const words = outcomes.map((each) =>
      each?.message.replace(/'[^]*?'/g, "*")
    );
    assert.deepEqual(words, [
      "cannot lock ref *: Unable to create *: File name too long",
      "cannot lock ref *: Unable to create *: File name too long",
      `cannot lock ref *: unable to create directory for ${path}/${long}/z`,
      "cannot lock ref *: Unable to create *: File name too long",
      "cannot lock ref *: ref names that are not UTF-8 cannot be stored here",
    ]);
    assert.deepEqual(refDirectories(path), before);
  });

  it("leave no directories where something else is wrong", async () => {
    const { path, objects } = await refRepository();
    const [a, b] = objects.commits;
    const writer = fileRefWriter(path, objects);
    const before = refDirectories(path);
    await writer.apply([update("refs/heads/q/r/s", a, b)], OPTIONS);
    await writer.apply([update("refs/heads/q/r/s", a, ZERO)], OPTIONS);
    await writer.apply([update("refs/heads/q/r/s", ZERO, a)], OPTIONS);
    assert.deepEqual(refDirectories(path), before);
  });
});

describe("What lies where a ref should", () => {
  it("is not touched where it is torn, a link out or no file", async () => {
    const { path, objects } = await refRepository();
    const [a] = objects.commits;
    const secret = join(temporaryDirectory("secret"), "secret");
    writeFileSync(secret, `${a}\n`);
    const heads = join(path, "refs/heads");
    writeFileSync(join(heads, "empty"), "");
    writeFileSync(join(heads, "short"), "abcd");
    writeFileSync(join(heads, "nul"), `${a.slice(0, 39)}\0`);
    writeFileSync(join(heads, "out"), "ref: ../../config\n");
    writeFileSync(join(heads, "config"), "ref: config\n");
    symlinkSync(secret, join(heads, "link"));
    const writer = fileRefWriter(path, objects);
    const names = ["empty", "short", "nul", "out", "config", "link"]
      .map((name) => `refs/heads/${name}`);
    const before = refFiles(path);
    const all = await writer.apply(
      [...names.map((name) => update(name, a)), update("refs/heads/ok", a)],
      OPTIONS,
    );
    assert.equal(all.at(-1), undefined);
    all.slice(0, -1).forEach((outcome, i) => {
      assert.deepEqual(outcome, {
        code: "broken",
        message: `cannot lock ref '${names[i]}': ` +
          `unable to resolve reference '${names[i]}': reference broken`,
      });
    });
    before.forEach((text, name) =>
      assert.equal(refFiles(path).get(name), text)
    );
    assert.equal(readFileSync(secret, "utf8"), `${a}\n`);
  });

  it("goes away where it is empty directories", async () => {
    const { path, objects } = await refRepository();
    const [a] = objects.commits;
    mkdirSync(join(path, "refs/heads/a/b/c"), { recursive: true });
    mkdirSync(join(path, "refs/heads/p/q"), { recursive: true });
    writeFileSync(join(path, "refs/heads/p/q/.keep"), "");
    const writer = fileRefWriter(path, objects);
    const [done, blocked] = await writer.apply([
      update("refs/heads/a", a, ZERO),
      update("refs/heads/p", a, ZERO),
    ], OPTIONS);
    assert.equal(done, undefined);
    assert.equal(
      blocked?.message,
      `cannot lock ref 'refs/heads/p': there is a non-empty directory '${
        join(path, "refs/heads/p")
      }' blocking reference 'refs/heads/p'`,
    );
  });

  it("is made though directories vanish meanwhile", async () => {
    const { path, objects } = await refRepository();
    const [a] = objects.commits;
    let vanished = 0;
    const writer = fileRefWriter(path, objects, {
      files: {
        ...NODE_WRITE_FILES,
        makeDirectory(directory, mode) {
          NODE_WRITE_FILES.makeDirectory(directory, mode);
          const isOfRef = directory.endsWith("/a/b");
          if (isOfRef && vanished++ < 2) {
            NODE_WRITE_FILES.removeDirectory(directory);
            NODE_WRITE_FILES.removeDirectory(directory.slice(0, -2));
          }
        },
      },
    });
    const outcomes = await writer.apply(
      [update("refs/heads/a/b/c", a)],
      OPTIONS,
    );
    assert.deepEqual(outcomes, [undefined]);
    assert.equal(vanished, 3);
  });

  it("is shared as core.sharedRepository says", async () => {
    for (const value of ["group", "all", "0640", "0600"]) {
      const { path, objects } = await refRepository({
        "core.sharedRepository": value,
        "core.logAllRefUpdates": "true",
      });
      const [a] = objects.commits;
      const writer = fileRefWriter(path, objects);
      await writer.apply([update("refs/heads/ours/x", a)], OPTIONS);
      await git(["update-ref", "-m", "x", "refs/heads/gits/x", a], {
        cwd: path,
      });
      for (const top of ["refs/heads", "logs/refs/heads"]) {
        const mode = (name: string) =>
          NODE_WRITE_FILES.lstat(join(path, top, name))?.mode?.toString(8);
        assert.equal(mode("ours"), mode("gits"), value);
        assert.equal(mode("ours/x"), mode("gits/x"), value);
      }
    }
  });

  it("is no log where a symlink stands for one", async () => {
    const { path, objects } = await refRepository({
      "core.logAllRefUpdates": "true",
    });
    const [a] = objects.commits;
    const other = join(temporaryDirectory("other"), "log");
    writeFileSync(other, "");
    mkdirSync(join(path, "logs/refs/heads"), { recursive: true });
    symlinkSync(other, join(path, "logs/refs/heads/x"));
    const writer = fileRefWriter(path, objects);
    const [outcome] = await writer.apply([update("refs/heads/x", a)], OPTIONS);
    assert.equal(
      outcome?.message,
      `cannot update the ref 'refs/heads/x': unable to append to '${
        join(path, "logs/refs/heads/x")
      }': Too many levels of symbolic links`,
    );
    assert.equal(readFileSync(other, "utf8"), "");
    assert.ok(!existsSync(join(path, "refs/heads/x")));
  });
});
