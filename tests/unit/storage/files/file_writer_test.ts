/**
 * The writer of a repository on disk, over real packs: thin ones, whose bases
 * may be anywhere; and the files beside objects and refs.
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
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { SILENT } from "../../../../src/core/logger.ts";
import type { Oid } from "../../../../src/core/oid.ts";
import { fileWrites } from "../../../../src/compose/file_writes.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { FileBackend } from "../../../../src/storage/files/backend.ts";
import type { FileRepository } from "../../../../src/storage/files/repository.ts";
import type { RepositoryWriter } from "../../../../src/storage/writes.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { smallRepository } from "../../../support/fixture_small.ts";
import { inputOf } from "../../../support/given_intake.ts";
import { git } from "../../../support/git.ts";
import { fsck } from "../../../support/git_repository.ts";
import { describe, it } from "../../../support/test.ts";
import { convertToReftable } from "../../../support/reftable.ts";
import { listing, receiving } from "./quarantine_support.ts";
import { KERNELS } from "./support.ts";

const ZERO = "0".repeat(40) as Oid;
const COMMITTER = "A <a@example.com> 1700000000 +0000";

async function opened(path: string): Promise<FileRepository> {
  const backend = new FileBackend({
    exposure: { rules: "friendly", root: "/" },
    fileSystem: NODE_FILES,
    kernels: KERNELS,
    logger: SILENT,
    owners: { uid: statSync(path).uid },
    writes: () => Promise.resolve(fileWrites(KERNELS)),
  });
  return await backend.openAt(path, "strict");
}

async function writerAt(path: string): Promise<RepositoryWriter> {
  const writer = await (await opened(path)).writer?.();
  assert.ok(writer !== undefined);
  return writer;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A pack of what `revisions` name, thin, as a client sends it. */
async function thinPack(
  path: string,
  revisions: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const text = await git(
    [
      "pack-objects",
      "--revs",
      "--thin",
      "--stdout",
      "--delta-base-offset",
      "-q",
    ],
    { cwd: path, input: revisions.map((each) => `${each}\n`).join("") },
  );
  return bytesOf(text);
}

/** A source whose commits change one long file a little. */
async function longFiles(): Promise<{ path: string; commits: string[] }> {
  const path = join(temporaryDirectory("writer"), "source.git");
  await git(["init", "-q", "--bare", path]);
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i} ${i * i}\n`);
  const commits: string[] = [];
  for (let i = 0; i < 4; i++) {
    lines[i * 7] = `changed ${i}\n`;
    const make = async (args: string[], input: string) =>
      (await git(args, { cwd: path, input })).trim();
    const blob = await make(["hash-object", "-w", "--stdin"], lines.join(""));
    const tree = await make(["mktree"], `100644 blob ${blob}\tfile\n`);
    const parent = commits.at(-1);
    const parents = parent === undefined ? [] : ["-p", parent];
    commits.push(await make(["commit-tree", ...parents, tree], `${i}`));
  }
  await git(["update-ref", "refs/heads/main", commits[3] as string], {
    cwd: path,
  });
  return { path, commits };
}

describe("the writer of a repository on disk", () => {
  it("completes thin packs from the repository, alternates, and itself", async () => {
    const { path: from, commits } = await longFiles();
    const [first, second, third] = commits as [string, string, string];
    const whole = await thinPack(from, [first]);
    for (const unpackLimit of [1, 100]) {
      for (const where of ["repository", "alternate", "quarantine"]) {
        const root = temporaryDirectory("writer");
        const [base, path] = [join(root, "base.git"), join(root, "work.git")];
        for (const each of [base, path]) {
          await git(["init", "-q", "--bare", each]);
        }
        if (where !== "quarantine") {
          await git(["index-pack", "--stdin"], {
            cwd: where === "alternate" ? base : path,
            input: whole,
          });
        }
        if (where === "alternate") {
          const alternates = join(path, "objects/info/alternates");
          writeFileSync(alternates, `${base}/objects\n`);
        }
        const writer = await writerAt(path);
        await using quarantine = await writer.openQuarantine();
        if (where === "quarantine") {
          await quarantine.receive(inputOf(whole), receiving(unpackLimit));
        }
        const thin = await thinPack(from, [third, `^${first}`]);
        const { completed, objects, isPack } = await quarantine.receive(
          inputOf(thin),
          receiving(unpackLimit),
        );
        const what = `${where}, ${unpackLimit}`;
        assert.equal(objects, 6, what);
        assert.equal(completed, 1, what);
        assert.equal(isPack, unpackLimit === 1, what);
        await quarantine.publish();
        const [failure] = await writer.refs.apply([{
          name: "refs/heads/main" as RefName,
          old: ZERO,
          new: third as Oid,
        }], { atomic: false, committer: COMMITTER, message: "push" });
        assert.equal(failure, undefined);
        await quarantine[Symbol.asyncDispose]();
        assert.deepEqual(await fsck(path), { code: 0, lines: [] }, what);
        assert.equal(
          await git(["rev-parse", "main~1"], { cwd: path }),
          `${second}\n`,
        );
      }
    }
  });

  it("changes refs wherever they are kept", async () => {
    const { path: from, commits } = await longFiles();
    const [first] = commits as [string];
    const blob = (await git(["rev-parse", `${first}:file`], { cwd: from }))
      .trim();
    const pack = await thinPack(from, [first]);
    for (const kept of ["files", "reftable"]) {
      const path = join(temporaryDirectory("writer"), "work.git");
      await git(["init", "-q", "--bare", path]);
      if (kept === "reftable") convertToReftable(path);
      const repository = await opened(path);
      const writer = await repository.writer?.();
      assert.ok(writer !== undefined);
      await using quarantine = await writer.openQuarantine();
      await quarantine.receive(inputOf(pack), receiving(100));
      await quarantine.publish();
      const set = (name: string, oid: string) =>
        writer.refs.apply([{
          name: `refs/heads/${name}` as RefName,
          old: ZERO,
          new: oid as Oid,
        }], { atomic: false, committer: COMMITTER, message: "push" });
      assert.deepEqual(await set("main", first), [undefined], kept);
      using snapshot = await repository.snapshot();
      assert.equal(snapshot.refs.get("refs/heads/main" as RefName)?.oid, first);
      // Its kind is looked up in the objects.
      const [failure] = await set("blob", blob);
      assert.match(failure?.message ?? "", /non-commit object/, kept);
    }
  });

  it("leaves the very files that git index-pack leaves", async () => {
    const { path: from, commits } = await longFiles();
    const root = temporaryDirectory("writer");
    const pack = await thinPack(from, commits);
    const [ours, theirs] = [join(root, "ours.git"), join(root, "theirs.git")];
    for (const each of [ours, theirs]) {
      await git(["init", "-q", "--bare", each]);
    }
    await git(["index-pack", "--stdin", "--rev-index"], {
      cwd: theirs,
      input: pack,
    });
    const writer = await writerAt(ours);
    {
      await using quarantine = await writer.openQuarantine();
      await quarantine.receive(inputOf(pack), receiving(1));
      await quarantine.publish();
    }
    const [own, other] = [ours, theirs].map((each) =>
      listing(join(each, "objects"), "bytes")
    ) as [string[], string[]];
    const names = (lines: string[]) => lines.map((line) => line.split(" ")[0]);
    assert.deepEqual(names(own), names(other));
    assert.ok(own.every((line, i) => line === other[i]));
  });

  it("leaves nothing of a pack that is broken, cut off or given up", async () => {
    const { path: from, commits } = await longFiles();
    const pack = await thinPack(from, [commits[3] as string]);
    const path = join(temporaryDirectory("writer"), "work.git");
    await git(["init", "-q", "--bare", path]);
    const before = listing(path, "bytes");
    const torn = pack.slice();
    torn[40] = (torn[40] as number) ^ 0x55;
    const writer = await writerAt(path);
    for (const unpackLimit of [1, 100]) {
      for (const bytes of [torn, pack.slice(0, -1), pack.slice(0, 100)]) {
        await using quarantine = await writer.openQuarantine();
        await assert.rejects(
          quarantine.receive(inputOf(bytes), receiving(unpackLimit)),
        );
      }
      const controller = new AbortController();
      const input = inputOf(pack);
      await using quarantine = await writer.openQuarantine();
      await assert.rejects(
        quarantine.receive({
          read(into) {
            controller.abort(new TypeError("given up"));
            return input.read(into);
          },
        }, receiving(unpackLimit, controller.signal)),
        /given up/,
      );
    }
    assert.deepEqual(listing(path, "bytes"), before);
  });

  it("writes what git update-server-info writes", async () => {
    const root = temporaryDirectory("writer");
    const ours = join(root, "ours.git");
    const { tag } = smallRepository(ours);
    const cwd = ours;
    await git(["tag", "-a", "-m", "of a tag", "nested", tag], { cwd });
    await git(["repack", "-dq"], { cwd });
    await git(["symbolic-ref", "refs/heads/alias", "refs/heads/main"], { cwd });
    const read = () =>
      ["info/refs", "objects/info/packs"].map((name) =>
        readFileSync(join(ours, name), "latin1")
      );
    const compare = async (what: string) => {
      const writer = await writerAt(ours);
      await writer.updateServerInfo?.();
      const own = read();
      rmSync(join(ours, "info/refs"));
      await git(["update-server-info"], { cwd });
      assert.deepEqual(own, read(), what);
      const inodes = () =>
        ["info/refs", "objects/info/packs"].map((name) =>
          statSync(join(ours, name)).ino
        );
      const old = inodes();
      await writer.updateServerInfo?.();
      assert.deepEqual(inodes(), old, `${what}: nothing to do`);
    };
    await compare("first");
    await git(["commit-tree", "-m", "more", "main^{tree}"], { cwd });
    await git(["repack", "-dq"], { cwd });
    for (const name of readdirSync(join(ours, "info"))) {
      assert.ok(!name.includes("_"), name);
    }
    rmSync(join(ours, "objects/info/packs"));
    rmSync(join(ours, "info/refs"));
    await compare("without them");
    await git(["update-ref", "-d", "refs/heads/main"], { cwd });
    await compare("with fewer refs");
    const named = readFileSync(join(ours, "info/refs"), "latin1");
    writeFileSync(join(ours, "refs/heads/lost"), `${"1".repeat(40)}\n`);
    rmSync(join(ours, "info/refs"));
    await (await writerAt(ours)).updateServerInfo?.();
    assert.equal(readFileSync(join(ours, "info/refs"), "latin1"), named);
    const shared = { "core.sharedRepository": "0640" };
    for (const [key, value] of Object.entries(shared)) {
      await git(["config", key, value], { cwd });
    }
    rmSync(join(ours, "info/refs"));
    const writer = await writerAt(ours);
    await writer.updateServerInfo?.();
    assert.equal(statSync(join(ours, "info/refs")).mode & 0o777, 0o640);
  });

  it("keeps the order of the packs that are listed already", async () => {
    const path = join(temporaryDirectory("writer"), "work.git");
    smallRepository(path);
    const cwd = path;
    await git(["repack", "-adq"], { cwd });
    for (let i = 0; i < 3; i++) {
      await git(["hash-object", "-w", "--stdin"], { cwd, input: String(i) });
      const list = await git(
        ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"],
        { cwd },
      );
      await git(["pack-objects", "-q", "objects/pack/pack"], {
        cwd,
        input: list.split("\n").slice(i).join("\n"),
      });
      if (i === 1) await git(["update-server-info"], { cwd });
    }
    const info = join(path, "objects/info/packs");
    const lines = readFileSync(info, "latin1").trim().split("\n");
    writeFileSync(info, lines.reverse().join("\n") + "\n\n");
    const writer = await writerAt(path);
    await writer.updateServerInfo?.();
    const own = readFileSync(info, "latin1");
    assert.ok(own.startsWith(lines.join("\n") + "\n"));
    assert.equal(own.split("\n").length, 6);
    writeFileSync(info, lines.join("\n") + "\n\n");
    await git(["update-server-info"], { cwd });
    assert.equal(own, readFileSync(info, "latin1"));
  });

  it("adds to the shallow file under its lock", async () => {
    const path = join(temporaryDirectory("writer"), "work.git");
    await git(["init", "-q", "--bare", path]);
    const ids = ["3", "1", "2"].map((digit) => digit.repeat(40) as Oid);
    const [third, first, second] = ids as [Oid, Oid, Oid];
    const shallow = join(path, "shallow");
    const writer = await writerAt(path);
    await writer.addShallow?.([]);
    assert.ok(!existsSync(shallow));
    await writer.addShallow?.([third, first]);
    assert.equal(readFileSync(shallow, "latin1"), `${third}\n${first}\n`);
    await writer.addShallow?.([first, second]);
    assert.equal(
      readFileSync(shallow, "latin1"),
      `${first}\n${third}\n${second}\n`,
    );
    writeFileSync(`${shallow}.lock`, "");
    await assert.rejects(async () => await writer.addShallow?.([ZERO]), {
      code: "locked",
      message: /Unable to create '.*\/shallow\.lock': File exists\./,
    });
    rmSync(`${shallow}.lock`);
    writeFileSync(shallow, "nonsense\n");
    await assert.rejects(async () => await writer.addShallow?.([ZERO]), {
      code: "bad-shallow",
    });
    assert.ok(!existsSync(`${shallow}.lock`));
  });

  it("says so where the object directory cannot be written", async () => {
    const path = join(temporaryDirectory("writer"), "work.git");
    await git(["init", "-q", "--bare", path]);
    const objects = join(path, "objects");
    rmSync(objects, { recursive: true });
    // A file stands in its way, for root as well.
    writeFileSync(objects, "");
    const repository = await opened(path).catch((error) => error);
    if (repository instanceof Error) return assert.ok(repository);
    const writer = await repository.writer?.();
    await assert.rejects(async () => await writer?.openQuarantine(), {
      code: "ENOTDIR",
    });
  });

  it("does not know a word of gitsrv.fsync that is none", async () => {
    const path = join(temporaryDirectory("writer"), "work.git");
    await git(["init", "-q", "--bare", path]);
    await git(["config", "gitsrv.fsync", "sometimes"], { cwd: path });
    await assert.rejects(writerAt(path), { code: "bad-config" });
  });
});
