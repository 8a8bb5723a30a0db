import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Oid } from "../../../../src/core/oid.ts";
import type { RefFailure, RefUpdate } from "../../../../src/storage/writes.ts";
import { update } from "../../../contract/ref_writer.ts";
import { removeDirectory } from "../../../support/fixture_directory.ts";
import {
  FailingFiles,
  Killed,
  UNSYNCED_FILES,
} from "../../../support/failing_writes.ts";
import { git } from "../../../support/git.ts";
import {
  DEAD,
  fileRefWriter,
  ownersFor,
  refFiles,
  type RefObjects,
  refRepository,
  storedRefs,
} from "../../../support/ref_worlds.ts";
import { describe, it } from "../../../support/test.ts";

const ZERO = "0".repeat(40) as Oid;
const OPTIONS = {
  committer: "C <c@example.com> 1700000000 +0000",
  message: "push",
};

/** Loose and packed refs, logs, and one of everything that may be asked. */
async function world(): Promise<
  { path: string; objects: RefObjects; updates: readonly RefUpdate[] }
> {
  const { path, objects } = await refRepository({
    "core.logAllRefUpdates": "true",
  });
  const [a, b, c] = objects.commits;
  const set = (name: string, value: string) =>
    git(["update-ref", "-m", "x", name, value], { cwd: path });
  await set("refs/heads/main", a);
  await set("refs/heads/gone/packed", a);
  await set("refs/tags/stays", objects.tag);
  await git(["pack-refs", "--all"], { cwd: path });
  await set("refs/heads/gone/both", a);
  await set("refs/heads/moves", b);
  return {
    path,
    objects,
    updates: [
      update("refs/heads/main", b, a),
      update("refs/heads/gone/packed", ZERO, a),
      update("refs/heads/new/deep", c, ZERO),
      update("refs/heads/moves", c, b),
      update("refs/heads/gone/both", ZERO, a),
    ],
  };
}

const LOOKS = new Set([
  ...["stat", "lstat", "realPath", "readLink", "list", "read", "open"],
  "close",
]);

/** All of a repository but its objects, which no ref writer looks at. */
function copyRefs(from: string, to: string): void {
  for (const name of ["HEAD", "config", "packed-refs", "refs", "logs"]) {
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
}

/** Every so many-th call fails; GITSRV_TEST_EVERY_FAULT=1 for each of them. */
const STEP = Number(process.env.GITSRV_TEST_EVERY_FAULT ?? 5);

/** Runs `body` on copies of a repository until nothing fails any more. */
async function walk(
  code: string,
  first: number,
  body: (place: {
    readonly path: string;
    readonly failing: FailingFiles;
    readonly objects: RefObjects;
    readonly updates: readonly RefUpdate[];
  }) => Promise<void>,
): Promise<number> {
  const { path, objects, updates } = await world();
  for (let at = 1 + first % STEP;; at += STEP) {
    const copy = `${path}.${at}`;
    copyRefs(path, copy);
    const failing = new FailingFiles(UNSYNCED_FILES, {
      at,
      with: code,
      // A process that dies between two looks has changed nothing.
      counts: (call) => code !== "killed" || !LOOKS.has(call),
    });
    await body({ path: copy, failing, objects, updates });
    removeDirectory(copy);
    if (failing.failed === undefined) return failing.calls;
  }
}

function locks(path: string): string[] {
  return [...refFiles(path).keys()].filter((name) =>
    name.endsWith(".lock") || name.startsWith("gitsrv") ||
    name === "packed-refs.new"
  );
}

function check(
  updates: readonly RefUpdate[],
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  outcomes: readonly (RefFailure | undefined)[],
  where: string,
): void {
  const asked = new Set<string>(updates.map(({ name }) => name));
  updates.forEach(({ name, new: value }, i) => {
    const expected = outcomes[i] !== undefined
      ? before.get(name)
      : value === ZERO
      ? undefined
      : value;
    assert.equal(after.get(name), expected, `${name} after ${where}`);
  });
  for (const [name, value] of before) {
    if (!asked.has(name)) assert.equal(after.get(name), value, where);
  }
}

describe("A ref writer whose disk fails", () => {
  for (const atomic of [false, true]) {
    it(`tells what became of each, atomic or not: ${atomic}`, async () => {
      const calls = await walk("EIO", atomic ? 1 : 2, async (place) => {
        const { path, failing, objects, updates } = place;
        const before = storedRefs(path);
        const writer = fileRefWriter(path, objects, {
          files: failing.files,
          fsync: "full",
        });
        const outcomes = await writer.apply(updates, { ...OPTIONS, atomic });
        const where = `call ${failing.calls}, ${failing.failed}`;
        check(updates, before, storedRefs(path), outcomes, where);
        if (atomic) {
          const kinds = new Set(outcomes.map((each) => each === undefined));
          assert.equal(kinds.size, 1, where);
        }
        assert.deepEqual(locks(path), [], where);
      });
      assert.ok(calls > 100, `${calls}`);
    });

    it(`leaves nothing in the way when it is killed, atomic: ${atomic}`, async () => {
      const calls = await walk("killed", atomic ? 3 : 4, async (place) => {
        const { path, failing, objects, updates } = place;
        const before = storedRefs(path);
        const dying = fileRefWriter(path, objects, {
          files: failing.files,
          fsync: "full",
          owners: ownersFor(DEAD),
        });
        const outcomes = await dying.apply(updates, { ...OPTIONS, atomic })
          .catch((error) => {
            assert.ok(error instanceof Killed, String(error));
            return undefined;
          });
        const where = `call ${failing.calls}, ${failing.failed}`;
        // What was not told has happened or has not.
        const after = storedRefs(path);
        for (const { name, new: value } of updates) {
          const now = after.get(name);
          const next = value === ZERO ? undefined : value;
          assert.ok(
            now === next ||
              (outcomes === undefined && now === before.get(name)),
            `${name} after ${where}`,
          );
        }
        const rest = updates.map(({ name, new: value }) => update(name, value));
        const done = await fileRefWriter(path, objects)
          .apply(rest, { ...OPTIONS, atomic: false });
        assert.deepEqual(done, rest.map(() => undefined), where);
        assert.deepEqual(locks(path), [], where);
      });
      assert.ok(calls > 40, `${calls}`);
    });
  }
});
