/**
 * Reading trees family by family against reading them step by step and one by
 * one: the same objects over packs that git made, the same errors over damaged
 * ones.
 *
 * @module
 */

import assert from "node:assert/strict";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import { ObjectSource } from "../../../../src/storage/objects/source.ts";
import type { ObjectStore } from "../../../../src/storage/types.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { arrayPorts } from "./made_packs.ts";
import { packedFixture } from "./packed_fixture.ts";
import {
  assertAlike,
  below,
  counting,
  noCount,
  open,
  treesOf,
} from "./families_subject.ts";

for (const format of [SHA1, SHA256]) {
  for (const ofs of ["true", "false"]) {
    const label = `${format.name}, deltas by ${
      ofs === "true" ? "offset" : "name"
    }`;
    describe(`Trees read family by family, ${label}`, () => {
      const packed = packedFixture(format, ofs);
      const all = treesOf(packed);

      it("come to what reading one by one does", () => {
        const counted = assertAlike(packed, { roots: all }, "all");
        // The fixture's few very large trees are left out.
        assert.ok(
          counted.trees > all.length * 0.9,
          `read ${counted.trees} of ${all.length} trees`,
        );
      });

      it("leave out what is had, whatever is asked for", () => {
        const seed = 52_003;
        const random = seeded(seed);
        for (let round = 0; round < 16; round++) {
          const share = 1 + random.int(40);
          const some = () => all.filter(() => random.int(40) < share);
          const ask = { roots: some(), had: round % 2 === 0 ? [] : some() };
          assertAlike(packed, ask, `seed ${seed}, round ${round}`);
        }
      });

      it("fail as those read one by one where packs are damaged", () => {
        const seed = 61_991;
        const random = seeded(seed);
        for (let round = 0; round < 10; round++) {
          const packs = packed.packs.map((made) => {
            const pack = made.pack.slice();
            for (let i = 0; i < 40; i++) {
              // Neither the header nor the trailer: those cost the pack.
              const at = 12 + random.int(pack.length - 12 - 32);
              pack[at] = random.int(256);
            }
            return { ...made, pack };
          });
          assertAlike(
            { format, packs },
            { roots: all },
            `seed ${seed}, round ${round}`,
          );
        }
      });
    });
  }
}

describe("A store that reads trees family by family", () => {
  const fixture = packedFixture(SHA1, "true");
  const all = treesOf(fixture);
  const expected = below(open(fixture, "one by one"), "one by one", {
    roots: all,
  });

  /** A walk from all trees, to be driven step by step. */
  function* walkOf(store: ObjectStore): Generator<void, string[], void> {
    const seen = new ObjectSet();
    const found = { trees: new NumberList(), blobs: new NumberList() };
    for (const oid of all) {
      const root = store.find(oid);
      if (seen.add(root)) found.trees.push(root);
    }
    let at = 0;
    if (store.expandAll !== undefined) {
      const steps = store.expandAll(seen, found);
      let step = steps.next();
      for (; step.done !== true; step = steps.next()) yield;
      at = step.value;
    }
    for (; at < found.trees.length; at++) {
      store.expandTrees(Int32Array.of(found.trees.at(at)), seen, found);
      yield;
    }
    const lines = [
      ...Array.from(found.trees.view(), (tree) => `tree ${store.oid(tree)}`),
      ...Array.from(found.blobs.view(), (blob) => `blob ${store.oid(blob)}`),
    ];
    return lines.sort();
  }

  it("reads them once for walks that go on at the same time", () => {
    const seed = 30_301;
    const random = seeded(seed);
    const alone = noCount();
    below(open(fixture, "by families", alone), "by families", { roots: all });
    const counted = noCount();
    const store = open(fixture, "by families", counted);
    const walks = Array.from({ length: 3 }, () => walkOf(store));
    // One is left where it is: its client has gone.
    walkOf(store).next();
    let done = 0;
    while (done < walks.length) {
      const turn = random.int(walks.length);
      const step = walks[turn]?.next();
      if (step?.done !== true || step.value === undefined) continue;
      assert.deepEqual(step.value, expected, `seed ${seed}, walk ${turn}`);
      done++;
    }
    assert.equal(counted.trees, alone.trees);
  });

  it("forgets them when it is idle, where they are more than it may keep", () => {
    for (const treeCacheEntries of [0, 200, 100_000]) {
      const counted = noCount();
      const source = new ObjectSource(
        arrayPorts(fixture.packs),
        fixture.format,
        counting(counted),
        { walkerMinObjects: 0, treeCacheEntries },
      );
      for (let round = 0; round < 3; round++) {
        const { store, release } = source.snapshot();
        // In the middle of it, for once.
        if (round === 1) {
          const walk = walkOf(store);
          for (let i = 0; i < 3; i++) walk.next();
        } else {
          const told = below(store, "by families", { roots: all });
          assert.deepEqual(told, expected);
        }
        release();
      }
      source.close();
    }
  });

  it("leaves few trees of many to be read step by step", () => {
    const counted = noCount();
    const store = open(fixture, "by families", counted);
    const ask = { roots: all.slice(0, 1) };
    const told = below(store, "by families", ask);
    assert.deepEqual(
      told,
      below(open(fixture, "one by one"), "one by one", ask),
    );
    assert.equal(counted.steps, 0);
  });
});
