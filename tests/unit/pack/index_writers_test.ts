/** Indexes and reverse indexes, made of columns. @module */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareBytes, fromUtf8 } from "../../../src/core/bytes.ts";
import { OBJECT_FORMATS, SHA1 } from "../../../src/core/oid.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import { BLOB } from "../../../src/object/kind.ts";
import { PackIndex } from "../../../src/pack/index.ts";
import { orderIds } from "../../../src/pack/index_order.ts";
import { packIndexPieces } from "../../../src/pack/index_writer.ts";
import { ReverseIndex } from "../../../src/pack/reverse_index.ts";
import { reverseIndexPieces } from "../../../src/pack/reverse_index_writer.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { gitSync } from "../../support/git.ts";
import { entryOf, joined, packOf, takeIn } from "../../support/intake.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const SEED = 20_260_304;
const kernels = selectKernels();

describe("The order of ids", () => {
  it("is that of their bytes, equal ones in the order of the pack", () => {
    const random = seeded(SEED);
    for (const { rawLength } of Object.values(OBJECT_FORMATS)) {
      for (let round = 0; round < 30; round++) {
        const count = random.int(random.pick([3, 40, 3_000]));
        // Few different words, so that long runs share the first.
        const words = random.pick([1, 2, 256]);
        const ids = Uint8Array.from(
          { length: count * rawLength },
          () => random.int(words),
        );
        const row = (rank: number) =>
          ids.subarray(rank * rawLength, (rank + 1) * rawLength);
        const expected = Array.from({ length: count }, (_, rank) => rank)
          .sort((a, b) => compareBytes(row(a), row(b)) || a - b);
        assert.deepEqual(
          [...orderIds(ids, count, rawLength)],
          expected,
          `seed ${SEED}, round ${round}`,
        );
      }
    }
  });
});

describe("An index", () => {
  it("has large offsets where git's has them", async () => {
    const entries = Array.from(
      { length: 300 },
      (_, i) => entryOf(BLOB, fromUtf8(`blob ${i}`)),
    );
    const bytes = packOf(entries);
    const { taken } = await takeIn(bytes);
    const path = join(temporaryDirectory("index-offsets"), "it.pack");
    writeFileSync(path, bytes);
    const { checksum } = taken;
    const order = orderIds(taken.entries.ids, taken.entries.count, 20);
    for (const largest of [0, 1000, 5000, 1e6]) {
      gitSync(["index-pack", `--index-version=2,${largest}`, path]);
      const theirs = readFileSync(path.replace(/pack$/, "idx"));
      const init = { order, checksum, kernels, largeFrom: largest + 1 };
      const ours = joined(packIndexPieces(taken.entries, init));
      assert.deepEqual(ours, new Uint8Array(theirs), `${largest}`);
    }
  });

  it("leads to offsets beyond 4 GiB", () => {
    const random = seeded(SEED + 1);
    const count = 2_000;
    const ids = random.bytes(count * 20);
    const offsets = Float64Array.from({ length: count }, (_, i) => i * 5e6);
    const crcs = new Uint32Array(count);
    const order = orderIds(ids, count, 20);
    const init = { order, checksum: random.bytes(20), kernels };
    const entries = { format: SHA1, count, ids, offsets, crcs };
    const index = new PackIndex(joined(packIndexPieces(entries, init)), SHA1);
    const reverse = new ReverseIndex(
      joined(reverseIndexPieces(SHA1, init)),
      SHA1,
      count,
    );
    assert.deepEqual(
      Array.from(reverse.order(), (position) => index.offset(position)),
      [...offsets],
    );
  });
});
