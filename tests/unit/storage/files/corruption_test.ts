/**
 * Every byte of every file that a repository is read from, damaged in two
 * ways, and the file cut at every length: a client is then given exactly the
 * right objects, or the session ends in an error of ours. Never a wrong
 * object, another error, or what looks like a whole pack before an error.
 *
 * @module
 */

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromBinary } from "../../../../src/core/bytes.ts";
import { GitsrvError } from "../../../../src/core/errors.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import { FileRepository } from "../../../../src/storage/files/repository.ts";
import type { Layout } from "../../../../src/storage/files/layout.ts";
import type { RefStorage } from "../../../../src/storage/files/format.ts";
import { emptyRepository, importStream } from "../../../support/fixture.ts";
import {
  packBases,
  rewriteIndexes,
  writeInfo,
} from "../../../support/format_cases.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { FastImport, FIRST_DATE } from "../../../support/fixture_history.ts";
import { gitSync } from "../../../support/git.ts";
import { lines } from "../../../support/git_repository.ts";
import { MemoryFiles } from "../../../support/memory_files.ts";
import { packedIds } from "../../../support/pack_contents.ts";
import {
  convertToReftable,
  encodeReftable,
  writeStack,
} from "../../../support/reftable.ts";
import { describe, it } from "../../../support/test.ts";
import { CLOCK, pkts, talk, unpkt } from "../../service/talk.ts";
import { keepingLogger, KERNELS } from "./support.ts";

/** A repository whose files are to be damaged. */
interface Instance {
  readonly path: string;
  readonly files: MemoryFiles;
  readonly refStorage: RefStorage;
  /** The objects that each id reaches, the id among them. */
  readonly closures: ReadonlyMap<string, ReadonlySet<string>>;
}

/** How the clients of a damaged repository fared. */
interface Tally {
  right: number;
  refused: number;
  /** Damages that a client was not tried on: the file was refused, as before. */
  same: number;
}

const FORMAT = "object-format=sha1";
const NO_WAIT = { ...CLOCK, turn: () => Promise.resolve() };

/** Two commits, a tag, a delta: one pack of some 700 bytes. */
function makeRepository(): string {
  const path = emptyRepository(join(temporaryDirectory("bytes"), "r"), "sha1");
  const stream = new FastImport();
  const text = (i: number): string =>
    Array.from({ length: 24 }, (_, n) => `${n === 9 ? i : n * n * 77}`)
      .join("\n");
  let parent: number | undefined;
  for (let i = 0; i < 2; i++) {
    parent = stream.commit({
      ref: "refs/heads/main",
      parents: parent === undefined ? [] : [parent],
      date: FIRST_DATE + i,
      changes: [stream.file("a", text(i)), stream.file("d/b", "b\n")],
    }).mark;
  }
  stream.tag("v1", parent ?? 0, FIRST_DATE);
  importStream(path, stream, "loose");
  gitSync(["repack", "-adfq"], { cwd: path });
  gitSync(["pack-refs", "--all", "--prune"], { cwd: path });
  return path;
}

function instanceOf(path: string): Instance {
  const ids = lines(gitSync([
    ...["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
  ], { cwd: path }));
  const closures = new Map(ids.map((oid) => {
    const reached = gitSync([
      ...["rev-list", "--objects", "--no-object-names", oid],
    ], { cwd: path });
    return [oid, new Set(lines(reached).concat(oid))];
  }));
  return {
    path,
    files: MemoryFiles.of(dirname(path)),
    refStorage: "files",
    closures,
  };
}

function repositoryOver(
  { path, refStorage }: Instance,
  files: MemoryFiles,
): { readonly repository: FileRepository; readonly told: string[] } {
  const { logger, lines: told } = keepingLogger();
  const layout: Layout = {
    path,
    gitDir: path,
    commonDir: path,
    objectsDir: join(path, "objects"),
    gitfile: false,
  };
  const repository = new FileRepository({
    layout,
    format: SHA1,
    refStorage,
    config: [],
    fileSystem: files,
    kernels: KERNELS,
    logger,
  });
  return { repository, told };
}

/** What the band of a pack holds, or `undefined` where no pack was begun. */
function packIn(said: string): Uint8Array | undefined {
  const packets = unpkt(said);
  const start = packets.indexOf("packfile\n");
  if (start < 0) return undefined;
  const parts = packets.slice(start + 1).filter((each) => each[0] === "\x01");
  return fromBinary(parts.map((each) => each.slice(1)).join(""));
}

function isWholePack(pack: Uint8Array | undefined): boolean {
  try {
    return pack !== undefined && packedIds(pack).length > 0;
  } catch {
    return false;
  }
}

/** The answers that were found right; the same bytes are right again. */
const known = new WeakMap<Instance, Set<string>>();

/**
 * Opens what is opened on the way to a pack, and tells what was complained
 * of: a file that is refused whole plays no part in what follows.
 */
async function complaints(
  instance: Instance,
  files: MemoryFiles,
): Promise<string> {
  const { repository, told } = repositoryOver(instance, files);
  try {
    using snapshot = await repository.snapshot();
    if (snapshot.objects.count > 0) snapshot.objects.generation?.(0);
  } catch (error) {
    if (!(error instanceof GitsrvError)) throw error;
    return "";
  } finally {
    repository.close();
  }
  return told.join("\n");
}

/** Lists and clones; adds to `tally`, or throws where the outcome is wrong. */
async function clone(
  instance: Instance,
  files: MemoryFiles,
  tally: Tally,
): Promise<void> {
  const { repository } = repositoryOver(instance, files);
  try {
    const ask = async (input: string): Promise<string | undefined> => {
      const { said, error } = await talk(repository, input, {
        protocol: 2,
        clock: NO_WAIT,
      });
      if (error === undefined) return said;
      if (!(error instanceof GitsrvError)) throw error;
      assert.ok(!isWholePack(packIn(said)), "a whole pack before an error");
      return undefined;
    };
    const listed = await ask(
      pkts("command=ls-refs", FORMAT, "0001", "peel", "symrefs", "0000") +
        "0000",
    );
    if (listed === undefined) return void tally.refused++;
    const wants = new Set(
      unpkt(listed).map((line) => /^[0-9a-f]{40}(?= )/.exec(line)?.[0])
        .filter((oid) => oid !== undefined),
    );
    if (wants.size === 0) return void tally.right++;
    const said = await ask(
      pkts(
        ...["command=fetch", FORMAT, "0001", "ofs-delta", "no-progress"],
        ...[...wants].map((oid) => `want ${oid}`),
        ...["done", "0000"],
      ) + "0000",
    );
    if (said === undefined) return void tally.refused++;
    let right = known.get(instance);
    if (right === undefined) known.set(instance, right = new Set());
    const key = [...wants, said].join();
    if (!right.has(key)) {
      const expected = new Set<string>();
      for (const want of wants) {
        const closure = instance.closures.get(want);
        assert.ok(closure, `${want} is none of its objects`);
        for (const oid of closure) expected.add(oid);
      }
      const pack = packIn(said);
      assert.ok(pack !== undefined, "no pack and no error");
      assert.deepEqual(packedIds(pack), [...expected].sort());
      right.add(key);
    }
    tally.right++;
  } finally {
    repository.close();
  }
}

/** Damages one file everywhere. */
async function damageEverywhere(
  instance: Instance,
  path: string,
): Promise<Tally> {
  const { files } = instance;
  const whole: Uint8Array<ArrayBuffer> = files.read(path, Infinity) ??
    new Uint8Array(0);
  assert.notEqual(whole.length, 0, path);
  const sound: Tally = { right: 0, refused: 0, same: 0 };
  await clone(instance, files, sound);
  assert.equal(sound.right, 1, "the instance is no sound one");
  const tally: Tally = { right: 0, refused: 0, same: 0 };
  const refusals = new Set<string>();
  for (let at = 0; at < whole.length; at++) {
    const flipped: Uint8Array<ArrayBuffer> = whole.slice();
    flipped[at] = (flipped[at] as number) ^ (1 << (at * 5) % 8);
    const filled: Uint8Array<ArrayBuffer> = whole.slice();
    filled[at] = 0xff;
    const damaged: Record<string, Uint8Array<ArrayBuffer>> = {
      flipped,
      filled,
      cut: whole.slice(0, at),
    };
    for (const [way, bytes] of Object.entries(damaged)) {
      const spoilt = files.with(path, bytes);
      try {
        const told = await complaints(instance, spoilt);
        if (refusals.has(told)) tally.same++;
        else await clone(instance, spoilt, tally);
        if (told !== "") refusals.add(told);
      } catch (error) {
        const why = error instanceof Error ? error.stack : String(error);
        assert.fail(`${path} ${way} at ${at} of ${whole.length}: ${why}`);
      }
    }
  }
  return tally;
}

/** The only file of a pack with that suffix. */
function packFile(path: string, suffix: string): string {
  return `${packBases(path)[0]}${suffix}`;
}

/** Puts every object beside the pack, loose as well. */
function unpackBeside(path: string): void {
  const aside = join(dirname(path), "aside");
  const packs = join(path, "objects/pack");
  renameSync(packs, aside);
  mkdirSync(packs);
  for (const name of readdirSync(aside)) {
    if (!name.endsWith(".pack")) continue;
    gitSync(["unpack-objects", "-q"], {
      cwd: path,
      input: MemoryFiles.of(aside).read(join(aside, name), Infinity) ??
        new Uint8Array(0),
    });
  }
  rmSync(packs, { recursive: true });
  renameSync(aside, packs);
}

function looseFiles(path: string): string[] {
  const objects = join(path, "objects");
  return readdirSync(objects).filter((name) => name.length === 2)
    .flatMap((name) =>
      readdirSync(join(objects, name)).map((file) => join(objects, name, file))
    );
}

describe("Damage at every byte does no harm", () => {
  for (const version of ["1", "2", "2,0x40"]) {
    it(`to a pack index: --index-version=${version}`, async () => {
      const path = makeRepository();
      rewriteIndexes(path, version);
      const tally = await damageEverywhere(
        instanceOf(path),
        packFile(path, ".idx"),
      );
      // A bitmap finds what a damaged id hides: fewer are refused with it.
      assert.ok(tally.refused > 100, JSON.stringify(tally));
    });

    if (version === "2,0x40") continue;
    it(`to the index of a pack that is not needed: ${version}`, async () => {
      const path = makeRepository();
      rewriteIndexes(path, version);
      unpackBeside(path);
      const tally = await damageEverywhere(
        instanceOf(path),
        packFile(path, ".idx"),
      );
      assert.ok(tally.refused < 20, JSON.stringify(tally));
    });
  }

  for (const version of ["1", "2"]) {
    it(`to a pack with an index of version ${version}`, async () => {
      const path = makeRepository();
      rewriteIndexes(path, version);
      const tally = await damageEverywhere(
        instanceOf(path),
        packFile(path, ".pack"),
      );
      assert.ok(tally.refused > 1000, JSON.stringify(tally));
    });
  }

  it("to a pack that is not needed", async () => {
    const path = makeRepository();
    unpackBeside(path);
    const tally = await damageEverywhere(
      instanceOf(path),
      packFile(path, ".pack"),
    );
    assert.ok(tally.refused < 20, JSON.stringify(tally));
  });

  it("to loose objects", async () => {
    const path = makeRepository();
    unpackBeside(path);
    rmSync(join(path, "objects/pack"), { recursive: true });
    const instance = instanceOf(path);
    for (const file of looseFiles(path)) {
      const tally = await damageEverywhere(instance, file);
      assert.ok(tally.refused > 30, `${file} ${JSON.stringify(tally)}`);
    }
  });

  it("to a commit-graph", async () => {
    const path = makeRepository();
    gitSync(["commit-graph", "write", "--reachable", "--changed-paths"], {
      cwd: path,
    });
    const tally = await damageEverywhere(
      instanceOf(path),
      join(path, "objects/info/commit-graph"),
    );
    assert.equal(tally.refused, 0, JSON.stringify(tally));
  });

  it("to a commit-graph chain and its layers", async () => {
    const path = makeRepository();
    for (const tip of ["main~1", "main"]) {
      gitSync([
        ...["commit-graph", "write", "--stdin-commits", "--split=no-merge"],
      ], { cwd: path, input: gitSync(["rev-parse", tip], { cwd: path }) });
    }
    const directory = join(path, "objects/info/commit-graphs");
    const instance = instanceOf(path);
    const names = readdirSync(directory);
    assert.equal(names.length, 3);
    for (const name of names) {
      const tally = await damageEverywhere(instance, join(directory, name));
      assert.equal(tally.refused, 0, `${name} ${JSON.stringify(tally)}`);
    }
  });

  it("to packed-refs", async () => {
    const path = makeRepository();
    const tally = await damageEverywhere(
      instanceOf(path),
      join(path, "packed-refs"),
    );
    assert.ok(tally.refused > 100, JSON.stringify(tally));
    assert.ok(tally.right > 20, JSON.stringify(tally));
  });

  it("to shallow", async () => {
    const path = makeRepository();
    const shallow = join(dirname(path), "shallow.git");
    gitSync([
      ...["clone", "-q", "--bare", "--no-local", "--depth=2", "--branch=main"],
      ...[`file://${path}`, shallow],
    ]);
    gitSync(["repack", "-adq"], { cwd: shallow });
    const tally = await damageEverywhere(
      instanceOf(shallow),
      join(shallow, "shallow"),
    );
    assert.ok(tally.refused > 30, JSON.stringify(tally));
  });

  it("to alternates", async () => {
    const path = makeRepository();
    const lender = emptyRepository(join(dirname(path), "lender"), "sha1");
    rmSync(join(lender, "objects/pack"), { recursive: true });
    renameSync(join(path, "objects/pack"), join(lender, "objects/pack"));
    writeInfo(path, "alternates", "# borrowed\n../../lender/objects\n");
    const tally = await damageEverywhere(
      instanceOf(path),
      join(path, "objects/info/alternates"),
    );
    assert.ok(tally.refused > 30, JSON.stringify(tally));
  });

  it("to reftables and their list", async () => {
    const path = makeRepository();
    const oid = (name: string): string =>
      gitSync(["rev-parse", name], { cwd: path }).trim();
    const table = encodeReftable([
      { name: "HEAD", symref: "refs/heads/main" },
      { name: "refs/heads/main", oid: oid("main") },
      { name: "refs/heads/old", oid: oid("main~1") },
      { name: "refs/tags/v1", oid: oid("v1"), peeled: oid("v1^0") },
    ]);
    const { closures } = instanceOf(path);
    convertToReftable(path);
    writeStack(path, [{ name: "a.ref", bytes: table.bytes }]);
    const files = MemoryFiles.of(dirname(path));
    for (const name of ["a.ref", "tables.list"]) {
      const tally = await damageEverywhere(
        { path, files, closures, refStorage: "reftable" },
        join(path, "reftable", name),
      );
      assert.ok(tally.refused > 10, `${name} ${JSON.stringify(tally)}`);
    }
  });
});
