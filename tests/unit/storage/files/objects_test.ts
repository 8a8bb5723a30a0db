import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fromBinary, fromUtf8 } from "../../../../src/core/bytes.ts";
import type { FileSystem } from "../../../../src/core/host.ts";
import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import {
  ObjectDirectories,
  parseAlternates,
} from "../../../../src/storage/files/alternates.ts";
import { Complaints } from "../../../../src/storage/files/complaints.ts";
import { FileLooseStore } from "../../../../src/storage/files/loose.ts";
import { FilePackStore } from "../../../../src/storage/files/packs.ts";
import {
  parseShallow,
  ShallowFile,
} from "../../../../src/storage/files/shallow.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { git, gitSync } from "../../../support/git.ts";
import { objectSet } from "../../../support/git_repository.ts";
import { describe, it } from "../../../support/test.ts";
import { countingFiles, failureOf, keepingLogger, KERNELS } from "./support.ts";

/** The three stores on one `objects` directory. */
function stores(
  objectsDir: string,
  options: { now?: () => number; fileSystem?: FileSystem } = {},
) {
  const { logger, lines } = keepingLogger();
  const common = {
    fileSystem: options.fileSystem ?? NODE_FILES,
    kernels: KERNELS,
    complaints: new Complaints(logger),
    now: options.now ?? Date.now,
    format: SHA1,
  };
  const alternates = new ObjectDirectories({ ...common, objectsDir });
  const directories = () => alternates.read();
  return {
    lines,
    alternates,
    packs: new FilePackStore({ ...common, directories }),
    loose: new FileLooseStore({ ...common, directories }),
  };
}

/** A repository with `count` loose blobs. */
function makeRepository(count: number): string {
  const path = temporaryDirectory("objects");
  gitSync(["init", "-q", "--bare", path]);
  for (let i = 0; i < count; i++) addBlob(path);
  return path;
}

function addBlob(path: string): Oid {
  const input = randomBytes(20).toString("hex");
  return gitSync(["hash-object", "-w", "--stdin"], { cwd: path, input })
    .trim() as Oid;
}

describe("ObjectDirectories", () => {
  it("finds only its own directory where there is no file", () => {
    const path = makeRepository(0);
    assert.deepEqual(stores(`${path}/objects`).alternates.read(), [
      `${path}/objects`,
    ]);
  });

  it("follows git's order, relative paths and depth, and ends in circles", () => {
    const root = temporaryDirectory("alternates");
    const dir = (name: string): string => join(root, name);
    const borrow = (name: string, text: string): void => {
      mkdirSync(join(dir(name), "info"), { recursive: true });
      writeFileSync(join(dir(name), "info/alternates"), text);
    };
    for (let i = 0; i < 8; i++) borrow(`${i}`, `../${i + 1}\n`);
    mkdirSync(dir("8"));
    mkdirSync(dir("other"));
    borrow("0", `# comment\n\n${dir("1")}\n../other\n${dir("0")}\n../gone\n`);
    borrow("3", `../4\n../0\n../1\n`);
    const { alternates, lines } = stores(dir("0"));
    assert.deepEqual(
      alternates.read().map((path) => path.slice(root.length + 1)),
      ["0", "1", "2", "3", "4", "5", "6", "other"],
    );
    assert.equal(lines.length, 2, lines.join("\n"));
    assert.match(lines[0] ?? "", /6: ignoring .*, nesting too deep$/);
    assert.match(lines[1] ?? "", /gone does not exist; check/);
  });

  it("sees the file change", () => {
    const path = makeRepository(0);
    const other = makeRepository(0);
    const { alternates } = stores(`${path}/objects`);
    assert.equal(alternates.read().length, 1);
    writeFileSync(`${path}/objects/info/alternates`, `${other}/objects\n`);
    assert.equal(alternates.read().length, 2);
    rmSync(`${path}/objects/info/alternates`);
    assert.equal(alternates.read().length, 1);
  });

  it("parses quoted paths, comments and garbage", () => {
    const parse = (text: string) => parseAlternates(fromUtf8(text));
    assert.deepEqual(parse('"/a\\tb\\303\\251"\n#c\n/d e\n'), [
      "/a\tb\u00e9",
      "/d e",
    ]);
    assert.deepEqual(parse('"/open\n/x'), ['"/open', "/x"]);
    assert.deepEqual(parse("\n\n"), []);
    assert.deepEqual(parse("/x\0/y\n"), ["/x"]);
  });
});

describe("FilePackStore", () => {
  it("lists packs with an index, the youngest first, and nothing else", () => {
    const path = makeRepository(0);
    const names: string[] = [];
    for (let i = 0; i < 3; i++) {
      const oid = addBlob(path);
      const hash = gitSync(
        ["pack-objects", "-q", `${path}/objects/pack/pack`],
        { cwd: path, input: `${oid}\n` },
      ).trim();
      const base = `${path}/objects/pack/pack-${hash}`;
      utimesSync(`${base}.pack`, 1_600_000_000, 1_600_000_000 + i * 100);
      names.unshift(`pack-${hash}`);
    }
    const pack = `${path}/objects/pack`;
    for (
      const name of [
        "tmp_pack_x",
        "tmp_idx_x.idx",
        "tmp_idx_x.pack",
        ".tmp-1-pack-a.idx",
        ".tmp-1-pack-a.pack",
        "pack-without.idx",
        "alone.pack",
        "multi-pack-index",
      ]
    ) writeFileSync(join(pack, name), "");
    const scan = stores(`${path}/objects`).packs.scan();
    assert.deepEqual(
      scan.packs.map((each) => /pack-[0-9a-f]+(?=\.pack)/.exec(each.name)?.[0]),
      names,
    );
    const first = scan.packs[0];
    assert.equal(first?.index()?.[0], 0xff);
    const bytes = new Uint8Array(4);
    const opened = first?.open();
    assert.equal(opened?.readAt(bytes, 0), 4);
    assert.deepEqual(bytes, fromBinary("PACK"));
    opened?.close();
  });

  it("keeps its stamp until packs come, go or are replaced", async () => {
    const path = makeRepository(3);
    const { packs } = stores(`${path}/objects`);
    const none = packs.scan();
    await git(["update-ref", "refs/tags/x", addBlob(path)], { cwd: path });
    await git(["repack", "-adq"], { cwd: path });
    const one = packs.scan();
    assert.notEqual(one.stamp, none.stamp);
    assert.equal(one.packs.length, 1);
    assert.equal(packs.scan().stamp, one.stamp);
    assert.equal(stores(`${path}/objects`).packs.scan().stamp, one.stamp);
    const file = one.packs[0]?.name.split(":")[0] ?? "";
    copyFileSync(file, `${file}.new`);
    appendFileSync(`${file}.new`, "x");
    renameSync(`${file}.new`, file);
    const replaced = packs.scan();
    assert.notEqual(replaced.stamp, one.stamp);
    assert.notEqual(replaced.packs[0]?.name, one.packs[0]?.name);
    rmSync(file);
    assert.equal(packs.scan().stamp, none.stamp);
    assert.equal(one.packs[0]?.open(), undefined);
  });

  it("puts its own packs before those of alternates", async () => {
    const lender = makeRepository(0);
    const path = makeRepository(0);
    for (const each of [lender, path]) {
      await git(["update-ref", "refs/tags/x", addBlob(each)], { cwd: each });
      await git(["repack", "-adq"], { cwd: each });
    }
    writeFileSync(`${path}/objects/info/alternates`, `${lender}/objects\n`);
    const { packs } = stores(`${path}/objects`).packs.scan();
    assert.equal(packs.length, 2);
    assert.ok(packs[0]?.name.startsWith(path));
    assert.ok(packs[1]?.name.startsWith(lender));
  });

  it("follows symlinks to packs inside the object directories alone", async () => {
    const outside = makeRepository(0);
    const path = makeRepository(0);
    await git(["update-ref", "refs/tags/x", addBlob(outside)], {
      cwd: outside,
    });
    await git(["repack", "-adq"], { cwd: outside });
    for (const name of readdirSync(`${outside}/objects/pack`)) {
      symlinkSync(
        `${outside}/objects/pack/${name}`,
        `${path}/objects/pack/${name}`,
      );
    }
    const own = stores(`${path}/objects`);
    assert.equal(own.packs.scan().packs.length, 0);
    assert.match(own.lines[0] ?? "", /ignoring pack behind a symbolic link/);
    writeFileSync(`${path}/objects/info/alternates`, `${outside}/objects\n`);
    assert.equal(stores(`${path}/objects`).packs.scan().packs.length, 2);
  });
});

describe("FileLooseStore", () => {
  it("lists the loose objects that git has, and reads them", async () => {
    const path = makeRepository(40);
    mkdirSync(`${path}/objects/zz`);
    mkdirSync(`${path}/objects/aa`, { recursive: true });
    writeFileSync(`${path}/objects/aa/tmp_obj_x`, "");
    const { loose } = stores(`${path}/objects`);
    const scan = loose.scan();
    assert.deepEqual([...scan.oids].sort(), await objectSet(path));
    const bytes = loose.read(scan.oids[0] as Oid);
    assert.ok(bytes !== undefined && bytes.length > 10);
    assert.equal(loose.read("0".repeat(40) as Oid), undefined);
  });

  it("keeps its stamp until objects come or go", async () => {
    const path = makeRepository(5);
    const { loose } = stores(`${path}/objects`);
    const first = loose.scan();
    assert.equal(loose.scan().stamp, first.stamp);
    assert.equal(stores(`${path}/objects`).loose.scan().stamp, first.stamp);
    const oid = addBlob(path);
    const second = loose.scan();
    assert.notEqual(second.stamp, first.stamp);
    assert.ok(second.oids.includes(oid));
    await git(["update-ref", "refs/tags/x", oid], { cwd: path });
    await git(["repack", "-adq"], { cwd: path });
    await git(["prune-packed"], { cwd: path });
    assert.ok(!loose.scan().oids.includes(oid));
  });

  it("sees one object take the place of another", () => {
    const path = makeRepository(1);
    const { loose } = stores(`${path}/objects`);
    const [oid] = loose.scan().oids as [Oid];
    const other = `${oid.slice(0, -1)}${oid.endsWith("0") ? "1" : "0"}`;
    const directory = `${path}/objects/${oid.slice(0, 2)}`;
    renameSync(
      `${directory}/${oid.slice(2)}`,
      `${directory}/${other.slice(2)}`,
    );
    assert.deepEqual(loose.scan().oids, [other]);
  });

  it("lists an object that an alternate has too only once", () => {
    const path = makeRepository(3);
    const copy = temporaryDirectory("objects-copy");
    cpSync(path, copy, { recursive: true });
    writeFileSync(`${copy}/objects/info/alternates`, `${path}/objects\n`);
    const extra = addBlob(path);
    const { loose } = stores(`${copy}/objects`);
    assert.equal(loose.scan().oids.length, 4);
    assert.ok(loose.read(extra));
  });

  it("reads no directory again that has rested", () => {
    const path = makeRepository(20);
    const counting = countingFiles();
    const { loose, packs } = stores(`${path}/objects`, {
      fileSystem: counting.files,
      now: () => Date.now() + 60_000,
    });
    const first = [loose.scan(), packs.scan()];
    assert.ok((counting.counts.get("list") ?? 0) > 10);
    counting.forget();
    assert.deepEqual([loose.scan(), packs.scan()], first);
    assert.equal(counting.counts.get("list"), undefined);
  });
});

describe("ShallowFile", () => {
  const A = "a".repeat(40);

  it("reads the commits, and none where there is no file", async () => {
    const path = join(temporaryDirectory("shallow"), "shallow");
    const file = new ShallowFile({
      fileSystem: NODE_FILES,
      path,
      format: SHA1,
      now: Date.now,
    });
    assert.deepEqual(file.read(), []);
    writeFileSync(path, `${A}\n${"B".repeat(40)}`);
    assert.deepEqual(file.read(), [A, "b".repeat(40)]);
    writeFileSync(path, `${A}\nnonsense\n`);
    const error = await failureOf(() => file.read(), "bad-shallow");
    assert.equal(error.message, "bad shallow line: nonsense");
    rmSync(path);
    assert.deepEqual(file.read(), []);
  });

  it("refuses an empty line", async () => {
    await failureOf(() => parseShallow(fromBinary("\n"), SHA1), "bad-shallow");
  });
});
