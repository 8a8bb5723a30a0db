/**
 * What every set of kernels must make of a pack index's columns.
 *
 * @module
 */

import assert from "node:assert/strict";
import { compareBytes, writeUint32 } from "../../src/core/bytes.ts";
import type { IndexColumns, Kernels } from "../../src/kernels/types.ts";
import { type Random, seeded } from "../support/random.ts";
import { it } from "../support/test.ts";

/** Columns to arrange, and what they are made of. */
interface Made {
  readonly columns: IndexColumns;
  readonly offsets: readonly number[];
  readonly ids: readonly Uint8Array[];
}

interface Shape {
  readonly count: number;
  readonly rawLength: number;
  /** Absent: all words are offsets as they are. */
  readonly largeFrom?: number;
  readonly highest: number;
  readonly bits: number;
  readonly idOf?: (random: Random, index: number) => Uint8Array;
}

function make(random: Random, shape: Shape): Made {
  const { count, rawLength, largeFrom, highest } = shape;
  const idOf = shape.idOf ?? (() => random.bytes(rawLength));
  const ids = Array.from({ length: count }, (_, i) => idOf(random, i))
    .sort(compareBytes);
  // Some offsets twice: an index may say so.
  const offsets = Array.from(
    { length: count },
    () => Math.floor(random.next() * highest),
  );
  if (count > 2) offsets[1] = offsets[0] as number;
  const words = new Uint8Array(4 * count);
  const large: number[] = [];
  offsets.forEach((offset, i) => {
    if (largeFrom === undefined || offset < largeFrom) {
      writeUint32(words, 4 * i, offset);
    } else {
      writeUint32(words, 4 * i, 0x80000000 + large.length);
      large.push(offset);
    }
  });
  const table = new Uint8Array(8 * large.length);
  large.forEach((offset, i) => {
    writeUint32(table, 8 * i, Math.floor(offset / 2 ** 32));
    writeUint32(table, 8 * i + 4, offset % 2 ** 32);
  });
  const raw = new Uint8Array(count * rawLength);
  ids.forEach((id, i) => raw.set(id, i * rawLength));
  const columns: IndexColumns = {
    rawLength,
    ids: raw,
    words,
    ...(largeFrom === undefined ? {} : { large: table }),
    fanOut: new Uint32Array(2 ** shape.bits + 1),
    offsets: large.length > 0
      ? new Float64Array(count)
      : new Uint32Array(count),
    positions: new Uint32Array(count),
    ranks: new Uint32Array(count),
  };
  return { columns, offsets, ids };
}

function check({ columns, offsets, ids }: Made, label: string): void {
  const order = offsets.map((_, i) => i).sort((a, b) =>
    (offsets[a] as number) - (offsets[b] as number) || a - b
  );
  const isRight = order.every((position, rank) =>
    columns.positions[rank] === position &&
    columns.offsets[rank] === offsets[position] &&
    columns.ranks[position] === rank
  );
  assert.ok(isRight, label);
  const buckets = columns.fanOut.length - 1;
  const counts = new Array<number>(buckets + 1).fill(0);
  for (const id of ids) {
    const word = new DataView(id.buffer, id.byteOffset).getUint32(0);
    const bucket = Math.floor(word / (2 ** 32 / buckets)) + 1;
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  let total = 0;
  const isCounted = counts.every((count, bucket) => {
    total += count;
    return columns.fanOut[bucket] === total;
  });
  assert.ok(isCounted, label);
}

/** Registers the contract for one set of kernels. */
export function arrangeIndexContract(kernels: Kernels): void {
  it("arranges the columns of pack indexes", () => {
    const random = seeded(20_261);
    // 120,000 do not fit into the wasm instance that is at hand.
    for (const count of [0, 1, 2, 3, 300, 17_000, 120_000]) {
      for (
        const [largeFrom, highest] of [
          [undefined, 2 ** 32],
          [2 ** 31, 2 ** 31],
          [2 ** 31, 2 ** 34],
          [2 ** 31, 2 ** 53],
          [100, 60_000],
        ] as const
      ) {
        if (count === 120_000 && highest !== 2 ** 34) continue;
        const bits = random.int(Math.floor(Math.log2(count + 1)) + 1);
        const rawLength = random.pick([20, 32]);
        const made = make(random, {
          count,
          rawLength,
          highest,
          bits,
          ...(largeFrom === undefined ? {} : { largeFrom }),
        });
        const verdict = kernels.arrangeIndex(made.columns);
        assert.deepEqual(verdict, { isSorted: true, hasRepeats: false });
        check(made, `${count} below ${highest}, seed ${random.seed}`);
      }
    }
  });

  it("takes the words of offsets from where the positions are to be", () => {
    const made = make(seeded(5), {
      count: 9_000,
      rawLength: 20,
      largeFrom: 2 ** 31,
      highest: 2 ** 33,
      bits: 12,
    });
    const { positions } = made.columns;
    const words = new Uint8Array(positions.buffer);
    words.set(made.columns.words);
    kernels.arrangeIndex({ ...made.columns, words });
    check(made, "seed 5");
  });

  it("tells ids that do not ascend, or stand twice", () => {
    const random = seeded(77);
    for (let round = 0; round < 40; round++) {
      const rawLength = random.pick([20, 32]);
      const count = random.pick([2, 50, 20_000]);
      const made = make(random, {
        count,
        rawLength,
        highest: 2 ** 20,
        bits: 4,
        // All but the last bytes are the same.
        idOf: (_, i) => {
          const id = new Uint8Array(rawLength).fill(7);
          writeUint32(id, rawLength - 4, 3 * i);
          return id;
        },
      });
      const { ids } = made.columns;
      const at = (1 + random.int(count - 1)) * rawLength;
      const other = at - rawLength;
      const label = `seed 77, round ${round}`;
      if (round % 2 === 0) {
        ids.copyWithin(at, other, at);
        assert.deepEqual(
          kernels.arrangeIndex(made.columns),
          { isSorted: true, hasRepeats: true },
          label,
        );
      } else {
        const index = random.pick([random.int(rawLength - 4), rawLength - 1]);
        ids[at + index] = 0;
        ids[other + index] = 1;
        const verdict = kernels.arrangeIndex(made.columns);
        assert.ok(!verdict.isSorted, label);
      }
    }
  });

  it("refuses offsets that lie outside their table or are too large", () => {
    const shape = {
      rawLength: 20,
      largeFrom: 2 ** 31,
      highest: 2 ** 34,
      bits: 3,
    };
    for (const count of [10, 40_000]) {
      const outside = make(seeded(3), { ...shape, count }).columns;
      const rows = (outside.large as Uint8Array).length / 8;
      writeUint32(outside.words, 4 * (count - 2), 0x80000000 + rows);
      assert.throws(() => kernels.arrangeIndex(outside), {
        name: "KernelError",
        code: "corrupt",
        message: /outside its table/,
      });
      const none = make(seeded(3), { ...shape, count, highest: 9 }).columns;
      writeUint32(none.words, 0, 0xffffffff);
      assert.throws(() => kernels.arrangeIndex(none), {
        message: /outside its table/,
      });
      const wild = make(seeded(3), { ...shape, count }).columns;
      writeUint32(wild.large as Uint8Array, 8, 0x00200000);
      assert.throws(() => kernels.arrangeIndex(wild), {
        name: "KernelError",
        code: "corrupt",
        message: /wild offset/,
      });
    }
  });
}
