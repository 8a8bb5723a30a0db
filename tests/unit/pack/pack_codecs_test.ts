import assert from "node:assert/strict";
import { writeUint32 } from "../../../src/core/bytes.ts";
import {
  type Oid,
  oidFromRaw,
  oidToRaw,
  SHA1,
  SHA256,
} from "../../../src/core/oid.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import {
  EntryHeader,
  writeDistance,
  writeEntryHeader,
} from "../../../src/pack/entry_header.ts";
import { PackIndex } from "../../../src/pack/index.ts";
import { encodePackIndex } from "../../../src/pack/index_writer.ts";
import { orderByOffset } from "../../../src/kernels/reference/offset_order.ts";
import {
  encodePackHeader,
  parsePackHeader,
} from "../../../src/pack/pack_header.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const kernels = selectKernels();
const LARGEST = Number.MAX_SAFE_INTEGER;

function numbers(): number[] {
  const random = seeded(8);
  const list = [0, 1, 15, 16, 127, 128, 129, 16511, 16512, 2 ** 31, 2 ** 32];
  for (let bits = 1; bits < 53; bits++) {
    list.push(2 ** bits - 1, 2 ** bits, Math.floor(random.next() * 2 ** bits));
  }
  return [...list, LARGEST];
}

describe("Entry headers", () => {
  it("come back as they were written", () => {
    const header = new EntryHeader();
    for (const size of numbers()) {
      for (const type of [1, 2, 3, 4, 6, 7]) {
        const bytes = new Uint8Array(20);
        const end = writeEntryHeader(bytes, 3, type, size);
        assert.ok(end - 3 <= 8);
        assert.equal(header.read(bytes, 3, end), end, String(size));
        assert.deepEqual([header.type, header.size], [type, size]);
        assert.equal(header.read(bytes, 3, end - 1), -1, String(size));
      }
    }
  });

  it("refuse sizes above 2^53", () => {
    const bytes = new Uint8Array(30).fill(0xff);
    assert.equal(new EntryHeader().read(bytes, 0, 30), -1);
    bytes[9] = 0x7f;
    assert.equal(new EntryHeader().read(bytes, 0, 30), -1);
  });

  it("have distances that come back", () => {
    const header = new EntryHeader();
    for (const distance of numbers()) {
      const bytes = new Uint8Array(20);
      const end = writeDistance(bytes, 2, distance);
      assert.ok(end - 2 <= 8, String(distance));
      assert.equal(header.readDistance(bytes, 2, end), end);
      assert.equal(header.distance, distance);
      assert.equal(header.readDistance(bytes, 2, end - 1), -1);
    }
    assert.equal(header.readDistance(new Uint8Array(20).fill(0xff), 0, 20), -1);
    // gitformat-pack: 2^7 is added for each byte after the first.
    const bytes = new Uint8Array(4);
    assert.equal(writeDistance(bytes, 0, 128), 2);
    assert.deepEqual([...bytes.subarray(0, 2)], [0x80, 0x00]);
  });
});

describe("Pack headers", () => {
  it("tell how many objects there are", () => {
    for (const count of [0, 1, 2 ** 32 - 1]) {
      assert.equal(parsePackHeader(encodePackHeader(count)), count);
    }
  });

  it("are refused where they are none", () => {
    const wrong = encodePackHeader(1);
    wrong[7] = 4;
    const other = encodePackHeader(1);
    other[0] = 0x51;
    for (const bytes of [wrong, other, new Uint8Array(11)]) {
      assert.throws(() => parsePackHeader(bytes), { code: "corrupt-pack" });
    }
  });
});

describe("Pack indexes", () => {
  const entries = (count: number, rawLength: number) => {
    const random = seeded(count);
    return Array.from({ length: count }, (_, i) => ({
      raw: random.bytes(rawLength),
      offset: 12 + i * 100,
      crc: random.int(2 ** 32),
    }));
  };

  it("come back as they were written, 64-bit offsets too", () => {
    for (const format of [SHA1, SHA256]) {
      for (const count of [0, 1, 2, 300]) {
        for (const largeFrom of [2 ** 31, 200]) {
          const made = entries(count, format.rawLength);
          const last = made.at(-1);
          if (last !== undefined && count > 1) {
            made[count - 1] = { ...last, offset: 2 ** 40 + 5 };
          }
          const checksum = seeded(1).bytes(format.rawLength);
          const index = new PackIndex(
            encodePackIndex(made, checksum, format, kernels, largeFrom),
            format,
          );
          assert.deepEqual([index.version, index.count], [2, count]);
          assert.deepEqual(new Uint8Array(index.packChecksum()), checksum);
          const byId = new Map(
            made.map((entry) => [oidFromRaw(entry.raw, 0, format), entry]),
          );
          let before = "" as Oid;
          for (let i = 0; i < count; i++) {
            const oid = index.oid(i);
            assert.ok(before < oid);
            before = oid;
            assert.equal(index.offset(i), byId.get(oid)?.offset);
            assert.equal(index.crc(i), byId.get(oid)?.crc);
            const at = index.rawAt(i);
            assert.deepEqual(
              index.bytes.slice(at, at + format.rawLength),
              oidToRaw(oid),
            );
          }
        }
      }
    }
  });

  it("are refused where their frame is wrong", () => {
    const good = encodePackIndex(
      entries(3, 20),
      new Uint8Array(20),
      SHA1,
      kernels,
    );
    const change = (act: (bytes: Uint8Array) => Uint8Array | void) => {
      const copy = good.slice();
      return act(copy) ?? copy;
    };
    const wrong: Record<string, Uint8Array> = {
      empty: new Uint8Array(0),
      short: change((bytes) => bytes.subarray(0, 1060)),
      cut: change((bytes) => bytes.subarray(0, bytes.length - 1)),
      longer: change((bytes) => Uint8Array.from([...bytes, 0, 0, 0, 0])),
      "too many 64-bit offsets": change((bytes) =>
        Uint8Array.from([...bytes, ...new Uint8Array(24)])
      ),
      "a fan-out that falls": change((bytes) => writeUint32(bytes, 8, 9)),
      "a count beyond the file": change((bytes) => bytes.fill(255, 8, 1032)),
      "version 3": change((bytes) => writeUint32(bytes, 4, 3)),
      "no signature": change((bytes) => writeUint32(bytes, 0, 0)),
      "the other format": change((bytes) => bytes.subarray(24)),
    };
    for (const [label, bytes] of Object.entries(wrong)) {
      assert.throws(
        () => new PackIndex(bytes, SHA1),
        { name: "StorageError", code: "corrupt-index" },
        label,
      );
    }
    const wild = change((bytes) =>
      writeUint32(bytes, 1032 + 3 * 24, 0x80000001)
    );
    assert.throws(() => new PackIndex(wild, SHA1).offset(0), {
      code: "corrupt-index",
    });
  });
});

describe("orderByOffset", () => {
  it("sorts few and many, small and large offsets", () => {
    for (const count of [0, 1, 10, 5000]) {
      for (const highest of [60_000, 2 ** 31, 2 ** 45]) {
        const random = seeded(count);
        const offsets = Float64Array.from(
          { length: count },
          () => Math.floor(random.next() * highest),
        );
        const order = orderByOffset(offsets);
        assert.equal(new Set(order).size, count);
        for (let i = 1; i < count; i++) {
          const [a, b] = [order[i - 1], order[i]] as [number, number];
          assert.ok((offsets[a] as number) <= (offsets[b] as number));
        }
      }
    }
  });
});
