/**
 * What was published, beside those who remove what no ref names: `git gc
 * --prune=now` with loose objects, and `git repack -ad` with packs.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Oid } from "../../../../src/core/oid.ts";
import { NODE_WRITE_FILES } from "../../../../src/runtime/write_files.ts";
import type { Quarantine } from "../../../../src/storage/writes.ts";
import { failingFiles } from "../../../support/failing_files.ts";
import { inputOf } from "../../../support/given_intake.ts";
import { git } from "../../../support/git.ts";
import { fsck } from "../../../support/git_repository.ts";
import { before, describe, it } from "../../../support/test.ts";
import {
  receiving,
  type Source,
  source,
  target,
  tinySource,
  writerOf,
  type WritingOptions,
} from "./quarantine_support.ts";

const LOOSE = 1000;

/** Nothing that was here is needed. */
const nothing = () => Promise.resolve([]);

async function published(
  path: string,
  { given }: Source,
  options: WritingOptions & { readonly unpackLimit?: number } = {},
): Promise<Quarantine> {
  const { unpackLimit = LOOSE } = options;
  const writer = await writerOf(path, given, options);
  const quarantine = await writer.openQuarantine();
  await quarantine.receive(inputOf(given.pack), receiving(unpackLimit));
  await quarantine.publish();
  return quarantine;
}

/** What `git prune` does that has read the refs before: none. */
function prune(path: string, { given }: Source): void {
  for (const oid of given.oids) {
    const loose = join(path, "objects", oid.slice(0, 2), oid.slice(2));
    rmSync(loose, { force: true });
  }
  for (const name of readdirSync(join(path, "objects"))) {
    if (!name.startsWith("tmp_")) continue;
    rmSync(join(path, "objects", name), { recursive: true });
  }
}

function collect(path: string): void {
  writeFileSync(join(path, "gc.pid"), "1 elsewhere");
}

async function isWhole(path: string, pushed: Source): Promise<void> {
  await git(["update-ref", "refs/heads/main", pushed.main], { cwd: path });
  assert.equal((await fsck(path)).code, 0);
}

function packNames(path: string): string[] {
  return readdirSync(join(path, "objects/pack")).sort();
}

describe("what was published", () => {
  let pushed: Source;

  before(async () => {
    pushed = await source("secure");
  });

  it("is stored once where nobody collects", async () => {
    const path = await target();
    const files = failingFiles(NODE_WRITE_FILES);
    await using quarantine = await published(path, pushed, { files });
    const calls = files.calls;
    await quarantine.secure?.(() => assert.fail("asked"));
    await quarantine.secure?.(() => assert.fail("asked"));
    assert.deepEqual(packNames(path), []);
    assert.equal(files.calls, calls, "nothing was changed");
  });

  it("outlives a git gc that has begun before refs name it", async () => {
    const path = await target();
    {
      await using quarantine = await published(path, pushed);
      collect(path);
      await quarantine.secure?.(nothing);
      const { name } = pushed.given;
      const ends = [".idx", ".keep", ".pack", ".rev"];
      assert.deepEqual(packNames(path), ends.map((end) => name + end));
      prune(path, pushed);
      await quarantine.secure?.(nothing);
      assert.deepEqual(packNames(path), ends.map((end) => name + end));
    }
    assert.ok(!packNames(path).some((name) => name.endsWith(".keep")));
    await isWhole(path, pushed);
  });

  it("comes back after a git gc that is over, however little it took", async () => {
    for (const oids of [pushed.given.oids, pushed.given.oids.slice(-1)]) {
      const path = await target();
      await using quarantine = await published(path, pushed);
      await quarantine.secure?.(nothing);
      prune(path, { ...pushed, given: { ...pushed.given, oids } });
      await quarantine.secure?.(nothing);
      await isWhole(path, pushed);
    }
  });

  it("comes back though the quarantine goes while it is stored again", async () => {
    const path = await target();
    let isArmed = false;
    const files = {
      ...NODE_WRITE_FILES,
      link(from: string, to: string) {
        if (isArmed && to.endsWith(".pack")) {
          isArmed = false;
          prune(path, pushed);
        }
        NODE_WRITE_FILES.link(from, to);
      },
    };
    {
      await using quarantine = await published(path, pushed, { files });
      collect(path);
      isArmed = true;
      await quarantine.secure?.(nothing);
      assert.ok(!isArmed);
    }
    await isWhole(path, pushed);
    assert.deepEqual(packNames(path).filter((e) => e.endsWith(".keep")), []);
  });

  it("leaves the name that its pack has where no ref came to name it", async () => {
    const path = await target();
    {
      await using quarantine = await published(path, pushed, {
        unpackLimit: 1,
      });
      quarantine.unnamed?.();
    }
    const names = packNames(path);
    const base = names[0]?.split(".")[0] as string;
    assert.deepEqual(names, [".idx", ".pack", ".rev"].map((end) => base + end));
    assert.notEqual(base, pushed.given.name);
    // Whoever repacks may have seen that name: it comes under its own again.
    await (await published(path, pushed, { unpackLimit: 1 }))
      [Symbol.asyncDispose]();
    assert.ok(packNames(path).includes(`${pushed.given.name}.idx`));
    await isWhole(path, pushed);
  });

  it("is stored as a pack where a pack has some of it that may go", async () => {
    const path = await target();
    {
      await using quarantine = await published(path, pushed);
      collect(path);
      await quarantine.secure?.(nothing);
      quarantine.unnamed?.();
    }
    rmSync(join(path, "gc.pid"));
    const before = packNames(path);
    {
      await using _ = await published(path, pushed);
      assert.equal(packNames(path).length, before.length + 4);
      prune(path, pushed);
      for (const name of before) rmSync(join(path, "objects/pack", name));
    }
    await isWhole(path, pushed);
  });

  it("is told to be in danger where the disk is full", async () => {
    const calls = await (async () => {
      const files = failingFiles(NODE_WRITE_FILES);
      await using _ = await published(await target(), pushed, { files });
      return files.calls;
    })();
    const path = await target();
    const fault = { at: calls + 3, kind: "full", code: "ENOSPC" } as const;
    const files = failingFiles(NODE_WRITE_FILES, { fault });
    await using quarantine = await published(path, pushed, { files });
    collect(path);
    await assert.rejects(quarantine.secure?.(nothing) ?? nothing(), {
      code: "ENOSPC",
    });
    assert.deepEqual(packNames(path), []);
    await isWhole(path, pushed);
  });
});

describe("what a push needs and did not bring", () => {
  it("is stored again beside a git gc, unless a ref names it", async () => {
    const pushed = await source("brought");
    const path = await target();
    const here = await tinySource("here already");
    await (await published(path, here))[Symbol.asyncDispose]();
    {
      await using quarantine = await published(path, pushed);
      collect(path);
      let asked = 0;
      const reached = (isBrought: (oid: Oid) => boolean) => {
        asked++;
        const both = [...here.given.oids, ...pushed.given.oids] as Oid[];
        return Promise.resolve(both.filter((oid) => !isBrought(oid)));
      };
      await quarantine.secure?.(reached);
      await quarantine.secure?.(reached);
      assert.equal(asked, 1);
      prune(path, here);
      prune(path, pushed);
      await git(["repack", "-adq"], { cwd: path });
    }
    await isWhole(path, here);
    await git(["update-ref", "refs/heads/here", here.main], { cwd: path });
    await isWhole(path, pushed);
    const count = await git(["count-objects", "-v"], { cwd: path });
    const all = here.given.oids.length + pushed.given.oids.length;
    assert.match(count, new RegExp(`^count: 0\n(?:.*\n)*in-pack: ${all}\n`));
  });

  it("is refused beside a git gc where it is gone, or too much", async () => {
    const pushed = await source("gone");
    const path = await target();
    const here = await source("many");
    await using quarantine = await published(path, pushed);
    collect(path);
    const oids = here.given.oids as readonly Oid[];
    await assert.rejects(
      quarantine.secure?.(() => Promise.resolve(oids)) ?? nothing(),
      { code: "missing-object" },
    );
    await (await published(path, here))[Symbol.asyncDispose]();
    const many = Array.from(
      { length: 10_001 },
      (_, i) => oids[i % oids.length] as Oid,
    );
    await assert.rejects(
      quarantine.secure?.(() => Promise.resolve(many)) ?? nothing(),
      { code: "too-many-objects" },
    );
    assert.ok(existsSync(join(path, "gc.pid")));
    assert.equal(readFileSync(join(path, "gc.pid"), "utf8"), "1 elsewhere");
  });
});
