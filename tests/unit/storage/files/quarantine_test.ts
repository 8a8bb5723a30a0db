/**
 * The quarantine of a repository on disk: what it leaves there, what git's own
 * programs see of it, and in which order it reaches the disk.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../../../src/core/oid.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { StorageError } from "../../../../src/core/errors.ts";
import { failingFiles } from "../../../support/failing_files.ts";
import { givenPack, inputOf } from "../../../support/given_intake.ts";
import { git, gitSync, tryGit } from "../../../support/git.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { fsck } from "../../../support/git_repository.ts";
import { before, describe, it } from "../../../support/test.ts";
import {
  listing,
  receiving,
  type Source,
  source,
  target,
  writable,
  writerOf,
  type WritingOptions,
} from "./quarantine_support.ts";

const PACKS = 1;
const LOOSE = 1000;

/** Receives and publishes a pack as a push does. */
async function push(
  path: string,
  { given }: Source,
  unpackLimit: number,
  options: WritingOptions = {},
): Promise<void> {
  const writer = await writerOf(path, given, options);
  await using quarantine = await writer.openQuarantine();
  await quarantine.receive(inputOf(given.pack), receiving(unpackLimit));
  await quarantine.publish();
}

describe("a quarantine on disk", () => {
  let pushed: Source;

  before(async () => {
    pushed = await source("quarantine");
  });

  it("leaves what git receive-pack leaves, packed and loose", async () => {
    for (const unpackLimit of [PACKS, LOOSE]) {
      for (const shared of ["umask", "group", "0640"]) {
        const config = {
          "receive.unpackLimit": String(unpackLimit),
          "core.sharedRepository": shared,
          "pack.writeReverseIndex": "true",
        };
        const theirs = await target(config);
        await git(["push", "-q", theirs, "main"], { cwd: pushed.path });
        const sent = readdirSync(join(theirs, "objects/pack"))
          .find((name) => name.endsWith(".pack"));
        const given = sent === undefined ? pushed.given : givenPack(
          new Uint8Array(readFileSync(join(theirs, "objects/pack", sent))),
          temporaryDirectory("given"),
        );
        const ours = await target(config);
        await push(ours, { ...pushed, given }, unpackLimit, {
          config: { "core.sharedrepository": shared },
        });
        const what = unpackLimit === PACKS ? "bytes" : "modes";
        assert.deepEqual(
          listing(join(ours, "objects"), what),
          listing(join(theirs, "objects"), what),
          `${unpackLimit} ${shared}`,
        );
      }
    }
  });

  it("publishes packs and loose objects that git finds whole", async () => {
    for (const unpackLimit of [PACKS, LOOSE]) {
      const path = await target();
      await push(path, pushed, unpackLimit);
      await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
      assert.deepEqual(await fsck(path), { code: 0, lines: [] });
      const count = await git(["count-objects", "-v"], { cwd: path });
      const { oids, name } = pushed.given;
      assert.match(
        count,
        unpackLimit === PACKS
          ? new RegExp(`in-pack: ${oids.length}\npacks: 1\n`)
          : new RegExp(`^count: ${oids.length}\n`),
      );
      assert.match(count, /garbage: 0\n/);
      if (unpackLimit !== PACKS) continue;
      const pack = join(path, "objects/pack", `${name}.pack`);
      await git(["verify-pack", pack], { cwd: path });
      await git(["index-pack", "--strict", "--stdin"], {
        cwd: path,
        input: readFileSync(pack),
      });
    }
  });

  it("shows its objects to git through the environment, before that", async () => {
    const path = await target();
    const writer = await writerOf(path, pushed.given);
    await using quarantine = await writer.openQuarantine();
    await quarantine.receive(inputOf(pushed.given.pack), receiving(PACKS));
    const env = { ...quarantine.environment, GIT_DIR: path };
    assert.deepEqual(Object.keys(quarantine.environment).sort(), [
      "GIT_ALTERNATE_OBJECT_DIRECTORIES",
      "GIT_OBJECT_DIRECTORY",
      "GIT_QUARANTINE_PATH",
    ]);
    assert.equal(
      await git(["cat-file", "-t", pushed.main], { env }),
      "commit\n",
    );
    const without = await tryGit(["cat-file", "-t", pushed.main], {
      cwd: path,
    });
    assert.equal(without.code, 128);
    const update = await tryGit(
      ["update-ref", "refs/heads/main", pushed.main],
      { env },
    );
    assert.match(update.stderr, /forbidden inside quarantine environment/);
    // What a hook adds is published, too; what is no object is not.
    const blob = gitSync(["hash-object", "-w", "--stdin"], {
      env,
      input: "from a hook",
    }).trim();
    const inside = quarantine.environment.GIT_OBJECT_DIRECTORY as string;
    for (const name of ["info", "hooks"]) {
      NODE_WRITE_FILES.makeDirectory(join(inside, name), 0o777);
      writeFileSync(join(inside, name, "alternates"), "/tmp\n");
    }
    writeFileSync(join(inside, "pack/tmp_pack_abcdef"), "");
    await quarantine.publish();
    assert.equal(
      await git(["cat-file", "blob", blob], { cwd: path }),
      "from a hook",
    );
    assert.ok(!existsSync(join(path, "objects/info/alternates")));
    assert.ok(!existsSync(join(path, "objects/hooks")));
  });

  it("quotes an object directory that has a colon", async () => {
    const path = join(temporaryDirectory("quoted"), 'a:b\t"ü.git');
    await git(["init", "-q", "--bare", path]);
    const writer = await writerOf(path, pushed.given);
    await using quarantine = await writer.openQuarantine();
    const blob = gitSync(["hash-object", "-w", "--stdin"], {
      cwd: path,
      input: "in the repository",
    }).trim();
    const env = { ...quarantine.environment, GIT_DIR: path };
    assert.equal(
      await git(["cat-file", "blob", blob], { env }),
      "in the repository",
    );
  });

  it("sees the repository with its own objects, and then everybody does", async () => {
    for (const unpackLimit of [PACKS, LOOSE]) {
      const path = await target();
      const own = gitSync(["hash-object", "-w", "--stdin"], {
        cwd: path,
        input: "own",
      }).trim() as Oid;
      const repository = writable(path, pushed.given);
      const main = pushed.main as Oid;
      const sees = async (oid: Oid) => {
        using snapshot = await repository.snapshot();
        return snapshot.objects.find(oid) >= 0;
      };
      assert.ok(await sees(own));
      assert.ok(!(await sees(main)));
      const writer = await repository.writer?.();
      assert.ok(writer !== undefined);
      await using quarantine = await writer.openQuarantine();
      await quarantine.receive(
        inputOf(pushed.given.pack),
        receiving(unpackLimit),
      );
      {
        using snapshot = await quarantine.snapshot();
        assert.ok(snapshot.objects.find(own) >= 0);
        assert.ok(snapshot.objects.find(main) >= 0);
      }
      assert.ok(!(await sees(main)), "not published yet");
      await quarantine.publish();
      assert.ok(await sees(main), "published");
      await quarantine[Symbol.asyncDispose]();
      assert.ok(await sees(main), "disposed");
    }
  });

  it("keeps the pack until it is disposed of", async () => {
    const path = await target();
    const writer = await writerOf(path, pushed.given);
    const keep = join(path, "objects/pack", `${pushed.given.name}.keep`);
    const quarantine = await writer.openQuarantine();
    await quarantine.receive(inputOf(pushed.given.pack), receiving(PACKS));
    await quarantine.publish();
    assert.match(
      readFileSync(keep, "utf8"),
      /^receive-pack 1 on host\ngitsrv \["/,
    );
    assert.equal(statSync(keep).mode & 0o777, 0o600);
    await git(["repack", "-adq"], { cwd: path });
    assert.ok(existsSync(keep.replace(/keep$/, "pack")));
    await quarantine[Symbol.asyncDispose]();
    await quarantine[Symbol.asyncDispose]();
    assert.ok(!existsSync(keep));
    assert.deepEqual(
      readdirSync(join(path, "objects")).sort(),
      ["info", "pack"],
    );
  });

  it("leaves somebody else's reason to keep a pack", async () => {
    const path = await target();
    const keep = join(path, "objects/pack", `${pushed.given.name}.keep`);
    writeFileSync(keep, "mine\n");
    await push(path, pushed, PACKS);
    assert.equal(readFileSync(keep, "utf8"), "mine\n");
  });

  it("takes no pack apart while git gc is at work", async () => {
    const path = await target();
    writeFileSync(join(path, "gc.pid"), "1 elsewhere");
    await push(path, pushed, LOOSE);
    const count = await git(["count-objects", "-v"], { cwd: path });
    assert.match(count, /^count: 0\n/);
    assert.match(count, /\npacks: 1\n/);
  });

  it("stores a pack of nothing as git does", async () => {
    const text = gitSync(["pack-objects", "--stdout", "-q"], {
      cwd: pushed.path,
      input: "",
    });
    const pack = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const given = givenPack(pack, temporaryDirectory("empty"));
    for (const unpackLimit of [0, 1, 100]) {
      const theirs = await target();
      const command = unpackLimit === 0
        ? ["index-pack", "--stdin", "--rev-index"]
        : ["unpack-objects", "-q"];
      await git(command, { cwd: theirs, input: pack });
      const ours = await target();
      await push(ours, { ...pushed, given }, unpackLimit);
      assert.deepEqual(
        listing(join(ours, "objects"), "bytes"),
        listing(join(theirs, "objects"), "bytes"),
        String(unpackLimit),
      );
    }
  });

  it("writes what is small to no pack on the way", async () => {
    const path = await target();
    const files = failingFiles(NODE_WRITE_FILES, { root: path });
    await push(path, pushed, LOOSE, { files });
    assert.deepEqual(
      files.trace.filter((line) => /tmp_(?!objdir)/.test(line)),
      [],
    );
  });
});

describe("the order in which a quarantine reaches the disk", () => {
  let pushed: Source;

  before(async () => {
    pushed = await source("order");
  });

  async function traceOf(
    unpackLimit: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<string[]> {
    const path = await target();
    const files = failingFiles(NODE_WRITE_FILES, {
      root: join(path, "objects"),
    });
    await push(path, pushed, unpackLimit, { files, config });
    return files.trace.map((line) => line.replace(pushed.given.name, "pack-X"));
  }

  it("is: all files, then their names in git's order, then directories", async () => {
    const trace = await traceOf(PACKS);
    const at = (line: string) => {
      const found = trace.indexOf(line);
      assert.ok(found >= 0, `no "${line}" in:\n${trace.join("\n")}`);
      return found;
    };
    const inside = "tmp_objdir-incoming-XXXXXX/pack";
    const parts = ["tmp_pack_XXXXXX", "tmp_idx_XXXXXX", "tmp_rev_XXXXXX"];
    const files = [...parts, "pack-X.keep"].map((name) => `${inside}/${name}`);
    const syncs = files.map((path) => at(`sync ${path}`));
    assert.deepEqual(syncs, [...syncs].sort((a, b) => a - b));
    const synced = Math.max(...files.map((path) => at(`synced ${path}`)));
    const ends = [".keep", ".pack", ".rev", ".idx"];
    const links = ends.map((end) => at(`link pack/pack-X${end}`));
    assert.deepEqual(links, [...links].sort((a, b) => a - b));
    assert.ok(synced < (links[0] as number));
    assert.ok((links[3] as number) < at("sync pack"));
    assert.ok(at("synced pack") < at("unlink pack/pack-X.keep"));
  });

  it("is the same with loose objects and their directories", async () => {
    const trace = await traceOf(LOOSE);
    const first = trace.findIndex((line) => line.startsWith("link "));
    const before = trace.slice(0, first);
    const after = trace.slice(first);
    const count = pushed.given.oids.length;
    const synced = before.filter((line) => line.startsWith("synced "));
    assert.equal(synced.length, count);
    const fanOuts = new Set(pushed.given.oids.map((oid) => oid.slice(0, 2)));
    const wanted = [...fanOuts, ""].map((name) => `synced ${name}`.trim());
    const directories = after.filter((line) => line.startsWith("synced "))
      .map((line) => line.replace(/\/.*objects$/, "").trim());
    assert.deepEqual(directories.sort(), wanted.sort());
  });

  it("presses what gitsrv.fsync says", async () => {
    const pressed = async (
      unpackLimit: number,
      config: Readonly<Record<string, string>>,
    ) => {
      const trace = await traceOf(unpackLimit, config);
      return trace.filter((line) => line.startsWith("sync ")).length;
    };
    assert.equal(await pressed(PACKS, { "gitsrv.fsync": "off" }), 0);
    assert.equal(await pressed(LOOSE, { "gitsrv.fsync": "off" }), 0);
    assert.equal(await pressed(PACKS, { "gitsrv.fsync": "git" }), 3);
    assert.equal(await pressed(LOOSE, { "gitsrv.fsync": "git" }), 0);
    const all = { "gitsrv.fsync": "git", "core.fsync": "all" };
    assert.equal(await pressed(LOOSE, all), pushed.given.oids.length);
    const none = { "gitsrv.fsync": "git", "core.fsync": "none" };
    assert.equal(await pressed(PACKS, none), 0);
    assert.equal(
      await pressed(PACKS, { "pack.writereverseindex": "false" }),
      4,
    );
  });
});

describe("a quarantine that brings what is there", () => {
  let pushed: Source;
  let name: string;

  before(async () => {
    pushed = await source("again");
    name = pushed.given.name;
  });

  const LONG_AGO = new Date("2001-02-03T04:05:06Z");

  function age(path: string): void {
    utimesSync(path, LONG_AGO, LONG_AGO);
  }

  function isAged(path: string): boolean {
    return statSync(path).mtime.getTime() === LONG_AGO.getTime();
  }

  it("drops its own loose objects and makes the others look new", async () => {
    const path = await target();
    await push(path, pushed, LOOSE);
    const before = listing(join(path, "objects"), "bytes");
    const inodes = () =>
      before.map((line) => line.split(" ")[0] as string)
        .filter((each) => !each.endsWith("/"))
        .map((each) => join(path, "objects", each))
        .map((each) => `${each} ${statSync(each).ino}`);
    const old = inodes();
    const files = old.map((line) => line.split(" ")[0] as string);
    files.forEach(age);
    await push(path, pushed, LOOSE);
    assert.deepEqual(listing(join(path, "objects"), "bytes"), before);
    assert.deepEqual(inodes(), old);
    assert.deepEqual(files.filter(isAged), []);
  });

  it("gives its pack another name, which nobody repacks yet", async () => {
    for (const unpackLimit of [PACKS, LOOSE]) {
      const path = await target();
      await push(path, pushed, PACKS);
      const before = listing(join(path, "objects"), "bytes");
      await push(path, pushed, unpackLimit);
      const after = listing(join(path, "objects"), "bytes");
      assert.deepEqual(before.filter((line) => !after.includes(line)), []);
      const added = after.filter((line) => !before.includes(line));
      const [one] = added.map((line) => line.split(".")[0] as string);
      assert.equal(added.length, 3);
      const asNamed = added.map((line) =>
        line.replace(one as string, `pack/${name}`)
      );
      assert.deepEqual(asNamed.filter((line) => !before.includes(line)), []);
      for (const line of before.filter((line) => line.includes(name))) {
        rmSync(join(path, "objects", line.split(" ")[0] as string));
      }
      await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
      assert.deepEqual(await fsck(path), { code: 0, lines: [] });
    }
  });

  it("puts its own in the place of what may not be touched", async () => {
    const path = await target();
    await push(path, pushed, LOOSE);
    const { main } = pushed;
    const object = join(path, "objects", main.slice(0, 2), main.slice(2));
    age(object);
    const files = {
      ...NODE_WRITE_FILES,
      touch() {
        throw new StorageError("EPERM", "another's");
      },
    };
    await push(path, pushed, LOOSE, { files });
    assert.ok(!isAged(object));
    assert.equal((await fsck(path)).code, 0);
  });

  it("heals what is torn: indexes, packs without one, loose objects", async () => {
    const path = await target();
    const part = (end: string) => join(path, "objects/pack", name + end);
    const whole = async (what: string) => {
      await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
      assert.deepEqual(await fsck(path), { code: 0, lines: [] }, what);
      await git(["update-ref", "-d", "refs/heads/main"], { cwd: path });
    };
    await push(path, pushed, PACKS);
    chmodSync(part(".idx"), 0o644);
    truncateSync(part(".idx"), 100);
    await push(path, pushed, PACKS);
    await whole("torn index");
    rmSync(part(".pack"));
    writeFileSync(part(".rev"), "nonsense");
    await push(path, pushed, PACKS);
    await whole("index without its pack");
    rmSync(part(".idx"));
    chmodSync(part(".pack"), 0o644);
    truncateSync(part(".pack"), 50);
    await push(path, pushed, PACKS);
    await whole("torn pack without its index");

    const loose = await target();
    await push(loose, pushed, LOOSE);
    const [one, other, third] = pushed.given.oids.map((oid) =>
      join(loose, "objects", oid.slice(0, 2), oid.slice(2))
    ) as [string, string, string];
    for (const each of [one, other, third]) chmodSync(each, 0o644);
    truncateSync(one, 0);
    truncateSync(other, 10);
    writeFileSync(third, readFileSync(one));
    await push(loose, pushed, LOOSE);
    await git(["update-ref", "refs/heads/main", pushed.main], { cwd: loose });
    assert.deepEqual(await fsck(loose), { code: 0, lines: [] });
  });

  it("refuses another pack of that name that is in use", async () => {
    const path = await target();
    await push(path, pushed, PACKS);
    const pack = join(path, "objects/pack", `${name}.pack`);
    const bytes = new Uint8Array(readFileSync(pack));
    bytes[20] = (bytes[20] as number) ^ 1;
    chmodSync(pack, 0o644);
    writeFileSync(pack, bytes);
    const before = listing(join(path, "objects"), "bytes");
    await assert.rejects(push(path, pushed, PACKS), { code: "pack-differs" });
    assert.deepEqual(listing(join(path, "objects"), "bytes"), before);
  });

  it("is one of many that bring the same at once", async () => {
    for (const unpackLimit of [PACKS, LOOSE]) {
      const path = await target();
      const all = Array.from(
        { length: 8 },
        () => push(path, pushed, unpackLimit),
      );
      await Promise.all(all);
      await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
      assert.deepEqual(await fsck(path), { code: 0, lines: [] });
      const names = listing(join(path, "objects"), "modes");
      assert.deepEqual(names.filter((each) => /keep|tmp_/.test(each)), []);
    }
  });

  it("does without links where there are none", async () => {
    for (const code of ["EPERM", "EXDEV"]) {
      for (const unpackLimit of [PACKS, LOOSE]) {
        const path = await target();
        const files = {
          ...NODE_WRITE_FILES,
          link() {
            throw new StorageError(code, "no links");
          },
        };
        await push(path, pushed, unpackLimit, { files });
        const before = listing(join(path, "objects"), "bytes");
        await push(path, pushed, unpackLimit, { files });
        const after = listing(join(path, "objects"), "bytes");
        assert.deepEqual(before.filter((line) => !after.includes(line)), []);
        const added = unpackLimit === PACKS ? 3 : 0;
        assert.equal(after.length, before.length + added);
        await git(["update-ref", "refs/heads/main", pushed.main], {
          cwd: path,
        });
        assert.deepEqual(await fsck(path), { code: 0, lines: [] });
      }
    }
  });
});
