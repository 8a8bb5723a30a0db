/**
 * Reading trees family by family from packs made by hand: odd ones, and those
 * of someone who means harm.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concatBytes } from "../../../../src/core/bytes.ts";
import { type Oid, oidToRaw, SHA1 } from "../../../../src/core/oid.ts";
import {
  BLOB,
  OFS_DELTA,
  REF_DELTA,
  TREE,
} from "../../../../src/object/kind.ts";
import { encodePackIndex } from "../../../../src/pack/index_writer.ts";
import { MemoryAccess } from "../../../../src/storage/memory/memory_packs.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type { ObjectPorts } from "../../../../src/storage/ports.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { idOf, kernels, type MadeEntry, makePack } from "./made_packs.ts";
import {
  blobs,
  deltaOf,
  entry,
  oidsOf,
  packed,
  type Part,
  patched,
  whole,
} from "./made_trees.ts";
import {
  assertAlike,
  below,
  counting,
  leftBy,
  noCount,
  open,
} from "./families_subject.ts";

/** A tree with all kinds of entries, `odd` of a hundred of them odd. */
function randomTree(
  random: Random,
  made: readonly MadeEntry[],
  odd: number,
): Uint8Array {
  const isOdd = () => random.int(100) < odd;
  return concatBytes(
    Array.from({ length: random.int(30) }, () => {
      const { oid, type } = made[random.int(made.length)] as MadeEntry;
      // What is a tree by one entry and a blob by another is what is met first.
      const modes = type === BLOB
        ? ["100644", "100755", "120000", "100664", "160000"]
        : ["40000", "160000", "040000"];
      const oddModes = ["", "9", "40000 ", "60000", "0"];
      const mode = isOdd()
        ? oddModes[random.int(oddModes.length)]
        : modes[random.int(modes.length)];
      const name = isOdd() ? "" : `n${random.int(1000)}`;
      const missing = (type === BLOB ? "77" : "78").repeat(20) as Oid;
      return entry(mode as string, name, isOdd() ? missing : oid);
    }),
  );
}

/** A delta of `base` that copies parts of it, in step with entries or not. */
function randomParts(random: Random, base: Uint8Array): Part[] {
  const parts: Part[] = [];
  for (let i = random.int(6); i >= 0; i--) {
    if (random.int(3) === 0) {
      const bytes = entry("100644", `m${random.int(99)}`, idOf(BLOB, base));
      parts.push(random.int(8) === 0 ? bytes.subarray(3) : bytes);
      continue;
    }
    if (base.length === 0) continue;
    const from = random.int(4) === 0 ? random.int(base.length) : 0;
    const length = random.int(4) === 0
      ? random.int(base.length - from) + 1
      : base.length - from;
    parts.push([from, length]);
  }
  return parts;
}

/** A pack whose entries, but for the first, lie `by` bytes further on. */
function movedBy(by: number, entries: readonly MadeEntry[]): ObjectPorts {
  const { pack, offsets } = makePack(entries);
  const rows = entries.map(({ oid }, i) => ({
    raw: oidToRaw(oid),
    offset: (i === 0 ? 0 : by) + (offsets[i] as number),
    crc: 0,
  }));
  const index = encodePackIndex(rows, pack.subarray(-20), SHA1, kernels);
  const access = new MemoryAccess(pack);
  const moved = {
    size: by + pack.length,
    readAt: (into: Uint8Array, position: number): number =>
      access.readAt(into, position < by ? position : position - by),
    close() {},
  };
  const stored = { name: "moved", index: () => index, open: () => moved };
  return { packs: { scan: () => ({ stamp: "1", packs: [stored] }) } };
}

describe("Trees read family by family from made packs", () => {
  it("come to the same in any packs, with copies and odd entries", () => {
    const seed = 88_117;
    const random = seeded(seed);
    for (let round = 0; round < 60; round++) {
      const odd = round % 3 === 0 ? 3 : 0;
      const made: MadeEntry[] = [];
      const contents = new Map<Oid, Uint8Array>();
      const packs: MadeEntry[][] = [];
      for (let p = random.int(3); p >= 0; p--) {
        const here = p % 2 === 0 ? blobs(20) : [];
        for (let i = 0; i < 25; i++) {
          const index = random.int(here.length + 1) - 1;
          const base = here[index];
          const content = base === undefined
            ? undefined
            : contents.get(base.oid);
          let row: MadeEntry;
          let data: Uint8Array;
          if (base === undefined || content === undefined || i === 0) {
            data = randomTree(random, [...blobs(20), ...made], odd);
            row = whole(data);
          } else {
            const parts = randomParts(random, content);
            data = patched(content, parts);
            const way = random.int(2) === 0
              ? { type: OFS_DELTA, baseIndex: index }
              : { type: REF_DELTA, base: base.oid };
            const delta = deltaOf(content, parts);
            row = { oid: idOf(TREE, data), data: delta, ...way };
          }
          contents.set(row.oid, data);
          here.push(row);
          made.push(row);
          // The same object once more, in a pack that may be searched later.
          if (random.int(6) === 0) packs.at(-1)?.push(whole(data));
        }
        packs.push(here);
      }
      const ask = {
        roots: oidsOf(made).filter(() => random.int(3) > 0),
        had: oidsOf(made).filter(() => random.int(8) === 0),
      };
      assertAlike(packed(...packs), ask, `seed ${seed}, round ${round}`);
    }
  });

  it("do not lose entries where a copy is not what its id says", () => {
    const [one, two, three] = blobs(3) as [MadeEntry, MadeEntry, MadeEntry];
    const data = entry("100644", "a", one.oid);
    const other = entry("100644", "a", two.oid);
    const parts: Part[] = [[0, other.length], entry("100644", "b", three.oid)];
    const delta = {
      oid: idOf(TREE, patched(other, parts)),
      type: OFS_DELTA,
      baseIndex: 0,
      data: deltaOf(other, parts),
    };
    // The second pack has another tree under the id of the first one's.
    const packs = packed(
      [one, two, three, whole(data)],
      [{ ...whole(other), oid: idOf(TREE, data) }, delta],
    );
    const roots = [delta.oid, idOf(TREE, data)];
    const counted = noCount();
    const store = open(packs, "by families", counted);
    assert.equal(leftBy(store, roots), 0);
    assert.deepEqual(
      below(store, "by families", { roots }),
      [
        ...[one, two, three].map(({ oid }) => `blob ${oid}`),
        ...roots.map((oid) => `tree ${oid}`),
      ].sort(),
    );
    assert.equal(counted.trees, 3);
  });

  it("go round in no circle of deltas by name", () => {
    const [blob] = blobs(1) as [MadeEntry];
    const data = entry("100644", "a", blob.oid);
    const parts: Part[] = [[0, data.length]];
    const round = (own: string, base: string): MadeEntry => ({
      oid: own.repeat(20) as Oid,
      type: REF_DELTA,
      base: base.repeat(20) as Oid,
      data: deltaOf(data, parts),
    });
    const packs = packed([
      blob,
      whole(data),
      round("11", "22"),
      round("22", "33"),
      round("33", "11"),
      round("44", "11"),
      round("55", "55"),
      round("66", "99"),
    ]);
    const roots = ["11", "22", "33", "44", "55", "66"]
      .map((byte) => byte.repeat(20) as Oid);
    const ask = { roots: [...roots, idOf(TREE, data)] };
    assertAlike(packs, ask, "");
  });

  it("read chains of any length", () => {
    const made = blobs(64);
    let content = entry("100644", "a", (made[0] as MadeEntry).oid);
    made.push(whole(content));
    for (let i = 0; i < 9000; i++) {
      const { oid } = made[i % 64] as MadeEntry;
      // One entry stays, one is new.
      const parts: Part[] = [[0, 29], entry("100644", `${1000 + i}`, oid)];
      const data = deltaOf(content, parts);
      content = patched(content, parts);
      const baseIndex = made.length - 1;
      made.push({ oid: idOf(TREE, content), type: OFS_DELTA, baseIndex, data });
    }
    const oids = oidsOf(made);
    const packs = packed(made);
    const ask = { roots: [...oids.slice(-40), ...oids.slice(0, 40)] };
    const counted = assertAlike(packs, ask, "");
    assert.ok(counted.trees > 8000, `read ${counted.trees} of 9001 trees`);
  });

  it("double no tree beyond what is bounded", () => {
    const made = blobs(1);
    let content = entry("100644", "a", (made[0] as MadeEntry).oid);
    made.push(whole(content));
    for (let i = 0; i < 17; i++) {
      const parts: Part[] = [[0, content.length], [0, content.length]];
      const data = deltaOf(content, parts);
      content = patched(content, parts);
      const baseIndex = made.length - 1;
      made.push({ oid: idOf(TREE, content), type: OFS_DELTA, baseIndex, data });
    }
    assertAlike(packed(made), { roots: oidsOf(made) }, "");
  });

  it("come to the same where they lie beyond 4 GiB", () => {
    const made = blobs(8);
    let content = entry("100644", "a", (made[0] as MadeEntry).oid);
    made.push(whole(content));
    for (let i = 1; i < 8; i++) {
      const added = entry("100644", `b${i}`, (made[i] as MadeEntry).oid);
      const parts: Part[] = [[0, content.length], added];
      const data = deltaOf(content, parts);
      content = patched(content, parts);
      const base = made.at(-1)?.oid as Oid;
      const way = i % 2 === 0
        ? { type: REF_DELTA, base }
        : { type: OFS_DELTA, baseIndex: made.length - 1 };
      made.push({ oid: idOf(TREE, content), data, ...way });
    }
    const ports = movedBy(5 * 2 ** 30, made);
    const counted = noCount();
    const store = openObjectStore(ports, SHA1, counting(counted), {
      walkerMinObjects: 0,
    });
    const ask = { roots: oidsOf(made) };
    assert.deepEqual(
      below(store, "by families", ask),
      below(open(packed(made), "one by one"), "one by one", ask),
    );
    assert.equal(counted.trees, 8);
  });

  it("give up where a pack's trees come to more than its entries allow", () => {
    const made = blobs(1);
    const content = concatBytes(
      Array.from(
        { length: 9000 },
        (_, i) => entry("100644", `n${i}`, (made[0] as MadeEntry).oid),
      ),
    );
    made.push(whole(content));
    for (let i = 0; i < 300; i++) {
      const name = `z${i}`;
      const parts: Part[] = [
        [0, content.length],
        entry("100644", name, (made[0] as MadeEntry).oid),
      ];
      const data = deltaOf(content, parts);
      const oid = idOf(TREE, patched(content, parts));
      made.push({ oid, type: OFS_DELTA, baseIndex: 1, data });
    }
    const counted = assertAlike(packed(made), { roots: oidsOf(made) }, "");
    assert.ok(counted.trees > 0);
    assert.ok(counted.trees < 100, `read ${counted.trees} of 301 trees`);
  });
});
