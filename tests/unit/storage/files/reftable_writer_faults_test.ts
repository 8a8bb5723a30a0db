/**
 * Writing reftables while calls of the disk fail, or the process ends: the
 * stack stays sound, and what is told is true.
 *
 * @module
 */

import assert from "node:assert/strict";
import { copyFileSync, cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StorageError } from "../../../../src/core/errors.ts";
import type { Oid } from "../../../../src/core/oid.ts";
import type { Owners, ProcessIdentity } from "../../../../src/core/owner.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import type {
  WritableFile,
  WritableFiles,
} from "../../../../src/core/write_files.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import { compactStack } from "../../../../src/storage/files/reftable/compaction.ts";
import type { RefUpdate } from "../../../../src/storage/writes.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import {
  leftovers,
  makeStack,
  openWorld,
  tableNames,
} from "../../../support/reftable_world.ts";
import { describe, it } from "../../../support/test.ts";

const ZERO = "0".repeat(40) as Oid;
const ONE = "1".repeat(40) as Oid;
const TWO = "2".repeat(40) as Oid;
const OPTIONS = {
  atomic: false,
  committer: "C <c@example.com> 1700000000 +0000",
  message: "push",
};
const CODES = ["ENOSPC", "EIO", "EROFS", "EMFILE"];
const root = temporaryDirectory("reftable-faults");

/** What a call does that is to fail. */
type Fault =
  /** It alone fails. */
  | "once"
  /** It and all after it fail: nobody lives who could clear up. */
  | "death"
  /** If it writes, it writes half. */
  | "short";

interface FailingFiles {
  readonly files: WritableFiles;
  /** Which call failed, if one did. */
  failed(): string | undefined;
}

/** Files whose call number `n` fails. */
function failingFiles(n: number, fault: Fault): FailingFiles {
  let count = 0;
  let failed: string | undefined;
  const meet = (name: string): boolean => {
    count++;
    const isHit = count === n || (fault === "death" && count > n);
    if (isHit) failed ??= name;
    return isHit;
  };
  const broken = (name: string): StorageError =>
    new StorageError(CODES[n % CODES.length] as string, `${name} fails`);
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(_, key) {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== "function") return value;
        const name = String(key);
        return (...args: unknown[]): unknown => {
          if (name === "close") return value.apply(target, args);
          if (meet(name)) {
            if (fault === "short") {
              const [bytes] = args;
              if (name === "writeAt" && bytes instanceof Uint8Array) {
                args[0] = bytes.subarray(0, Math.ceil(bytes.length / 2));
              }
            } else if (name.startsWith("sync")) {
              return Promise.reject(broken(name));
            } else throw broken(name);
          }
          const result = value.apply(target, args) as unknown;
          const isFile = name === "create" || name.startsWith("open");
          return isFile && result !== undefined
            ? wrap(result as WritableFile)
            : result;
        };
      },
    });
  return { files: wrap(NODE_WRITE_FILES), failed: () => failed };
}

const THE_DEAD: ProcessIdentity = {
  machine: "m",
  boot: "b",
  pid: 1001,
  start: "1",
};
const DEAD_OWNERS: Owners = { self: THE_DEAD, isDead: () => false };
const HEIRS: Owners = {
  self: { ...THE_DEAD, pid: 1002 },
  isDead: (other) => other.pid === THE_DEAD.pid,
};

/** A repository with some history, at `path`. */
async function prepared(path: string): Promise<void> {
  makeStack(path);
  const world = openWorld(path, {
    config: { "reftable.geometricfactor": "1" },
  });
  await world.setSymbolic("HEAD", "refs/heads/main");
  const many = Array.from({ length: 60 }, (_, i) => update(`t${i}`, ONE));
  for (const part of [many, [update("main", ONE), update("gone", ONE)]]) {
    const outcomes = await world.writer.apply(part, OPTIONS);
    assert.ok(outcomes.every((each) => each === undefined));
  }
}

function update(name: string, value: Oid, old?: Oid): RefUpdate {
  return {
    name: `refs/heads/${name}` as RefName,
    new: value,
    ...(old === undefined ? {} : { old }),
  };
}

const UPDATES = [
  update("main", TWO, ONE),
  update("gone", ZERO, ONE),
  update("new", TWO, ZERO),
  update("never", TWO, ONE),
];

/** What the refs of {@linkcode UPDATES} come to, those that took place. */
const AFTER = [TWO, undefined, TWO, undefined];
const BEFORE = [ONE, ONE, undefined, undefined];

describe("A failing call while reftables are written", () => {
  for (const fault of ["once", "short"] as const) {
    it(`leaves a sound stack, no lock and a true report (${fault})`, async () => {
      const model = join(root, `model-${fault}`);
      await prepared(model);
      let calls = 0;
      for (let n = 1;; n++) {
        const path = join(root, `${fault}-${n}`);
        cpSync(model, path, { recursive: true });
        const { files, failed } = failingFiles(n, fault);
        const world = openWorld(path, { files, fsync: "full" });
        const outcomes = await world.writer.apply(UPDATES, OPTIONS);
        const where = `call ${n}, ${failed()}`;
        const refs = openWorld(path).refs();
        for (const [i, { name }] of UPDATES.entries()) {
          const outcome = outcomes[i];
          const isTold = refs.get(name) ===
            (outcome === undefined ? AFTER : BEFORE)[i];
          // A list that may be lost yet is not told as done.
          const isUnsure = failed() === "syncDirectory" &&
            refs.get(name) === AFTER[i];
          assert.ok(isTold || isUnsure, `${where}: ${name}`);
        }
        assert.ok(refs.size >= 61, where);
        const left = leftovers(path).filter((name) => name.endsWith(".lock"));
        assert.deepEqual(left, [], where);
        const next = await openWorld(path).writer.apply(
          [update("next", ONE, ZERO)],
          OPTIONS,
        );
        assert.deepEqual(next, [undefined], where);
        if (failed() === undefined) break;
        calls = n;
        if (fault === "short") {
          assert.deepEqual(outcomes.map((each) => each?.code), [
            undefined,
            undefined,
            undefined,
            "changed",
          ], where);
        }
      }
      assert.ok(calls > 30, `${calls} calls`);
    });
  }

  it("does no harm where it is the last of a process", async () => {
    const model = join(root, "model-death");
    await prepared(model);
    for (let n = 1;; n++) {
      const path = join(root, `death-${n}`);
      cpSync(model, path, { recursive: true });
      const { files, failed } = failingFiles(n, "death");
      const world = openWorld(path, {
        files,
        fsync: "full",
        owners: DEAD_OWNERS,
      });
      const outcomes = await world.writer.apply(UPDATES, OPTIONS);
      const where = `call ${n}, ${failed()}`;
      const heir = openWorld(path, { owners: HEIRS });
      for (const [i, { name }] of UPDATES.entries()) {
        if (outcomes[i] !== undefined) continue;
        assert.equal(heir.refs().get(name), AFTER[i], where);
      }
      const next = await heir.writer.apply(
        [update("next", ONE, ZERO)],
        OPTIONS,
      );
      assert.deepEqual(next, [undefined], where);
      heir.writing.journal.sweep();
      assert.deepEqual(leftovers(path), [], where);
      if (failed() === undefined) break;
    }
  });

  it("leaves a stack as it was or joined, where it is compacted", async () => {
    const model = join(root, "model-compact");
    await prepared(model);
    const before = openWorld(model).refs();
    const names = tableNames(model);
    assert.ok(names.length >= 2);
    for (let n = 1;; n++) {
      const path = join(root, `compact-${n}`);
      cpSync(model, path, { recursive: true });
      const { files, failed } = failingFiles(n, "once");
      const world = openWorld(path, {
        files,
        fsync: "full",
        config: { "reftable.geometricfactor": "255" },
      });
      try {
        await compactStack(world.store.common, world.writing);
      } catch (error) {
        assert.ok(error instanceof StorageError);
      }
      const where = `call ${n}, ${failed()}`;
      const after = openWorld(path);
      assert.deepEqual(after.refs(), before, where);
      assert.equal(after.log("refs/heads/main").length, 1, where);
      const left = leftovers(path).filter((name) => name.endsWith(".lock"));
      assert.deepEqual(left, [], where);
      if (failed() !== undefined) continue;
      assert.equal(tableNames(path).length, 1);
      break;
    }
  });

  it("is told where a table or the list cannot be made durable", async () => {
    const path = join(root, "unsynced");
    await prepared(path);
    const list = readFileSync(join(path, "reftable/tables.list"));
    const failing: WritableFiles = {
      ...NODE_WRITE_FILES,
      create(at, mode) {
        const file = NODE_WRITE_FILES.create(at, mode);
        file.sync = () => Promise.reject(new StorageError("EIO", "no sync"));
        return file;
      },
    };
    const world = openWorld(path, { files: failing, fsync: "full" });
    const [outcome] = await world.writer.apply([update("x", ONE)], OPTIONS);
    assert.deepEqual(outcome, {
      code: "failed",
      message: "reftable: transaction failure: I/O error",
    });
    assert.deepEqual(readFileSync(join(path, "reftable/tables.list")), list);
    assert.match(world.warnings.join(), /no sync/);
    const unasked = openWorld(path, { files: failing });
    assert.deepEqual(
      await unasked.writer.apply([update("x", ONE)], OPTIONS),
      [undefined],
    );
  });

  it("is no reason to remove a lock that others hold", async () => {
    const path = join(root, "foreign");
    await prepared(path);
    const lock = join(path, "reftable/tables.list.lock");
    copyFileSync(join(path, "reftable/tables.list"), lock);
    const world = openWorld(path, { owners: HEIRS });
    const updates = [update("x", ONE), update("y", ONE)];
    for (const atomic of [true, false]) {
      const outcomes = await world.writer.apply(updates, {
        ...OPTIONS,
        atomic,
      });
      for (const outcome of outcomes) {
        assert.deepEqual(outcome, {
          code: "locked",
          message: "cannot lock references",
        });
      }
    }
    assert.deepEqual(leftovers(path), ["tables.list.lock"]);
  });
});
