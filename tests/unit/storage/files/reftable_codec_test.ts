/**
 * Reftables as bytes: what an encoder of the tests' own writes is read back,
 * and what is damaged is refused by name.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GitsrvError, StorageError } from "../../../../src/core/errors.ts";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import type { RefName } from "../../../../src/core/ref_name.ts";
import {
  HEAD_BYTES,
  MAX_FOOTER_BYTES,
  readShape,
} from "../../../../src/storage/files/reftable/footer.ts";
import { ReftableSnapshot } from "../../../../src/storage/files/reftable/merged.ts";
import {
  type BlockBudget,
  Reftable,
} from "../../../../src/storage/files/reftable/table.ts";
import type { RefRecord } from "../../../../src/storage/types.ts";
import { type Random, seeded } from "../../../support/random.ts";
import {
  encodeReftable,
  type TableOptions,
  type TableRef,
} from "../../../support/reftable.ts";
import { describe, it } from "../../../support/test.ts";
import { KERNELS } from "./support.ts";

const AMPLE = 1 << 28;

function open(
  bytes: Uint8Array,
  options: { budget?: BlockBudget; badName?: (name: string) => void } = {},
): Reftable {
  const head = bytes.subarray(0, HEAD_BYTES);
  const tail = bytes.subarray(Math.max(0, bytes.length - MAX_FOOTER_BYTES));
  const shape = readShape(head, tail, bytes.length, {
    path: "t.ref",
    kernels: KERNELS,
  });
  return new Reftable({
    path: "t.ref",
    shape,
    bytes: bytes.subarray(0, shape.refsEnd),
    budget: options.budget ?? { left: AMPLE },
    badName: options.badName ?? (() => {}),
  });
}

function snapshotOf(...tables: readonly Reftable[]): ReftableSnapshot {
  return new ReftableSnapshot({
    id: "test",
    common: tables,
    worktree: undefined,
  });
}

function byName(a: TableRef, b: TableRef): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function hexOf(random: Random, digits: number): string {
  let text = "";
  while (text.length < digits) text += "0123456789abcdef"[random.int(16)];
  return text;
}

/** Refs with long names, shared prefixes, bytes above 127, and tags. */
function randomRefs(
  random: Random,
  count: number,
  digits: number,
): TableRef[] {
  const found = new Map<string, TableRef>();
  const parts = ["heads", "tags", "changes", "a", "a-b", "\xe9t\xe9", "x.y"];
  while (found.size < count) {
    const words = Array.from(
      { length: 1 + random.int(4) },
      () => random.pick(parts),
    );
    const last = random.int(50) === 0
      ? "n".repeat(1 + random.int(600))
      : `${random.int(count * 2)}`;
    const name = `refs/${words.join("/")}/${last}`;
    const oid = hexOf(random, digits);
    found.set(
      name,
      random.int(4) === 0
        ? { name, oid, peeled: hexOf(random, digits) }
        : { name, oid },
    );
  }
  return [...found.values()].sort(byName);
}

function expected(refs: readonly TableRef[]): RefRecord[] {
  return refs.map(({ name, oid, peeled }) =>
    (peeled === undefined ? { name, oid } : { name, oid, peeled }) as RefRecord
  );
}

/** Tables of every shape: aligned or not, small blocks, deep indexes. */
const SHAPES: readonly TableOptions[] = [
  {},
  { blockSize: 0 },
  { blockSize: 0, otherSections: true },
  { blockSize: 1024, indexBlockSize: 1024, restartInterval: 4 },
  { blockSize: 65_536, restartInterval: 64, otherSections: true },
  { blockSize: 1024, indexBlockSize: 200_000, otherSections: true },
  { blockSize: 1024, index: false },
  { version: 2 },
  { version: 2, hash: "s256", blockSize: 2048 },
];

describe("a reftable", () => {
  it("gives back 10,000 refs in many blocks, whatever its shape", () => {
    for (const [i, shape] of SHAPES.entries()) {
      const random = seeded(1000 + i);
      const hint = `seed ${random.seed}, ${JSON.stringify(shape)}`;
      const format = shape.hash === "s256" ? SHA256 : SHA1;
      const refs = randomRefs(random, 10_000, format.hexLength);
      const table = encodeReftable(refs, shape);
      assert.ok(table.refBlocks > 5, hint);
      const snapshot = snapshotOf(open(table.bytes));
      assert.deepEqual([...snapshot.list("")], expected(refs), hint);
      assert.equal(snapshot.size, refs.length, hint);
    }
  });

  it("finds single refs and prefixes through indexes of several levels", () => {
    const random = seeded(7);
    const refs = randomRefs(random, 8000, 40)
      .filter(({ name }) => name.length < 100);
    const shape = { blockSize: 512, indexBlockSize: 256 };
    const encoded = encodeReftable(refs, shape);
    assert.ok(encoded.indexLevels >= 3, `${encoded.indexLevels} levels`);
    const all = expected(refs);
    for (const options of [shape, { ...shape, index: false }]) {
      const { bytes } = encodeReftable(refs, options);
      const snapshot = snapshotOf(open(bytes));
      for (let i = 0; i < 300; i++) {
        const ref = random.pick(all);
        assert.deepEqual(snapshot.get(ref.name), ref, `seed ${random.seed}`);
        const absent = `${ref.name}!` as RefName;
        assert.equal(snapshot.get(absent), undefined, `seed ${random.seed}`);
        const cut = ref.name.slice(0, random.int(ref.name.length + 1));
        if (i > 60 && cut.length < 10) continue;
        assert.deepEqual(
          [...snapshot.list(cut)],
          all.filter(({ name }) => name.startsWith(cut)),
          `seed ${random.seed}, prefix ${cut}`,
        );
      }
      assert.deepEqual([...snapshot.list("refs/zzz")], []);
      assert.deepEqual([...snapshot.list("a")], []);
    }
  });

  it("decodes only the blocks that a lookup needs", () => {
    const refs = randomRefs(seeded(8), 5000, 40);
    const { bytes } = encodeReftable(refs, { blockSize: 1024 });
    const budget = { left: AMPLE };
    const snapshot = snapshotOf(open(bytes, { budget }));
    assert.ok(snapshot.get((refs[2500] as TableRef).name as RefName));
    const taken = AMPLE - budget.left;
    // The block that HEAD would be in, and the ref's own.
    assert.ok(taken < 10_000, `${taken} bytes`);
  });

  it("keeps no more decoded than its budget, and gives it back", () => {
    const refs = randomRefs(seeded(9), 5000, 40);
    const { bytes } = encodeReftable(refs, { blockSize: 1024 });
    const budget = { left: 50_000 };
    const table = open(bytes, { budget });
    const snapshot = snapshotOf(table);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual([...snapshot.list("")], expected(refs));
      assert.ok(budget.left >= 0 && budget.left < 5000, `${budget.left} left`);
    }
    table.release();
    assert.equal(budget.left, 50_000);
    assert.deepEqual([...snapshot.list("")], expected(refs));
    assert.equal(budget.left, 50_000);
  });

  it("may be empty, or hold logs alone", () => {
    for (
      const shape of [{}, { version: 2 }, { otherSections: true }] as const
    ) {
      const { bytes } = encodeReftable([], shape);
      // A file that starts with a log block.
      if ("otherSections" in shape) bytes[24] = 0x67;
      const snapshot = snapshotOf(open(bytes));
      assert.deepEqual([...snapshot.list("")], []);
      assert.equal(snapshot.head, undefined);
    }
  });

  it("lets later tables shadow earlier ones, and deletions hide", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed);
      const state = new Map<string, TableRef>();
      const tables: Reftable[] = [];
      const layers = 1 + random.int(6);
      for (let layer = 0; layer < layers; layer++) {
        const changes = new Map<string, TableRef>();
        const count = layer === 0 ? 800 : 1 + random.int(120);
        for (let i = 0; i < count; i++) {
          const name = `refs/heads/b${random.int(1000)}`;
          const ref = random.int(3) === 0
            ? { name }
            : { name, oid: hexOf(random, 40) };
          changes.set(name, ref);
        }
        for (const ref of changes.values()) state.set(ref.name, ref);
        const sorted = [...changes.values()].sort(byName);
        tables.push(open(encodeReftable(sorted, { blockSize: 1024 }).bytes));
      }
      const snapshot = snapshotOf(...tables);
      const left = [...state.values()].filter(({ oid }) => oid !== undefined)
        .sort(byName);
      assert.deepEqual([...snapshot.list("")], expected(left), `seed ${seed}`);
      for (const [name, { oid }] of state) {
        assert.equal(snapshot.get(name as RefName)?.oid, oid, `seed ${seed}`);
      }
    }
  });

  it("tells badly named refs, and refuses dangerous ones", () => {
    const oid = "1".repeat(40);
    const told: string[] = [];
    const refs = ["refs/heads/a..b", "refs/heads/ok"].map((name) => ({
      name,
      oid,
    }));
    const table = open(encodeReftable(refs).bytes, {
      badName: (name) => told.push(name),
    });
    assert.deepEqual([...snapshotOf(table).list("")], [
      { name: "refs/heads/ok", oid },
    ]);
    assert.deepEqual(told, ["refs/heads/a..b"]);
    const bad = encodeReftable([{ name: "refs/../config", oid }]);
    assert.throws(
      () => snapshotOf(open(bad.bytes)),
      /refname is dangerous: refs\/\.\.\/config/,
    );
  });
});

describe("a damaged reftable", () => {
  const refs = randomRefs(seeded(31), 400, 40);
  const good = encodeReftable(
    [{ name: "HEAD", symref: "refs/heads/main" }, ...refs],
    { blockSize: 1024, indexBlockSize: 1024 },
  );

  function flip(bytes: Uint8Array, at: number): void {
    bytes[at] = (bytes[at] as number) ^ 1;
  }

  function readAll(bytes: Uint8Array): void {
    const snapshot = snapshotOf(open(bytes));
    let count = 0;
    for (const ref of snapshot.list("")) {
      assert.equal(ref.oid.length, 40);
      if (count++ % 7 === 0) snapshot.get(ref.name);
    }
  }

  it("is refused wherever it is cut", () => {
    for (let length = 0; length < good.bytes.length; length += 13) {
      assert.throws(
        () => readAll(good.bytes.subarray(0, length)),
        (error) =>
          error instanceof StorageError && error.code === "bad-reftable",
        `cut at ${length}`,
      );
    }
  });

  it("gives no error but ours where bytes are changed", () => {
    const random = seeded(77);
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      const bytes = good.bytes.slice();
      const at = random.int(bytes.length);
      const count = 1 + random.int(3);
      for (let j = 0; j < count && at + j < bytes.length; j++) {
        bytes[at + j] = random.int(256);
      }
      try {
        readAll(bytes);
      } catch (error) {
        const hint = `seed 77, round ${i}, at ${at}: ${error}`;
        assert.ok(error instanceof GitsrvError, hint);
        refused++;
      }
    }
    assert.ok(refused > 150, `${refused} were refused`);
  });

  it("fails before the first ref of a listing, not on the way", () => {
    const bytes = good.bytes.slice();
    // The last ref block's restart count.
    const last = Math.floor((good.refsEnd - 1) / 1024) * 1024;
    let broken = last;
    while (bytes[broken] !== 0x72) broken -= 1024;
    bytes.fill(0xff, broken + 4, broken + 8);
    const snapshot = snapshotOf(open(bytes));
    const listing = snapshot.list("")[Symbol.iterator]();
    assert.throws(() => listing.next(), /corrupt reftable file t\.ref/);
  });

  it("says in plain words what is wrong", () => {
    const cases: [(bytes: Uint8Array) => void, RegExp][] = [
      [(bytes) => bytes[0] = 0, /does not start as one/],
      [(bytes) => bytes[4] = 3, /version 3 is unknown/],
      [(bytes) => flip(bytes, bytes.length - 1), /checksum of its footer/],
      [(bytes) => flip(bytes, 9), /does not repeat its start/],
      [(bytes) => bytes[24] = 0x7a, /first block is of the wrong type/],
      [(bytes) => bytes[1024] = 0x6f, /wrong type/],
      [(bytes) => bytes[1025] = 0xff, /block's length is wrong/],
    ];
    for (const [spoil, words] of cases) {
      const bytes = good.bytes.slice();
      spoil(bytes);
      assert.throws(() => readAll(bytes), words);
    }
  });

  it("is refused where its index leads to another block", () => {
    const entries = Array.from({ length: 200 }, (_, i) => ({
      name: `refs/heads/${String(i).padStart(4, "0")}`,
      oid: "1".repeat(40),
    }));
    const { bytes, refBlocks } = encodeReftable(entries, { blockSize: 1024 });
    // The last byte of the first index record: block 0 becomes block 1.
    const index = refBlocks * 1024;
    const key = bytes[index + 5] as number >> 3;
    bytes[index + 6 + key] = 1;
    assert.throws(
      () => readAll(bytes),
      /index|block/,
    );
  });

  it("does not let a few bytes ask for much memory", () => {
    // Names of 60,000 bytes, each of which shares all but its end.
    const long = "refs/" + "n".repeat(60_000);
    const many = Array.from({ length: 1300 }, (_, i) => ({
      name: `${long}${String(i).padStart(5, "0")}`,
    }));
    const { bytes } = encodeReftable(many, {
      blockSize: 1 << 20,
      restartInterval: 5000,
    });
    assert.throws(() => readAll(bytes), /names of a block are too long/);
  });
});
