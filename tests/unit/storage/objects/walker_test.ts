/**
 * The pack walker against reading one by one: the same answers over sound
 * packs, and over damaged ones the same answers or the same errors.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GitsrvError } from "../../../../src/core/errors.ts";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import { SHA1, SHA256 } from "../../../../src/core/oid.ts";
import type { PackWalker } from "../../../../src/kernels/types.ts";
import { COMMIT, TREE } from "../../../../src/object/kind.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type { PooledStore } from "../../../../src/storage/objects/store.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { arrayPorts, kernels } from "./made_packs.ts";
import { type Packed, packedFixture } from "./packed_fixture.ts";

function open(
  { format, packs }: Packed,
  way: "walker" | "plain",
  count: (done: number) => void = () => {},
): PooledStore {
  const make = kernels.packWalker;
  assert.ok(make !== undefined, "these kernels have no walker");
  const counted = {
    ...kernels,
    packWalker: (init: Parameters<typeof make>[0]): PackWalker => {
      const walker = make(init);
      return {
        ...walker,
        expandTrees: (trees, seen, take) =>
          walker.expandTrees(trees, seen, (index, entries, base) => {
            if (entries !== undefined) count(1);
            take(index, entries, base);
          }),
        commitsFrom(slot, most, take) {
          const done = walker.commitsFrom(slot, most, take);
          count(done);
          return done;
        },
      };
    },
  };
  return openObjectStore(arrayPorts(packs), format, counted, {
    walkerMinObjects: way === "walker" ? 0 : Infinity,
  });
}

/** What a store says of one object: its links by name, or the error's code. */
function told(store: PooledStore, number: number): string {
  try {
    const kind = store.kind(number);
    if (kind === COMMIT) {
      const parents = Array.from(
        { length: store.parentCount(number) },
        (_, i) => store.oid(store.parent(number, i)),
      );
      return `commit ${store.oid(store.commitTree(number))} ${
        store.commitTime(number)
      } ${parents.join()}`;
    }
    if (kind !== TREE) return `${kind}`;
    const found = { trees: new NumberList(), blobs: new NumberList() };
    store.expandTrees(Int32Array.of(number), new ObjectSet(), found);
    const name = (n: number): string => store.oid(n);
    return `trees ${Array.from(found.trees.view(), name).join()} blobs ${
      Array.from(found.blobs.view(), name).join()
    }`;
  } catch (error) {
    assert.ok(error instanceof GitsrvError, String(error));
    return `error ${error.code}`;
  }
}

function all(store: PooledStore): string[] {
  const count = store.count;
  return Array.from(
    { length: count },
    (_, number) => store.has(number) ? told(store, number) : "",
  );
}

for (const format of [SHA1, SHA256]) {
  for (const ofs of ["true", "false"]) {
    const label = `${format.name}, deltas by ${
      ofs === "true" ? "offset" : "name"
    }`;
    describe(`The pack walker over ${label}`, () => {
      const packed = packedFixture(format, ofs);

      it("says what reading one by one says, and does it itself", () => {
        let done = 0;
        const walked = all(open(packed, "walker", (count) => done += count));
        const plain = all(open(packed, "plain"));
        assert.deepEqual(walked, plain);
        const links = plain.filter((line) => /^(commit|trees)/.test(line));
        // The fixture's few very large trees and its odd commits are left out.
        assert.ok(
          done > links.length * 0.9,
          `walked ${done} of ${links.length} trees and commits`,
        );
      });

      it("answers or fails alike over damaged packs", () => {
        const seed = 70_417;
        const random = seeded(seed);
        for (let round = 0; round < 12; round++) {
          const packs = packed.packs.map((made) => {
            const pack = made.pack.slice();
            for (let i = 0; i < 40; i++) {
              // Neither the header nor the trailer: those cost the pack.
              const at = 12 + random.int(pack.length - 12 - 32);
              pack[at] = random.int(256);
            }
            return { ...made, pack };
          });
          const damaged = { ...packed, packs };
          assert.deepEqual(
            all(open(damaged, "walker")),
            all(open(damaged, "plain")),
            `seed ${seed}, round ${round}`,
          );
        }
      });
    });
  }
}
