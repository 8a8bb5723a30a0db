/**
 * What tests of reading trees family by family share: stores that are read in
 * each way, and what they come to.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GitsrvError } from "../../../../src/core/errors.ts";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import type { Oid } from "../../../../src/core/oid.ts";
import type {
  FamilyWalk,
  Kernels,
  PackWalker,
} from "../../../../src/kernels/types.ts";
import { TREE } from "../../../../src/object/kind.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type { ObjectStore } from "../../../../src/storage/types.ts";
import { arrayPorts, kernels } from "./made_packs.ts";
import type { Packed } from "./packed_fixture.ts";

/** What the steps of a walk through families came to. */
export interface Counted {
  /** How many there were. */
  steps: number;
  /** The trees that they read. */
  trees: number;
  /** The bytes that the largest made. */
  mostBytes: number;
  /** The trees that the largest read. */
  mostTrees: number;
}

/** Kernels whose walks through families are counted. */
export function counting(counted: Counted): Kernels {
  const make = kernels.packWalker;
  assert.ok(make !== undefined, "these kernels have no walker");
  const familiesOf = (walker: PackWalker): FamilyWalk => {
    const walk = walker.families();
    return {
      ...walk,
      step(roots, take) {
        let trees = 0;
        const done = walk.step(roots, (rows) => {
          for (let at = 0; at < rows.length; trees++) {
            at += 3 + (rows[at + 1] as number);
          }
          take(rows);
        });
        counted.steps++;
        counted.trees += trees;
        counted.mostBytes = Math.max(counted.mostBytes, done.bytes);
        counted.mostTrees = Math.max(counted.mostTrees, trees);
        return done;
      },
    };
  };
  return {
    ...kernels,
    packWalker(init): PackWalker {
      const walker = make(init);
      return { ...walker, families: () => familiesOf(walker) };
    },
  };
}

/** Nothing counted yet. */
export function noCount(): Counted {
  return { steps: 0, trees: 0, mostBytes: 0, mostTrees: 0 };
}

const WAYS = ["by families", "step by step", "one by one"] as const;
/** One of them. */
export type Way = typeof WAYS[number];

/** A store over packs, to be read in a way. */
export function open(
  { format, packs }: Packed,
  way: Way,
  counted: Counted = noCount(),
): ObjectStore {
  return openObjectStore(arrayPorts(packs), format, counting(counted), {
    walkerMinObjects: way === "one by one" ? Infinity : 0,
  });
}

/**
 * Everything below `roots` that is not below `had`, by name, and the trees
 * that could not be read with the errors' codes.
 */
export function below(
  store: ObjectStore,
  way: Way,
  { roots, had = [] }: { roots: readonly Oid[]; had?: readonly Oid[] },
): string[] {
  const lines: string[] = [];
  const seen = new ObjectSet();
  const walk = (oids: readonly Oid[]) => {
    const found = { trees: new NumberList(), blobs: new NumberList() };
    for (const oid of oids) {
      const root = store.intern(oid);
      if (seen.add(root)) found.trees.push(root);
    }
    let at = 0;
    if (way === "by families" && store.expandAll !== undefined) {
      const steps = store.expandAll(seen, found);
      let step = steps.next();
      while (step.done !== true) step = steps.next();
      at = step.value;
    }
    for (; at < found.trees.length; at++) {
      const tree = found.trees.at(at);
      try {
        store.expandTrees(Int32Array.of(tree), seen, found);
      } catch (error) {
        assert.ok(error instanceof GitsrvError, String(error));
        lines.push(`error ${store.oid(tree)} ${error.code}`);
      }
    }
    return found;
  };
  walk(had);
  lines.length = 0;
  const { trees, blobs } = walk(roots);
  for (const tree of trees.view()) lines.push(`tree ${store.oid(tree)}`);
  for (const blob of blobs.view()) lines.push(`blob ${store.oid(blob)}`);
  return lines.sort();
}

/** How many trees `expandAll` leaves to be expanded. */
export function leftBy(store: ObjectStore, roots: readonly Oid[]): number {
  const seen = new ObjectSet();
  const found = { trees: new NumberList(), blobs: new NumberList() };
  for (const oid of roots) {
    const root = store.find(oid);
    if (seen.add(root)) found.trees.push(root);
  }
  const steps = store.expandAll?.(seen, found);
  assert.ok(steps !== undefined);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return found.trees.length - step.value;
}

/** The ids of the trees of a store, told without errors where there are. */
export function treesOf(packed: Packed): Oid[] {
  const store = open(packed, "one by one");
  const oids: Oid[] = [];
  for (let number = 0; number < store.count; number++) {
    try {
      if (store.kind(number) === TREE) oids.push(store.oid(number));
    } catch (error) {
      assert.ok(error instanceof GitsrvError, String(error));
    }
  }
  return oids;
}

/** All ways come to the same; what the way by families took. */
export function assertAlike(
  packed: Packed,
  ask: { roots: readonly Oid[]; had?: readonly Oid[] },
  hint: string,
): Counted {
  const counted = noCount();
  const told = below(open(packed, "by families", counted), "by families", ask);
  for (const way of ["step by step", "one by one"] as const) {
    assert.deepEqual(told, below(open(packed, way), way, ask), hint);
  }
  // A step's bound, and the one delta with its result that passes it.
  assert.ok(counted.mostBytes < 4 * 1024 * 1024, `${counted.mostBytes} bytes`);
  assert.ok(counted.mostTrees <= 1024, `${counted.mostTrees} trees`);
  return counted;
}
