/**
 * A pack of more than 4 GiB, most of which is never there: its entries are
 * read one by one, walked and sent from offsets that are no 32-bit numbers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concatBytes, fromUtf8 } from "../../../../src/core/bytes.ts";
import { NumberList } from "../../../../src/core/number_list.ts";
import { ObjectSet } from "../../../../src/core/object_set.ts";
import { type Oid, oidToRaw, SHA1 } from "../../../../src/core/oid.ts";
import {
  BLOB,
  COMMIT,
  type Kind,
  OFS_DELTA,
  TREE,
} from "../../../../src/object/kind.ts";
import {
  writeDistance,
  writeEntryHeader,
} from "../../../../src/pack/entry_header.ts";
import {
  encodePackIndex,
  type IndexEntry,
} from "../../../../src/pack/index_writer.ts";
import { encodePackHeader } from "../../../../src/pack/pack_header.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type { PooledStore } from "../../../../src/storage/objects/store.ts";
import type { ObjectPorts } from "../../../../src/storage/ports.ts";
import {
  allObjects,
  packBytes,
  planOf,
} from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import { appendingDelta, idOf, kernels } from "./made_packs.ts";

const GIB = 2 ** 30;

/** A file of which only some pieces are anything but zeros. */
class SparseFile {
  size = 0;
  readonly #pieces: { readonly at: number; readonly bytes: Uint8Array }[] = [];

  put(at: number, bytes: Uint8Array): void {
    this.#pieces.push({ at, bytes });
    this.size = Math.max(this.size, at + bytes.length);
  }

  readAt(into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.length, this.size - position));
    into.fill(0, 0, length);
    for (const { at, bytes } of this.#pieces) {
      const from = Math.max(at, position);
      const to = Math.min(at + bytes.length, position + length);
      if (from >= to) continue;
      into.set(bytes.subarray(from - at, to - at), from - position);
    }
    return length;
  }

  close(): void {}
}

interface Sparse {
  readonly ports: ObjectPorts;
  /** The objects by what they are called here. */
  readonly objects: ReadonlyMap<string, { oid: Oid; data: Uint8Array }>;
}

function treeOf(entries: readonly (readonly [string, Oid])[]): Uint8Array {
  return concatBytes(entries.flatMap(([name, oid]) => [
    fromUtf8(`100644 ${name}\0`),
    oidToRaw(oid),
  ]));
}

function commitOf(tree: Oid, parents: readonly Oid[]): Uint8Array {
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    "author A <a@b> 1700000000 +0000",
    "committer A <a@b> 1700000000 +0000",
    "",
    "large\n",
  ];
  return fromUtf8(lines.join("\n"));
}

/** Entries below 4 GiB, and further ones, some of them deltas on the first. */
function sparsePack(): Sparse {
  const file = new SparseFile();
  const rows: IndexEntry[] = [];
  const objects = new Map<string, { oid: Oid; data: Uint8Array }>();
  let end = 12;
  const put = (bytes: Uint8Array, at: number, oid: Oid): void => {
    file.put(at, bytes);
    rows.push({ raw: oidToRaw(oid), offset: at, crc: kernels.crc32(bytes) });
    end = at + bytes.length;
  };
  const whole = (name: string, kind: Kind, data: Uint8Array): Oid => {
    const head = new Uint8Array(10);
    const length = writeEntryHeader(head, 0, kind, data.length);
    const oid = idOf(kind, data);
    put(
      concatBytes([head.subarray(0, length), kernels.deflate(data)]),
      end,
      oid,
    );
    objects.set(name, { oid, data });
    return oid;
  };
  const onto = (
    name: string,
    kind: Kind,
    base: { readonly at: number; readonly data: Uint8Array },
    delta: Uint8Array,
    data: Uint8Array,
  ): Oid => {
    const head = new Uint8Array(30);
    let length = writeEntryHeader(head, 0, OFS_DELTA, delta.length);
    length = writeDistance(head, length, end - base.at);
    const oid = idOf(kind, data);
    put(
      concatBytes([head.subarray(0, length), kernels.deflate(delta)]),
      end,
      oid,
    );
    objects.set(name, { oid, data });
    return oid;
  };
  const random = seeded(64);
  const low = { at: end, data: random.bytes(300) };
  whole("low", BLOB, low.data);
  // Its entry reaches up to the hole's end, as one of a wrong size may.
  whole("filler", BLOB, fromUtf8("filler"));
  for (const gib of [3, 4, 5, 40]) {
    end = gib * GIB - 20;
    const high = whole(`high ${gib}`, BLOB, random.bytes(200));
    const delta = onto(
      `delta ${gib}`,
      BLOB,
      low,
      appendingDelta(low.data.length, gib),
      concatBytes([low.data, Uint8Array.of(gib)]),
    );
    const tree = whole(
      `tree ${gib}`,
      TREE,
      treeOf([["a", high], ["b", delta]]),
    );
    const first = whole(`first ${gib}`, COMMIT, commitOf(tree, []));
    whole(`second ${gib}`, COMMIT, commitOf(tree, [first]));
    whole(`pad ${gib}`, BLOB, random.bytes(100));
  }
  file.put(0, encodePackHeader(rows.length));
  const checksum = random.bytes(20);
  file.put(end, checksum);
  const index = encodePackIndex(rows, checksum, SHA1, kernels);
  const ports: ObjectPorts = {
    packs: {
      scan: () => ({
        stamp: "sparse",
        packs: [{ name: "sparse", index: () => index, open: () => file }],
      }),
    },
  };
  return { ports, objects };
}

describe("A pack of 40 GiB", () => {
  const { ports, objects } = sparsePack();
  const numberOf = (store: PooledStore, name: string): number => {
    const number = store.find(objects.get(name)?.oid as Oid);
    assert.ok(number >= 0, name);
    return number;
  };

  for (const way of ["walked", "read one by one"]) {
    const open = (count: () => void = () => {}): PooledStore =>
      openObjectStore(ports, SHA1, {
        ...kernels,
        packWalker: (init) => {
          const walker = kernels.packWalker?.(init);
          assert.ok(walker !== undefined);
          return {
            ...walker,
            expandTrees: (trees, seen, take) =>
              walker.expandTrees(trees, seen, (index, entries, base) => {
                if (entries !== undefined) count();
                take(index, entries, base);
              }),
          };
        },
      }, { walkerMinObjects: way === "walked" ? 0 : Infinity });

    it(`is read, ${way}`, () => {
      const store = open();
      for (const [name, { data }] of objects) {
        const read = store.read(numberOf(store, name));
        assert.deepEqual(new Uint8Array(read.data), data, name);
      }
    });

    it(`gives its links, ${way}`, () => {
      let done = 0;
      const store = open(() => done++);
      for (const gib of [3, 4, 5, 40]) {
        const tree = numberOf(store, `tree ${gib}`);
        const second = numberOf(store, `second ${gib}`);
        assert.equal(store.commitTree(second), tree);
        assert.equal(store.parent(second, 0), numberOf(store, `first ${gib}`));
        const found = { trees: new NumberList(), blobs: new NumberList() };
        store.expandTrees(Int32Array.of(tree), new ObjectSet(), found);
        assert.deepEqual([...found.blobs.view()], [
          numberOf(store, `high ${gib}`),
          numberOf(store, `delta ${gib}`),
        ]);
      }
      assert.equal(done, way === "walked" ? 4 : 0);
    });

    it(`is sent from, ${way}`, () => {
      const store = open();
      // What lies before a hole reaches over it: those are left out.
      const oids = [...objects].flatMap(([name, { oid }]) =>
        /^(filler|pad)/.test(name) ? [] : [oid]
      );
      const plan = planOf(store, { oids, ofsDelta: true });
      assert.deepEqual(
        [plan.objects, plan.reused, plan.deltas],
        [oids.length, oids.length, 4],
      );
      const pack = packBytes(plan, SHA1, kernels, seeded(65));
      const target = emptyRepository(temporaryDirectory("sparse"), "sha1");
      gitSync(["index-pack", "--strict", "--stdin"], {
        cwd: target,
        input: pack,
      });
      assert.deepEqual(
        allObjects(target).map((object) => object.oid).sort(),
        [...oids].sort(),
      );
    });
  }
});
