/**
 * The quarantine of a repository on disk where the disk fails: whichever call
 * it is, nothing is lost, nothing is left, and the next push works.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../../../src/core/errors.ts";
import {
  formatIdentity,
  type Owners,
  type ProcessIdentity,
} from "../../../../src/core/owner.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { ownedName } from "../../../../src/storage/files/lock_journal.ts";
import {
  type FailingFiles,
  failingFiles,
  type Fault,
} from "../../../support/failing_files.ts";
import { inputOf } from "../../../support/given_intake.ts";
import { git } from "../../../support/git.ts";
import { fsck } from "../../../support/git_repository.ts";
import { before, describe, it } from "../../../support/test.ts";
import {
  listing,
  receiving,
  type Source,
  source,
  target,
  tinySource,
  writerOf,
} from "./quarantine_support.ts";

const CODES = ["ENOSPC", "EIO", "EROFS", "EMFILE", "EDQUOT"];
const LIMITS = [1, 1000];

const MACHINE = { machine: "machine", boot: "boot", start: "1" };

/** Process `pid`, to whom all others are dead. */
function survivor(pid: number): Owners {
  return {
    self: { ...MACHINE, pid },
    isDead: (other) => other.machine === "machine" && other.pid !== pid,
  };
}

/** One life of a quarantine; rejects as it does. */
async function life(
  path: string,
  { given }: Source,
  unpackLimit: number,
  files: FailingFiles,
): Promise<void> {
  const writer = await writerOf(path, given, { files, owners: survivor(1) });
  await using quarantine = await writer.openQuarantine();
  await quarantine.receive(inputOf(given.pack), receiving(unpackLimit));
  await quarantine.publish();
}

describe("a quarantine on a disk that fails", () => {
  let pushed: Source;
  let empty: string;
  let path: string;

  before(async () => {
    pushed = await tinySource("faults");
    empty = await target();
    path = join(empty, "../work.git");
  });

  function reset(): void {
    rmSync(path, { recursive: true, force: true });
    cpSync(empty, path, { recursive: true });
  }

  /** How many calls a life takes when nothing fails. */
  async function callsOf(unpackLimit: number): Promise<number> {
    reset();
    const files = failingFiles(NODE_WRITE_FILES);
    await life(path, pushed, unpackLimit, files);
    return files.calls;
  }

  /** What is in the object directory that no reader would find. */
  function litter(): string[] {
    const packs = readdirSync(join(path, "objects/pack"));
    // Where the pack is here already, it comes again under another name.
    const isWhole = (name: string) =>
      [".idx", ".pack"].every((end) =>
        packs.includes(name.replace(/\.[a-z]+$/, end))
      );
    const parts = packs.filter((name) => !isWhole(name));
    const rest = readdirSync(join(path, "objects"))
      .filter((name) => !/^(?:info|pack|[0-9a-f]{2})$/.test(name));
    return [...parts, ...rest];
  }

  /** Of loose objects one is as another: every second call is enough. */
  function* callsUpTo(calls: number, unpackLimit: number): Generator<number> {
    for (let at = 1; at <= calls; at += unpackLimit === 1 ? 1 : 2) yield at;
  }

  async function nextPushWorks(
    unpackLimit: number,
    what: string,
  ): Promise<void> {
    const files = failingFiles(NODE_WRITE_FILES);
    const { given } = pushed;
    const writer = await writerOf(path, given, { files, owners: survivor(2) });
    {
      await using quarantine = await writer.openQuarantine();
      await quarantine.receive(inputOf(given.pack), receiving(unpackLimit));
      await quarantine.publish();
    }
    assert.deepEqual(litter(), [], what);
    assert.ok(
      !readdirSync(join(path, "objects/pack")).some((name) =>
        name.endsWith(".keep")
      ),
      what,
    );
  }

  async function isWhole(what: string): Promise<void> {
    await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
    assert.deepEqual(await fsck(path), { code: 0, lines: [] }, what);
  }

  it("says which call failed, leaves nothing, and works again", async () => {
    for (const unpackLimit of LIMITS) {
      const calls = await callsOf(unpackLimit);
      for (const at of callsUpTo(calls, unpackLimit)) {
        const code = CODES[at % CODES.length] as string;
        const what = `${unpackLimit}: call ${at} of ${calls}, ${code}`;
        reset();
        const files = failingFiles(NODE_WRITE_FILES, {
          fault: { at, kind: "fails", code },
        });
        let failure: unknown;
        try {
          await life(path, pushed, unpackLimit, files);
        } catch (error) {
          failure = error;
        }
        const last = files.failed;
        // What only tidies up may fail in silence.
        if (failure === undefined) {
          assert.match(last ?? "", /^(?:unlink|rmdir) /, what);
        } else {
          assert.ok(failure instanceof StorageError, `${what}: ${failure}`);
          assert.equal(failure.code, code, what);
          assert.deepEqual(litter(), [], `${what}, ${last}`);
        }
        await nextPushWorks(unpackLimit, `${what}, ${last}`);
        if (at % 10 === 1) await isWhole(what);
      }
    }
  });

  it("leaves nothing on a disk that is full from some call on", async () => {
    for (const unpackLimit of LIMITS) {
      const calls = await callsOf(unpackLimit);
      for (const at of callsUpTo(calls, unpackLimit)) {
        reset();
        const files = failingFiles(NODE_WRITE_FILES, {
          fault: { at, kind: "full", code: "ENOSPC" },
        });
        const what = `${unpackLimit}: from call ${at} of ${calls}`;
        const ended = life(path, pushed, unpackLimit, files);
        await ended.then(
          () => assert.equal(files.faults, 0, what),
          (error) => assert.equal(error.code, "ENOSPC", what),
        );
        assert.deepEqual(litter(), [], what);
        await nextPushWorks(unpackLimit, what);
      }
      await isWhole("full");
    }
  });

  it("goes on where writes take less than they are given", async () => {
    for (const unpackLimit of LIMITS) {
      reset();
      const fault: Fault = { at: 1, kind: "short" };
      const files = failingFiles(NODE_WRITE_FILES, { fault });
      await life(path, pushed, unpackLimit, files);
      assert.ok(files.faults > 15, String(files.faults));
      await isWhole("short writes");
    }
  });

  it("is swept when its process was killed, at any call", async () => {
    for (const unpackLimit of LIMITS) {
      const calls = await callsOf(unpackLimit);
      for (const at of callsUpTo(calls, unpackLimit)) {
        const what = `${unpackLimit}: killed at call ${at} of ${calls}`;
        reset();
        const files = failingFiles(NODE_WRITE_FILES, {
          fault: { at, kind: "crash" },
        });
        await life(path, pushed, unpackLimit, files).catch((error) =>
          assert.ok(error instanceof StorageError, `${what}: ${error}`)
        );
        await nextPushWorks(unpackLimit, what);
        if (at % 10 === 1) await isWhole(what);
      }
    }
  });
});

describe("the sweep before a quarantine", () => {
  it("takes what the dead have left, and nothing else", async () => {
    const pushed = await source("sweep");
    const path = await target();
    const objects = join(path, "objects");
    const leave = (owner: ProcessIdentity | string) => {
      const name = typeof owner === "string"
        ? `tmp_objdir-incoming-${owner}`
        : `${ownedName("tmp_objdir-incoming-", owner)}~abcdef`;
      mkdirSync(join(objects, name, "pack"), { recursive: true });
      writeFileSync(join(objects, name, "pack/tmp_pack_abcdef"), "bytes");
      return name;
    };
    const keep = (name: string, text: string) =>
      writeFileSync(join(objects, `pack/pack-${name}.keep`), text);
    const dead = leave({ ...MACHINE, pid: 7 });
    leave({ ...MACHINE, pid: 1 });
    leave({ ...MACHINE, machine: "another", pid: 7 });
    leave("AbCdEf");
    leave("torn~abcdef");
    const line = (owner: ProcessIdentity) =>
      `receive-pack 7 on host\ngitsrv ${formatIdentity(owner)}\n`;
    keep("1".repeat(40), line({ ...MACHINE, pid: 7 }));
    keep("2".repeat(40), line({ ...MACHINE, pid: 1 }));
    keep("3".repeat(40), "receive-pack 7 on host\n");
    keep("4".repeat(40), line({ ...MACHINE, machine: "another", pid: 7 }));
    keep("5".repeat(40), "");
    const before = listing(objects, "bytes");
    const writer = await writerOf(path, pushed.given, { owners: survivor(1) });
    {
      await using _quarantine = await writer.openQuarantine();
    }
    const after = listing(objects, "bytes");
    const gone = before.filter((each) => !after.includes(each))
      .map((each) => each.split(" ")[0]);
    assert.deepEqual(gone, [
      `pack/pack-${"1".repeat(40)}.keep`,
      `${dead}/`,
      `${dead}/pack/`,
      `${dead}/pack/tmp_pack_abcdef`,
    ]);
    assert.deepEqual(after.filter((each) => !before.includes(each)), []);
  });
});
