/**
 * Tables that we write, read back; which tables are joined, and how stacks
 * are written at all.
 *
 * @module
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes } from "../../../../src/core/bytes.ts";
import {
  type ObjectFormat,
  type Oid,
  SHA1,
  SHA256,
} from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import { NODE_FILES } from "../../../../src/runtime/files.ts";
import { readShape } from "../../../../src/storage/files/reftable/footer.ts";
import { segmentToCompact } from "../../../../src/storage/files/reftable/geometry.ts";
import { writeJoined } from "../../../../src/storage/files/reftable/joining.ts";
import {
  logIndexOf,
  logNameOf,
  LogSection,
} from "../../../../src/storage/files/reftable/log_section.ts";
import { readReftableOptions } from "../../../../src/storage/files/reftable/options.ts";
import { Reftable } from "../../../../src/storage/files/reftable/table.ts";
import {
  logKey,
  logValue,
  type RefEntry,
  TableWriter,
} from "../../../../src/storage/files/reftable/table_writer.ts";
import { PlainConfig } from "../../../../src/storage/memory/plain_config.ts";
import type { RefUpdate } from "../../../../src/storage/writes.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { type Random, seeded } from "../../../support/random.ts";
import {
  leftovers,
  makeStack,
  openWorld,
  tableNames,
} from "../../../support/reftable_world.ts";
import { encodeReftable, writeStack } from "../../../support/reftable.ts";
import { describe, it } from "../../../support/test.ts";

const kernels = selectKernels();
const root = temporaryDirectory("reftable-tables");
const ZERO = "0".repeat(40) as Oid;
const ONE = "1".repeat(40) as Oid;
const TWO = "2".repeat(40) as Oid;
const OPTIONS = {
  atomic: false,
  committer: "C <c@example.com> 1700000000 +0000",
  message: "push",
};

function update(name: string, value: Oid, old?: Oid): RefUpdate {
  return {
    name: name as RefName,
    new: value,
    ...(old === undefined ? {} : { old }),
  };
}

function someOid(random: Random, format: ObjectFormat): Oid {
  return Array.from(
    random.bytes(format.rawLength),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("") as Oid;
}

function someRefs(random: Random, format: ObjectFormat, count: number) {
  const names = new Set(
    Array.from(
      { length: count },
      () =>
        `refs/${random.pick(["heads", "tags/x", "\xe4"])}/${random.int(1e6)}`,
    ),
  );
  const few = Array.from({ length: 5 }, () => someOid(random, format));
  return [...names].sort().map((name): RefEntry => {
    const oid = random.int(2) === 0
      ? random.pick(few)
      : someOid(random, format);
    const entry = { name, updateIndex: 7 + random.int(200) };
    switch (random.int(5)) {
      case 0:
        return entry;
      case 1:
        return { ...entry, symref: "refs/heads/main" };
      case 2:
        return { ...entry, oid, peeled: someOid(random, format) };
      default:
        return { ...entry, oid };
    }
  });
}

describe("A table that we write", () => {
  for (const format of [SHA1, SHA256]) {
    it(`is read back as it was, in ${format.name}`, () => {
      for (let seed = 1; seed <= 24; seed++) {
        const random = seeded(seed);
        const refs = someRefs(random, format, random.pick([0, 1, 40, 900]));
        const logs = refs.slice(0, random.pick([0, 3, 900])).flatMap((
          { name },
        ) =>
          [9, 8, 2 ** 33 + 5].sort((a, b) => b - a).map((index) => ({
            key: logKey(name, index),
            value: random.int(4) === 0 ? undefined : logValue({
              old: someOid(random, format),
              new: someOid(random, format),
              name: "C",
              mail: "c@example.com",
              seconds: 1_700_000_000,
              zone: -130,
              message: "push\n",
            }),
          }))
        );
        const parts: Uint8Array[] = [];
        const writer = new TableWriter({
          format,
          kernels,
          blockSize: random.pick([256, 512, 4096]),
          restartInterval: random.pick([1, 3, 16]),
          indexObjects: random.int(2) === 0,
          minUpdateIndex: 7,
          maxUpdateIndex: 2 ** 33 + 5,
          sink: (bytes) => parts.push(bytes.slice()),
        });
        const reading = { fileSystem: NODE_FILES, kernels };
        const records = { refs, logs };
        writeJoined(writer, { tables: [], isBottom: false, records }, reading);
        writer.finish();
        const bytes = concatBytes(parts);
        const path = join(root, `table-${format.name}-${seed}`);
        writeFileSync(path, bytes);
        const where = `seed ${seed}`;
        const shape = readShape(
          bytes.subarray(0, 29),
          bytes.subarray(-72),
          bytes.length,
          { path, kernels },
        );
        assert.equal(shape.minUpdateIndex, 7, where);
        assert.equal(shape.maxUpdateIndex, 2 ** 33 + 5, where);
        const table = new Reftable({
          path,
          shape,
          bytes: bytes.subarray(0, shape.refsEnd),
          budget: { left: 1 << 20 },
          badName: () => {},
        });
        table.check("");
        const again: Uint8Array[] = [];
        const copy = new TableWriter({
          format,
          kernels,
          blockSize: 4096,
          restartInterval: 16,
          indexObjects: true,
          minUpdateIndex: 7,
          maxUpdateIndex: 2 ** 33 + 5,
          sink: (each) => again.push(each.slice()),
        });
        // Joined with nothing, it is what went in.
        const seen: RefEntry[] = [];
        copy.addRef = (ref) => seen.push(ref);
        copy.addLog = () => {};
        writeJoined(copy, { tables: [table], isBottom: false }, reading);
        assert.deepEqual(seen, refs, where);
        using section = new LogSection({ path, shape, ...reading });
        const found = [...section.from("")];
        assert.deepEqual(
          found.map(({ key, value }) => ({ key, value: value && [...value] })),
          logs.map(({ key, value }) => ({ key, value: value && [...value] })),
          where,
        );
        for (let i = 0; i < 20 && logs.length > 0; i++) {
          const { key } = random.pick(logs);
          const next = section.from(key).next();
          assert.equal(next.done === true ? "" : next.value.key, key, where);
          assert.equal(logKey(logNameOf(key), logIndexOf(key)), key);
        }
        assert.deepEqual([...section.from("refs/\xff")], [], where);
      }
    });
  }

  it("refuses a record that no block can hold", () => {
    const writer = new TableWriter({
      format: SHA1,
      kernels,
      blockSize: 256,
      restartInterval: 16,
      indexObjects: true,
      minUpdateIndex: 1,
      maxUpdateIndex: 1,
      sink: () => {},
    });
    writer.addRef({ name: "refs/heads/a", updateIndex: 1, oid: ONE });
    const name = `refs/heads/${"x".repeat(300)}`;
    assert.throws(
      () => writer.addRef({ name, updateIndex: 1, oid: ONE }),
      { code: "entry-too-large" },
    );
  });
});

describe("Tables to be joined", () => {
  it("are those of git's own examples", () => {
    // stack.c: suggest_compaction_segment, and its unit tests.
    const cases: [number[], [number, number] | undefined][] = [
      [[], undefined],
      [[7], undefined],
      [[64, 32, 16, 8, 4, 2, 1], undefined],
      [[512, 64, 17, 16, 9, 9, 9, 16, 2, 16], [1, 10]],
      [[1, 1], [0, 2]],
      [[128, 32, 16, 8, 4, 3, 1], [1, 6]],
    ];
    for (const [sizes, expected] of cases) {
      const segment = segmentToCompact(sizes, 2);
      assert.deepEqual(
        segment && [segment.start, segment.end],
        expected,
        String(sizes),
      );
    }
  });

  it("stay few over many updates, and hold what was written", async () => {
    const path = join(root, "many.git");
    makeStack(path);
    const world = openWorld(path);
    for (let i = 0; i < 150; i++) {
      const name = `refs/heads/n${i % 20}`;
      const value = i % 3 === 2 ? ZERO : i % 2 === 0 ? ONE : TWO;
      assert.deepEqual(
        await world.writer.apply([update(name, value)], OPTIONS),
        [undefined],
      );
      assert.ok(tableNames(path).length <= 9, `${i}`);
    }
    const last = (n: number) => 140 + n < 150 ? 140 + n : 120 + n;
    const expected = Array.from({ length: 20 }, (_, n) => last(n))
      .filter((i) => i % 3 !== 2)
      .map((i) => [`refs/heads/n${i % 20}`, i % 2 === 0 ? ONE : TWO]);
    assert.deepEqual([...world.refs()], expected.sort());
    assert.deepEqual(leftovers(path), []);
    assert.deepEqual(world.warnings, []);
  });

  it("are left to who has locked them", async () => {
    const path = join(root, "busy.git");
    makeStack(path);
    const world = openWorld(path);
    await world.writer.apply([update("refs/heads/a", ONE)], OPTIONS);
    const [first] = tableNames(path);
    writeFileSync(join(path, "reftable", `${first}.lock`), "");
    await world.writer.apply([update("refs/heads/b", ONE)], OPTIONS);
    await world.writer.apply([update("refs/heads/c", ONE)], OPTIONS);
    const names = tableNames(path);
    assert.equal(names[0], first);
    assert.ok(names.length > 1);
    assert.equal(world.refs().size, 3);
    assert.deepEqual(leftovers(path), [`${first}.lock`]);
  });

  it("are not joined where they do not fit a smaller block", async () => {
    const path = join(root, "smaller.git");
    makeStack(path);
    const name = `refs/heads/${"x".repeat(1000)}`;
    await openWorld(path).writer.apply([update(name, ONE)], OPTIONS);
    const world = openWorld(path, { config: { "reftable.blocksize": "512" } });
    const outcomes = await world.writer.apply([
      update("refs/heads/a", ONE),
      update(`${name}y`, ONE),
    ], OPTIONS);
    assert.deepEqual(outcomes, [undefined, {
      code: "failed",
      message: "reftable: transaction failure: entry too large",
    }]);
    assert.deepEqual([...world.refs().keys()], ["refs/heads/a", name]);
    assert.equal(tableNames(path).length, 2);
  });
});

describe("A writer of reftables", () => {
  it("creates thousands of refs in one table", async () => {
    const path = join(root, "thousands.git");
    makeStack(path);
    const world = openWorld(path, { logs: "none" });
    const updates = Array.from(
      { length: 5000 },
      (_, i) => update(`refs/heads/d${i % 7}/b${i}`, ONE, ZERO),
    );
    const outcomes = await world.writer.apply(updates, OPTIONS);
    assert.ok(outcomes.every((each) => each === undefined));
    assert.equal(tableNames(path).length, 1);
    assert.equal(world.refs().size, 5000);
  });

  it("takes a ref away that cannot be read, and changes none", async () => {
    const path = join(root, "broken.git");
    makeStack(path);
    const name = "refs/heads/broken";
    writeStack(path, [{
      name: "a.ref",
      bytes: encodeReftable([{ name, oid: ZERO }]).bytes,
    }]);
    const world = openWorld(path);
    for (const old of [undefined, ZERO, TWO]) {
      assert.deepEqual(
        await world.writer.apply([update(name, ONE, old)], OPTIONS),
        [{
          code: "broken",
          message: `cannot lock ref '${name}': unable to resolve reference ` +
            `'${name}': reference broken`,
        }],
      );
    }
    assert.deepEqual(
      await world.writer.apply([update(name, ZERO)], OPTIONS),
      [undefined],
    );
    assert.equal(world.refs().size, 0);
  });

  it("refuses names that are no refs, and stacks that are damaged", async () => {
    const path = join(root, "damaged.git");
    makeStack(path);
    const world = openWorld(path);
    assert.deepEqual(
      await world.writer.apply([update("config", ONE)], OPTIONS),
      [{
        code: "failed",
        message: "refusing to update ref with bad name 'config'",
      }],
    );
    writeStack(path, [{ name: "a.ref", bytes: new Uint8Array(200) }]);
    assert.deepEqual(
      await world.writer.apply([update("refs/heads/a", ONE)], OPTIONS),
      [{
        code: "broken",
        message: "reftable: transaction prepare: corrupt reftable file",
      }],
    );
    assert.deepEqual(leftovers(path), []);
  });

  it("keeps what belongs to a worktree in the worktree's stack", async () => {
    const path = join(root, "main.git");
    const gitDir = join(path, "worktrees/side");
    makeStack(path);
    makeStack(gitDir);
    const world = openWorld(path, { gitDir, logs: "normal" });
    await world.setSymbolic("HEAD", "refs/heads/side");
    const outcomes = await world.writer.apply([
      update("refs/heads/side", ONE, ZERO),
      update("refs/bisect/bad", TWO, ZERO),
    ], OPTIONS);
    assert.deepEqual(outcomes, [undefined, undefined]);
    assert.deepEqual([...world.refs()], [["refs/heads/side", ONE]]);
    const snapshot = world.store.readNow();
    assert.equal(snapshot.get("refs/bisect/bad" as RefName)?.oid, TWO);
    assert.equal(world.log("HEAD").length, 1);
    assert.deepEqual(openWorld(path).log("HEAD"), []);
    assert.deepEqual(leftovers(path), []);
    assert.deepEqual(leftovers(gitDir), []);
  });

  it("looks at the kinds of objects where it can", async () => {
    const path = join(root, "kinds.git");
    makeStack(path);
    const kinds = new Map([[ONE, "commit"], [TWO, "tag"]]);
    const world = openWorld(path, { kindOf: (oid) => kinds.get(oid) });
    const three = "3".repeat(40) as Oid;
    const outcomes = await world.writer.apply([
      update("refs/heads/a", ONE),
      update("refs/heads/b", TWO),
      update("refs/tags/b", TWO),
      update("refs/tags/c", three),
    ], OPTIONS);
    assert.deepEqual(outcomes.map((each) => each?.message), [
      undefined,
      "cannot update ref 'refs/heads/b': trying to write non-commit object " +
      `${TWO} to branch 'refs/heads/b'`,
      undefined,
      "cannot update ref 'refs/tags/c': trying to write ref 'refs/tags/c' " +
      `with nonexistent object ${three}`,
    ]);
    assert.deepEqual([...world.refs().keys()], ["refs/heads/a", "refs/tags/b"]);
  });

  it("stores what tags peel to", async () => {
    const path = join(root, "peeled.git");
    makeStack(path);
    const world = openWorld(path, {
      peel: (oid) => oid === TWO ? ONE : undefined,
    });
    await world.writer.apply([
      update("refs/tags/t", TWO),
      update("refs/heads/a", ONE),
    ], OPTIONS);
    const peeled = [...world.store.readNow().list("")]
      .map(({ name, peeled }) => [name, peeled]);
    assert.deepEqual(peeled, [
      ["refs/heads/a", undefined],
      ["refs/tags/t", ONE],
    ]);
  });
});

describe("What git's configuration says of reftables", () => {
  it("is read with git's defaults and bounds", () => {
    const read = (values: Record<string, string>) =>
      readReftableOptions(new PlainConfig(values));
    const usual = {
      blockSize: 4096,
      restartInterval: 16,
      indexObjects: true,
      geometricFactor: 2,
      lockTimeoutMs: 100,
    };
    assert.deepEqual(read({}), usual);
    assert.deepEqual(read({ "reftable.blocksize": "0" }), usual);
    assert.deepEqual(
      read({
        "reftable.blocksize": "8k",
        "reftable.restartinterval": "4",
        "reftable.indexobjects": "false",
        "reftable.geometricfactor": "3",
        "reftable.locktimeout": "-1",
      }),
      {
        blockSize: 8192,
        restartInterval: 4,
        indexObjects: false,
        geometricFactor: 3,
        lockTimeoutMs: -1,
      },
    );
    for (
      const values of [
        { "reftable.blocksize": "16m" },
        { "reftable.restartinterval": "65536" },
        { "reftable.geometricfactor": "256" },
        { "reftable.locktimeout": "-2" },
      ]
    ) {
      assert.throws(() => read(values), { code: "bad-config" });
    }
  });
});
