/**
 * Ids over several packs: which numbers they have, where their copies are, and
 * tables that are kept between stores.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concatBytes, fromUtf8 } from "../../../../src/core/bytes.ts";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import {
  type Oid,
  oidFromRaw,
  oidToRaw,
  SHA1,
} from "../../../../src/core/oid.ts";
import { BLOB, TREE } from "../../../../src/object/kind.ts";
import type { PackTables } from "../../../../src/pack/tables.ts";
import { Catalog, COPY } from "../../../../src/storage/objects/catalog.ts";
import {
  type ObjectStoreOptions,
  settingsOf,
} from "../../../../src/storage/objects/options.ts";
import { PackPool } from "../../../../src/storage/objects/pack_pool.ts";
import {
  ObjectSource,
  openObjectStore,
} from "../../../../src/storage/objects/source.ts";
import type { ObjectPorts } from "../../../../src/storage/ports.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import {
  arrayPorts,
  idOf,
  kernels,
  type MadeEntry,
  type MadePack,
  makePack,
} from "./made_packs.ts";

function blobEntry(label: string): MadeEntry {
  const data = fromUtf8(label);
  return { oid: idOf(BLOB, data), type: BLOB, data };
}

/** Packs of some of the entries, with repeats inside and among packs. */
function randomPacks(
  random: Random,
  entries: readonly MadeEntry[],
  packs: number,
): MadeEntry[][] {
  return Array.from({ length: packs }, () => {
    const size = random.pick([0, 1, 5, 40, 90]);
    const some = Array.from({ length: size }, () => random.pick(entries));
    return random.int(3) === 0 ? some : [...new Set(some)];
  });
}

function catalogOf(ports: ObjectPorts, loose: readonly Oid[]): Catalog {
  const pool = new PackPool(
    {
      ...ports,
      loose: {
        scan: () => ({ stamp: "loose", oids: loose }),
        read: () => undefined,
      },
    },
    SHA1,
    kernels,
    settingsOf({}),
  );
  return new Catalog(pool, pool.scan(), SHA1);
}

/** Everything that must hold of a catalog over `packs`. */
function check(
  catalog: Catalog,
  packs: readonly (readonly MadeEntry[])[],
  loose: readonly Oid[],
  label: string,
): void {
  const counts = new Map<Oid, number>();
  for (const { oid } of packs.flat()) {
    counts.set(oid, (counts.get(oid) ?? 0) + 1);
  }
  let slots = 0;
  for (const { start, end, pack } of catalog.packs()) {
    slots += end - start;
    for (let slot = start; slot < end; slot++) {
      const oid = catalog.ids.oid(slot);
      const number = catalog.numberOf(slot);
      assert.ok(number <= slot, label);
      assert.equal(catalog.find(oid), number, label);
      assert.equal(catalog.ids.oid(number), oid, label);
      const isCopy = ((catalog.flags[slot] as number) & COPY) !== 0;
      assert.equal(isCopy, number !== slot, label);
      assert.equal(catalog.packOf(slot), pack, label);
      const beside = catalog.copyBeside(number, slot);
      assert.ok(beside >= start && beside < end, label);
      assert.equal(catalog.ids.oid(beside), oid, label);
      if (number === slot) {
        assert.equal(copies(catalog, number), counts.get(oid), label);
      }
    }
  }
  assert.equal(slots, packs.flat().length, label);
  const names = new Set([...counts.keys(), ...loose]);
  for (const oid of names) {
    const number = catalog.find(oid);
    assert.ok(number >= 0, label);
    assert.equal(catalog.ids.oid(number), oid, label);
  }
}

/** How many copies there are, found by spoiling each (BAD is 4). */
function copies(catalog: Catalog, number: number): number {
  const spoiled: number[] = [];
  for (;;) {
    const slot = catalog.copy(number);
    if (slot < 0) break;
    spoiled.push(slot);
    catalog.flags[slot] = (catalog.flags[slot] as number) | 4;
  }
  for (const slot of spoiled) {
    catalog.flags[slot] = (catalog.flags[slot] as number) & ~4;
  }
  return spoiled.length;
}

describe("Ids over several packs", () => {
  const entries = Array.from({ length: 200 }, (_, i) => blobEntry(`blob ${i}`));

  it("have the number of their first copy, and all copies behind it", () => {
    const random = seeded(9_001);
    for (let round = 0; round < 60; round++) {
      const label = `seed 9001, round ${round}`;
      const count = random.pick([1, 2, 4, 5, 6, 12, 30]);
      const chosen = randomPacks(random, entries, count);
      const loose = Array.from(
        { length: random.int(20) },
        () => random.pick(entries).oid,
      );
      const made = chosen.map((each) => makePack(each));
      const catalog = catalogOf(arrayPorts(made), loose);
      check(catalog, chosen, loose, label);
      assert.equal(catalog.absent, 0, label);
      const strange = random.bytes(20);
      assert.equal(catalog.find(oidFromRaw(strange, 0, SHA1)), -1, label);
      const number = catalog.intern(strange, 0);
      assert.equal(number, catalog.count - 1, label);
      assert.equal(catalog.intern(strange, 0), number, label);
      catalog.close();
    }
  });

  it("keep their numbers when packs join, which may hold them too", () => {
    const random = seeded(9_002);
    for (let round = 0; round < 30; round++) {
      const label = `seed 9002, round ${round}`;
      const chosen = randomPacks(random, entries, random.pick([1, 3, 7]));
      const made = chosen.map((each) => makePack(each));
      const loose = [random.pick(entries).oid, random.pick(entries).oid];
      const catalog = catalogOf(arrayPorts(made), loose);
      for (const more of [1, 2, 3]) {
        const absent = random.pick(entries).oid;
        catalog.intern(oidToRaw(absent), 0);
        const known = new Map(
          entries.map(({ oid }) => [oid, catalog.find(oid)]),
        );
        for (const each of randomPacks(random, entries, more)) {
          chosen.push(each);
          made.push(makePack(each));
        }
        assert.ok(catalog.rescan(), label);
        for (const [oid, number] of known) {
          if (number >= 0) assert.equal(catalog.find(oid), number, label);
        }
        for (const { oid } of chosen.flat()) {
          const number = catalog.find(oid);
          assert.equal(catalog.ids.oid(number), oid, label);
          assert.ok(catalog.copy(number) >= 0, label);
        }
      }
      catalog.close();
    }
  });
});

describe("The pack walker over several packs", () => {
  it("finds what reading one by one finds", () => {
    const seed = 9_003;
    const random = seeded(seed);
    const blobs = Array.from({ length: 100 }, (_, i) => blobEntry(`b ${i}`));
    for (let round = 0; round < 40; round++) {
      const label = `seed ${seed}, round ${round}`;
      const trees = Array.from({ length: 30 }, (_, i): MadeEntry => {
        const names = [...Array(1 + random.int(9)).keys()];
        const data = concatBytes(names.flatMap((name) => [
          fromUtf8(`100644 ${i + 10}${name}\0`),
          oidToRaw(random.pick(blobs).oid),
        ]));
        return { oid: idOf(TREE, data), type: TREE, data };
      });
      const count = random.pick([1, 2, 4, 5, 9]);
      const chosen = randomPacks(random, [...blobs, ...trees], count);
      const made = chosen.map((each) => makePack(each));
      let walked = 0;
      const loose = blobs.filter(() => random.int(9) === 0)
        .map((blob) => blob.oid);
      const ports: ObjectPorts = {
        ...arrayPorts(made),
        loose: {
          scan: () => ({ stamp: "loose", oids: loose }),
          read: () => undefined,
        },
      };
      const stores = [0, Infinity].map((walkerMinObjects) =>
        openObjectStore(ports, SHA1, {
          ...kernels,
          packWalker: (init) => {
            const walker = kernels.packWalker?.(init);
            assert.ok(walker !== undefined);
            return {
              ...walker,
              expandTrees: (trees, seen, take) =>
                walker.expandTrees(trees, seen, (index, entries, base) => {
                  if (entries !== undefined) walked++;
                  take(index, entries, base);
                }),
            };
          },
        }, { walkerMinObjects })
      );
      const packed = new Set(chosen.flat().map((entry) => entry.oid));
      const there = new Set([...packed, ...loose]);
      let whole = 0;
      for (const { oid, data } of trees) {
        if (!packed.has(oid)) continue;
        const children: Oid[] = [];
        for (let at = 11; at < data.length; at += 31) {
          children.push(oidFromRaw(data, at, SHA1));
        }
        if (children.every((child) => there.has(child))) whole++;
        for (const store of stores) {
          const found = { trees: new NumberList(), blobs: new NumberList() };
          const tree = Int32Array.of(store.find(oid));
          store.expandTrees(tree, new ObjectSet(), found);
          assert.deepEqual(
            Array.from(found.blobs.view(), (number) => store.oid(number)),
            [...new Set(children)],
            label,
          );
        }
      }
      assert.equal(walked, whole, label);
    }
  });
});

describe("Tables that are kept", () => {
  function subject(packs: MadePack[]) {
    const kept = new Map<string, PackTables>();
    let read = 0;
    const ports = arrayPorts(packs);
    const counting: ObjectPorts = {
      packs: {
        scan: () => {
          const { stamp, packs } = ports.packs.scan();
          return {
            stamp,
            packs: packs.map((pack) => ({
              ...pack,
              index: () => {
                read++;
                return pack.index();
              },
            })),
          };
        },
      },
    };
    const options: ObjectStoreOptions = {
      tables: {
        // As another thread gets them: the memory is the same.
        get: (name) => {
          const tables = kept.get(name);
          return tables && { ...tables };
        },
        put: (name, tables) => void kept.set(name, tables),
      },
    };
    return {
      kept,
      source: () => new ObjectSource(counting, SHA1, kernels, options),
      reads: () => read,
    };
  }

  it("stand in for the index", () => {
    const made = [1, 2, 3].map((n) =>
      makePack(Array.from({ length: 30 }, (_, i) => blobEntry(`${n} ${i}`)))
    );
    const { source, reads, kept } = subject(made);
    source().snapshot();
    assert.equal(reads(), 3);
    assert.equal(kept.size, 3);
    const { store } = source().snapshot();
    assert.equal(reads(), 3);
    for (let n = 1; n <= 3; n++) {
      for (let i = 0; i < 30; i++) {
        const { oid, data } = blobEntry(`${n} ${i}`);
        assert.deepEqual(
          new Uint8Array(store.read(store.find(oid)).data),
          data,
        );
      }
    }
  });

  it("are passed over where the pack is another one, or they are torn", () => {
    const one = makePack([blobEntry("a"), blobEntry("b")]);
    const two = makePack([blobEntry("c"), blobEntry("d")]);
    const packs = [one];
    const { source, reads, kept } = subject(packs);
    source().snapshot();
    const [name, tables] = [...kept][0] as [string, PackTables];
    // The name is the same, and so are the sizes.
    packs[0] = two;
    const { store } = source().snapshot();
    assert.equal(reads(), 2);
    assert.equal(store.find(blobEntry("a").oid), -1);
    assert.ok(store.find(blobEntry("c").oid) >= 0);
    packs[0] = one;
    for (
      const torn of [
        { ...tables, count: 3 },
        { ...tables, buffer: new SharedArrayBuffer(8) },
        { ...tables, format: "sha256" as const },
      ]
    ) {
      kept.set(name, torn);
      const before = reads();
      const again = source().snapshot();
      assert.equal(reads(), before + 1);
      assert.ok(again.store.find(blobEntry("a").oid) >= 0);
    }
  });

  it("are not put where the index is broken", () => {
    const broken = makePack([blobEntry("a")]);
    const { source, kept } = subject([
      { ...broken, index: broken.index.subarray(1) },
    ]);
    assert.equal(source().snapshot().store.find(blobEntry("a").oid), -1);
    assert.equal(kept.size, 0);
  });

  it("are opened at positions where the store can", () => {
    const made = makePack([blobEntry("a"), blobEntry("b")]);
    let open = 0;
    const scan = arrayPorts([made]).packs.scan();
    const store = openObjectStore(
      {
        packs: {
          scan: () => ({
            stamp: "1",
            packs: scan.packs.map((pack) => ({
              ...pack,
              index: () => assert.fail("it was read whole"),
              openIndex: () => {
                open++;
                return {
                  size: made.index.length,
                  readAt(into, position) {
                    const end = position + into.length;
                    into.set(made.index.subarray(position, end));
                    return into.length;
                  },
                  close: () => void open--,
                };
              },
            })),
          }),
        },
      },
      SHA1,
      kernels,
    );
    assert.equal(open, 0);
    assert.ok(store.find(blobEntry("b").oid) >= 0);
  });
});
