/**
 * A few objects that nobody may look into before they are published: where
 * they are meanwhile, in which order they reach the disk, and what is left of
 * them when the disk fails or the process dies.
 *
 * @module
 */

import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../../../src/core/oid.ts";
import type { Owners } from "../../../../src/core/owner.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import {
  type FailingFiles,
  failingFiles,
} from "../../../support/failing_files.ts";
import { inputOf } from "../../../support/given_intake.ts";
import { gitSync } from "../../../support/git.ts";
import { fsck } from "../../../support/git_repository.ts";
import { before, describe, it } from "../../../support/test.ts";
import {
  receiving,
  type Source,
  target,
  tinySource,
  writable,
  writerOf,
} from "./quarantine_support.ts";

const LOOSE = 100;
const MACHINE = { machine: "machine", boot: "boot", start: "1" };

/** Process `pid`, to whom all others are dead. */
function survivor(pid: number): Owners {
  return {
    self: { ...MACHINE, pid },
    isDead: (other) => other.machine === "machine" && other.pid !== pid,
  };
}

describe("objects that nobody may see", () => {
  let pushed: Source;
  let empty: string;
  let path: string;

  before(async () => {
    pushed = await tinySource("held");
    empty = await target();
    path = join(empty, "../work.git");
  });

  function reset(): void {
    rmSync(path, { recursive: true, force: true });
    cpSync(empty, path, { recursive: true });
  }

  /** One push, as process `pid`. */
  async function push(files: FailingFiles, pid: number): Promise<void> {
    const { given, main } = pushed;
    const owners = survivor(pid);
    const writer = await writerOf(path, given, { files, owners });
    await using quarantine = await writer.openQuarantine({ seenBy: "nobody" });
    await quarantine.receive(inputOf(given.pack), receiving(LOOSE));
    await quarantine.publish();
    const [failure] = await writer.refs.apply([{
      name: "refs/heads/main" as RefName,
      new: main as Oid,
    }], { atomic: false, committer: "a <a> 1 +0000", message: "push" });
    if (failure !== undefined) throw new Error(failure.message);
  }

  const litter = () =>
    [...readdirSync(path), ...readdirSync(join(path, "objects"))]
      .filter((name) => /^(?:gitsrv-locks|tmp_)/.test(name));

  it("are in no place of the object directory before they are published", async () => {
    reset();
    const { given } = pushed;
    const repository = writable(path, given);
    const writer = await repository.writer?.();
    assert.ok(writer !== undefined);
    const sees = async (oid: Oid) => {
      using snapshot = await writer.snapshot?.();
      return (snapshot?.objects.find(oid) ?? -1) >= 0;
    };
    const oids = given.oids as readonly Oid[];
    const before = readdirSync(join(path, "objects"));
    await using quarantine = await writer.openQuarantine({ seenBy: "nobody" });
    await quarantine.receive(inputOf(given.pack), receiving(LOOSE));
    assert.deepEqual(quarantine.environment, {});
    assert.deepEqual(readdirSync(join(path, "objects")), before);
    {
      using snapshot = await quarantine.snapshot();
      for (const oid of oids) {
        const number = snapshot.objects.find(oid);
        assert.ok(number >= 0, oid);
        const kind = gitSync(["cat-file", "-t", oid], { cwd: pushed.path });
        assert.equal(
          ["", "commit", "tree", "blob"][snapshot.objects.read(number).kind],
          kind.trim(),
        );
        assert.ok(!(await sees(oid)), "not published yet");
      }
    }
    await quarantine.publish();
    for (const oid of oids) assert.ok(await sees(oid), "published");
    // What is asked for is asked anew by every snapshot.
    const last = oids[0] as string;
    rmSync(join(path, "objects", last.slice(0, 2), last.slice(2)));
    assert.ok(!(await sees(last as Oid)), "removed");
  });

  it("go where all else is when more is received", async () => {
    reset();
    const writer = await writerOf(path, pushed.given);
    await using quarantine = await writer.openQuarantine({ seenBy: "nobody" });
    for (const unpackLimit of [LOOSE, 1]) {
      const input = inputOf(pushed.given.pack);
      await quarantine.receive(input, receiving(unpackLimit));
    }
    await quarantine.publish();
    await quarantine[Symbol.asyncDispose]();
    assert.equal((await fsck(path)).code, 0);
    const count = gitSync(["count-objects", "-v"], { cwd: path });
    assert.match(count, /^count: 3\n[^]*packs: 1\n/);
    assert.deepEqual(litter(), []);
  });

  it("are on the disk before they have names, and these before a ref", async () => {
    reset();
    const files = failingFiles(NODE_WRITE_FILES, { root: path });
    await push(files, 1);
    const { trace } = files;
    const all = (start: string) =>
      trace.flatMap((line, at) => line.startsWith(start) ? [at] : []);
    const links = all("link objects/");
    // Each is tried before its directory is made.
    assert.equal(links.length, 6, trace.join("\n"));
    const synced = all("synced gitsrv-locks-").slice(0, 3);
    assert.ok(Math.max(...synced) < (links[0] as number), trace.join("\n"));
    const fanOuts = new Set(pushed.given.oids.map((oid) => oid.slice(0, 2)));
    const directories = [...fanOuts].map((name) => `synced objects/${name}`);
    const rename = all("rename refs/heads/main");
    assert.equal(rename.length, 1, trace.join("\n"));
    for (const line of [...directories, "synced objects"]) {
      const at = trace.indexOf(line);
      assert.ok(
        at > (links.at(-1) as number),
        `${line} in ${trace.join("\n")}`,
      );
      assert.ok(at < (rename[0] as number));
    }
  });

  it("leave nothing when the disk fails, or who comes next removes it", async () => {
    reset();
    const whole = failingFiles(NODE_WRITE_FILES);
    await push(whole, 1);
    assert.deepEqual(litter(), []);
    for (const kind of ["fails", "crash"] as const) {
      // After a crash one call is as its neighbour.
      const step = kind === "fails" ? 1 : 2;
      for (let at = 1; at <= whole.calls; at += step) {
        const what = `${kind} at call ${at} of ${whole.calls}`;
        reset();
        const files = failingFiles(NODE_WRITE_FILES, {
          fault: { kind, at, code: "EIO" },
        });
        await push(files, 1).catch(() => {});
        await push(failingFiles(NODE_WRITE_FILES), 2);
        assert.deepEqual(litter(), [], what);
        const main = join(path, "refs/heads/main");
        assert.ok(existsSync(main), what);
      }
      assert.deepEqual(await fsck(path), { code: 0, lines: [] });
    }
  });
});
