import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../../src/core/bytes.ts";
import { StorageError } from "../../../src/core/errors.ts";
import { ObjectSet } from "../../../src/core/object_set.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../src/core/oid.ts";
import { BitmapIndex } from "../../../src/pack/bitmap_index.ts";
import {
  bitmapWords,
  orEwah,
  readEwah,
  xorEwah,
} from "../../../src/pack/ewah.ts";
import { MultiPackIndex } from "../../../src/pack/multi_pack_index.ts";
import { ReverseIndex } from "../../../src/pack/reverse_index.ts";
import {
  type BitmapKind,
  encodeBitmapIndex,
  encodeEwah,
  indexedObjects,
  type MadeBitmap,
  numbersOf,
  packFile,
  packNames,
  reachedBy,
  resealed,
  tinyRepository,
  writeBitmap,
} from "../../support/bitmaps.ts";
import { graphHistory } from "../../support/commit_graphs.ts";
import { temporaryDirectory } from "../../support/fixture_directory.ts";
import { gitSync } from "../../support/git.ts";
import { lines } from "../../support/git_repository.ts";
import { type Random, seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const FORMATS = [SHA1, SHA256];

function bytesOf(path: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(path));
}

/** The numbers that are set in `words`. */
function numbersIn(words: Uint32Array): number[] {
  const set = new ObjectSet();
  set.addBits(words, 0, words.length * 32, 0);
  return [...set];
}

/** Some numbers below `count`: here and there, and in long runs. */
function randomBits(random: Random, count: number): Set<number> {
  const bits = new Set<number>();
  for (let at = 0; at < count;) {
    const length = 1 + random.int(random.pick([3, 70, 700]));
    const kind = random.int(3);
    for (let i = at; i < Math.min(count, at + length); i++) {
      if (kind === 1 || (kind === 2 && random.int(4) === 0)) bits.add(i);
    }
    at += length;
  }
  return bits;
}

/** The bits of every commit of an index, by row. */
function decodeAll(index: BitmapIndex): Uint32Array[] {
  return Array.from({ length: index.count }, (_, row) => {
    const words = bitmapWords(index.objectCount);
    let at = row;
    for (let steps = 0; at >= 0 && steps <= index.count; steps++) {
      index.xor(at, words);
      at = index.base(at);
    }
    return words;
  });
}

function history(kind: BitmapKind, format: ObjectFormat): string {
  const path = join(temporaryDirectory("bitmap"), "repo.git");
  graphHistory(path, format.name, 91);
  writeBitmap(path, kind);
  return path;
}

/** Each byte flipped in one bit, and each length cut to; nothing else. */
function* damaged(
  bytes: Uint8Array,
  random: Random,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Uint8Array.from(bytes);
    flipped[at] = (flipped[at] as number) ^ (1 << random.int(8));
    yield flipped;
    yield Uint8Array.from(bytes.subarray(0, at));
  }
}

/** Whether a call ends in a StorageError of the code; others are thrown. */
function isRefused(call: () => unknown, code: string): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== code) throw error;
    return true;
  }
}

describe("EWAH bitmaps", () => {
  it("come back as they were written (seed 92)", () => {
    const random = seeded(92);
    for (let turn = 0; turn < 300; turn++) {
      const count = 1 + random.int(4000);
      const [a, b] = [randomBits(random, count), randomBits(random, count)];
      const where = `seed ${random.seed} turn ${turn}`;
      const [first, second] = [a, b].map((bits) => {
        const bytes = encodeEwah(bits);
        const ewah = readEwah(bytes, 0, bytes.length);
        assert.equal(ewah.next, bytes.length, where);
        return { bytes, ewah };
      });
      assert.ok(first && second);
      const words = bitmapWords(count);
      orEwah(first.bytes, first.ewah, words, count);
      assert.deepEqual(numbersIn(words), sorted(a), where);
      const either = words.slice();
      orEwah(second.bytes, second.ewah, either, count);
      assert.deepEqual(numbersIn(either), sorted([...a, ...b]), where);
      xorEwah(second.bytes, second.ewah, words, count);
      const one = [...a, ...b].filter((bit) => a.has(bit) !== b.has(bit));
      assert.deepEqual(numbersIn(words), sorted(one), where);
    }
  });

  it("are refused where they hold more than there is room for", () => {
    const refuse = (bytes: Uint8Array, count: number): boolean =>
      isRefused(() => {
        const ewah = readEwah(bytes, 0, bytes.length);
        orEwah(bytes, ewah, bitmapWords(count), count);
      }, "corrupt-bitmap");
    assert.ok(!refuse(encodeEwah([9]), 10));
    assert.ok(refuse(encodeEwah([10]), 10));
    assert.ok(refuse(encodeEwah([128]), 128));
    assert.ok(!refuse(encodeEwah([]), 0));
    // 2^32 - 1 words of ones, and 2^31 - 1 words that are not there.
    assert.ok(refuse(numbersOf([64, 1, 1, 0xffffffff, 0]), 64));
    assert.ok(refuse(numbersOf([64, 1, 0xfffffffe, 0, 0]), 64));
    // More words than the file has, and words that count nothing.
    assert.ok(refuse(numbersOf([64, 0x7fffffff, 0, 0, 0]), 64));
    const idle = Array.from({ length: 2 * 5000 }, () => 0);
    assert.ok(refuse(numbersOf([64, 5000, ...idle, 0]), 64));
  });

  it("survive damage to each byte (seed 93)", () => {
    const random = seeded(93);
    const bytes = encodeEwah(randomBits(random, 2000));
    let refused = 0;
    for (const broken of damaged(bytes, random)) {
      refused += Number(isRefused(() => {
        const ewah = readEwah(broken, 0, broken.length);
        xorEwah(broken, ewah, bitmapWords(2000), 2000);
      }, "corrupt-bitmap"));
    }
    assert.ok(refused > bytes.length, `${refused} of ${2 * bytes.length}`);
  });
});

describe("Bitmap indexes", () => {
  for (const format of FORMATS) {
    for (
      const kind of [
        "one pack",
        "a lookup table",
        "no name hashes",
        "several packs",
        "several packs, a lookup table",
        "several packs, the last one preferred",
      ] as const
    ) {
      it(`hold what rev-list says: ${kind}, ${format.name}`, () => {
        const path = history(kind, format);
        const { index, order, ids } = openBitmap(path, format);
        assert.ok(index.count > 5);
        const oidOf = (bit: number): string => ids[order[bit] as number] ?? "";
        decodeAll(index).forEach((words, row) => {
          const commit = ids[index.position(row)] ?? "";
          const found = numbersIn(words).map(oidOf).sort();
          const expected = [...reachedBy(path, [commit])].sort();
          assert.deepEqual(found, expected, commit);
        });
        const { commits, trees, blobs, tags } = index.types();
        for (
          const [kind, words] of Object.entries({
            commit: commits,
            tree: trees,
            blob: blobs,
            tag: tags,
          })
        ) {
          const found = numbersIn(words).map(oidOf).sort();
          const expected = objectsOfKind(path, kind)
            .filter((oid) => ids.includes(oid));
          assert.deepEqual(found, expected, kind);
        }
      });
    }
  }

  it("are read with pseudo-merges, which nothing uses yet", () => {
    const extra = new Uint8Array(40);
    extra.set(numbersOf([0, 40]), 32);
    const index = new BitmapIndex(
      encodeBitmapIndex({ ...SMALL, pseudoMerges: extra }),
      SHA1,
      5,
    );
    assert.deepEqual(decodeAll(index).map(numbersIn), SMALL_SETS);
  });

  it("are read in the order of a lookup table", () => {
    const bytes = encodeBitmapIndex({
      ...SMALL,
      hashes: [1, 2, 3, 4, 5],
      xorRows: [0xffffffff, 0],
    });
    const index = new BitmapIndex(bytes, SHA1, 5);
    assert.deepEqual([index.base(0), index.base(1)], [-1, 0]);
    assert.deepEqual(decodeAll(index).map(numbersIn), SMALL_SETS);
  });

  it("are refused where they cannot be right", () => {
    const refuse = (made: Partial<MadeBitmap>, count = 5): void => {
      const bytes = encodeBitmapIndex({ ...SMALL, ...made });
      assert.ok(
        isRefused(() => {
          const index = new BitmapIndex(bytes, SHA1, count);
          index.types();
          decodeAll(index);
        }, "corrupt-bitmap"),
        JSON.stringify(made),
      );
    };
    const [first, second] = SMALL.entries;
    assert.ok(first && second);
    refuse({ entries: [{ ...first, xor: 1 }, second] });
    refuse({ entries: [{ ...first, position: 5 }, second] });
    refuse({ entries: [first, second, second, first, second, first] });
    refuse({ types: SMALL.types.toReversed().with(0, encodeEwah([0])) });
    refuse({ types: SMALL.types.with(0, encodeEwah([])) });
    refuse({ xorRows: [0xffffffff, 2] });
    refuse({ xorRows: [0xffffffff, 0], entries: [second, first] });
    refuse({}, 4);
    refuse({ hashes: [1] }, 100_000);
    for (const size of [0, 8, 23, 1000, 0xffffffff]) {
      const extra = new Uint8Array(40);
      extra.set(numbersOf([0, size]), 32);
      refuse({ pseudoMerges: extra });
    }
    const plain = encodeBitmapIndex(SMALL);
    for (const [at, value] of [[3, 0x4e], [5, 2], [7, 0]] as const) {
      const broken = plain.slice();
      broken[at] = value;
      assert.ok(
        isRefused(() => new BitmapIndex(broken, SHA1, 5), "corrupt-bitmap"),
      );
    }
  });

  for (const kind of ["one pack", "a lookup table"] as const) {
    it(`survive damage to each byte: ${kind} (seed 94)`, () => {
      const random = seeded(94);
      const path = tinyRepository(kind);
      const { bytes, objectCount } = openBitmap(path, SHA1).index;
      for (const broken of damaged(bytes, random)) {
        isRefused(() => {
          const index = new BitmapIndex(broken, SHA1, objectCount);
          for (let row = 0; row < index.count; row++) {
            const words = bitmapWords(objectCount);
            index.xor(row, words);
            index.or(row, words);
          }
        }, "corrupt-bitmap");
      }
    });
  }
});

describe("Reverse indexes", () => {
  for (const format of FORMATS) {
    it(`give the order of the offsets: ${format.name}`, () => {
      const path = history("a reverse index", format);
      const objects = indexedObjects(packFile(path, ".idx"), format);
      const bytes = bytesOf(packFile(path, ".rev"));
      const reverse = new ReverseIndex(bytes, format, objects.length);
      const expected = objects.map((_, position) => position)
        .sort((a, b) => (objects[a]?.offset ?? 0) - (objects[b]?.offset ?? 0));
      assert.deepEqual([...reverse.order()], expected);
      const index = bytesOf(packFile(path, ".idx"));
      const raw = format.rawLength;
      assert.deepEqual(
        reverse.packChecksum(),
        index.subarray(-2 * raw, -raw),
      );
      assert.deepEqual(bytes, resealed(bytes, format));
    });
  }

  it("survive damage to each byte (seed 95)", () => {
    const random = seeded(95);
    const bytes = bytesOf(packFile(tinyRepository("a reverse index"), ".rev"));
    const count = (bytes.length - 52) / 4;
    for (const broken of damaged(bytes, random)) {
      const refused = isRefused(() => {
        const order = new ReverseIndex(broken, SHA1, count).order();
        assert.ok(order.every((position) => position < count));
      }, "corrupt-reverse-index");
      assert.ok(refused || broken.length === bytes.length);
    }
  });
});

describe("Multi-pack-indexes", () => {
  for (const format of FORMATS) {
    it(`say where each object lies: ${format.name}`, () => {
      const path = history("several packs", format);
      const multi = openMulti(path, format);
      assert.deepEqual(
        multi.packNames,
        packNames(path).map((name) => name.replace(/pack$/, "idx")).sort(),
      );
      const packs = multi.packNames.map((name) =>
        new Map(
          indexedObjects(join(path, "objects/pack", name), format)
            .map(({ oid, offset }) => [oid, offset]),
        )
      );
      const all = new Set(packs.flatMap((pack) => [...pack.keys()]));
      const ids = idsOf(multi, format);
      assert.deepEqual(ids, [...all].sort());
      ids.forEach((oid, position) => {
        const pack = packs[multi.pack(position)];
        assert.equal(multi.offset(position), pack?.get(oid), oid);
      });
      const order = multi.order();
      assert.deepEqual(
        order && [...order].sort((a, b) => a - b),
        ids.map((_, position) => position),
      );
      assert.deepEqual(multi.bytes, resealed(multi.bytes, format));
    });
  }

  it("survive damage to each byte (seed 96)", () => {
    const random = seeded(96);
    const { bytes } = openMulti(tinyRepository("several packs"), SHA1);
    for (const broken of damaged(bytes, random)) {
      isRefused(() => {
        const multi = new MultiPackIndex(broken, SHA1);
        multi.order();
        for (let position = 0; position < multi.count; position++) {
          assert.ok(multi.pack(position) < multi.packNames.length);
          assert.ok(Number.isSafeInteger(multi.offset(position)));
          assert.ok(multi.rawAt(position) + 20 <= broken.length);
        }
      }, "corrupt-multi-pack-index");
    }
  });

  it("know offsets of 64 bits, and that they are in their table", () => {
    const large = [0, 7, 0x10, 5, 0x200000, 0];
    const multi = new MultiPackIndex(
      madeMulti([0x80000001, 0x80000000, 9, 0x80000002], large),
      SHA1,
    );
    assert.deepEqual(
      [0, 1, 2].map((position) => multi.offset(position)),
      [0x1000000005, 7, 9],
    );
    const refused = (at: MultiPackIndex): boolean =>
      isRefused(() => at.offset(3), "corrupt-multi-pack-index");
    assert.ok(refused(multi), "above 2^53 - 1");
    const outside = madeMulti([0, 1, 2, 0x80000003], large);
    assert.ok(refused(new MultiPackIndex(outside, SHA1)));
    // Without the table, 32 bits are the offset.
    const plain = new MultiPackIndex(madeMulti([1, 2, 3, 0x80000003]), SHA1);
    assert.equal(plain.offset(3), 0x80000003);
  });

  it("are refused as layers of a chain, and with names out of order", () => {
    const bytes = madeMulti([1, 2, 3, 4]);
    for (const [at, value] of [[4, 2], [5, 2], [7, 1], [11, 3]] as const) {
      const broken = bytes.slice();
      broken[at] = value;
      assert.ok(
        isRefused(
          () => new MultiPackIndex(broken, SHA1),
          "corrupt-multi-pack-index",
        ),
        `${at}`,
      );
    }
    const names = bytes.slice();
    const at = new TextDecoder("latin1").decode(bytes).indexOf("b.idx");
    names[at] = 0x61;
    assert.ok(
      isRefused(
        () => new MultiPackIndex(names, SHA1),
        "corrupt-multi-pack-index",
      ),
    );
  });
});

function sorted(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** Two commits, a tree, a blob and a tag; the second is against the first. */
const SMALL: MadeBitmap = {
  format: SHA1,
  packChecksum: new Uint8Array(20).fill(7),
  types: [[0, 1], [2], [3], [4]].map(encodeEwah),
  entries: [
    { position: 1, ewah: encodeEwah([1, 2]) },
    { position: 3, ewah: encodeEwah([0, 3]), xor: 1 },
  ],
};
const SMALL_SETS = [[1, 2], [0, 1, 2, 3]];

function idsOf(multi: MultiPackIndex, format: ObjectFormat): string[] {
  return Array.from({ length: multi.count }, (_, position) => {
    const at = multi.rawAt(position);
    return toHex(multi.bytes, at, at + format.rawLength);
  });
}

function openMulti(path: string, format: ObjectFormat): MultiPackIndex {
  const bytes = bytesOf(join(path, "objects/pack/multi-pack-index"));
  return new MultiPackIndex(bytes, format);
}

/** A repository's bitmap, the ids of its index, and those by bit. */
function openBitmap(path: string, format: ObjectFormat) {
  const bytes = bytesOf(packFile(path, ".bitmap"));
  assert.deepEqual(bytes, resealed(bytes, format));
  if (packNames(path).length > 1) {
    const multi = openMulti(path, format);
    const index = new BitmapIndex(bytes, format, multi.count);
    assert.deepEqual(index.packChecksum(), multi.checksum());
    return { index, ids: idsOf(multi, format), order: multi.order() ?? [] };
  }
  const objects = indexedObjects(packFile(path, ".idx"), format);
  const index = new BitmapIndex(bytes, format, objects.length);
  const order = objects.map((_, position) => position).sort((a, b) =>
    (objects[a]?.offset ?? 0) - (objects[b]?.offset ?? 0)
  );
  return { index, ids: objects.map(({ oid }) => oid), order };
}

function objectsOfKind(path: string, kind: string): string[] {
  const text = gitSync([
    "cat-file",
    "--batch-check=%(objecttype) %(objectname)",
    "--batch-all-objects",
  ], { cwd: path });
  return lines(text).filter((line) => line.startsWith(`${kind} `))
    .map((line) => line.slice(kind.length + 1)).sort();
}

/** A multi-pack-index of four objects of two packs. */
function madeMulti(
  offsets: readonly number[],
  large: readonly number[] = [],
): Uint8Array<ArrayBuffer> {
  const ids = offsets.map((_, i) => new Uint8Array(20).fill(i + 1));
  const chunks: [number, Uint8Array][] = [
    [0x504e414d, new TextEncoder().encode("a.idx\0b.idx\0")],
    [
      0x4f494446,
      numbersOf(Array.from({ length: 256 }, (_, i) => Math.min(i, 4))),
    ],
    [0x4f49444c, Uint8Array.from(ids.flatMap((id) => [...id]))],
    [0x4f4f4646, numbersOf(offsets.flatMap((offset, i) => [i % 2, offset]))],
  ];
  if (large.length > 0) chunks.push([0x4c4f4646, numbersOf(large)]);
  const table: number[] = [];
  let at = 12 + 12 * (chunks.length + 1);
  for (const [id, bytes] of chunks) {
    table.push(id, 0, at);
    at += bytes.length;
  }
  const header = Uint8Array.of(0x4d, 0x49, 0x44, 0x58, 1, 1, chunks.length, 0);
  const parts = [
    header,
    numbersOf([2]),
    numbersOf([...table, 0, 0, at]),
    ...chunks.map(([, bytes]) => bytes),
    new Uint8Array(20),
  ];
  const whole = Uint8Array.from(parts.flatMap((part) => [...part]));
  return resealed(whole, SHA1);
}
