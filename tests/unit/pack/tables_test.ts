import assert from "node:assert/strict";
import {
  compareBytes,
  concatBytes,
  writeUint32,
} from "../../../src/core/bytes.ts";
import {
  type ObjectFormat,
  oidFromRaw,
  SHA1,
  SHA256,
} from "../../../src/core/oid.ts";
import { REFERENCE } from "../../../src/kernels/reference/kernels.ts";
import { selectKernels } from "../../../src/kernels/select.ts";
import {
  encodePackIndex,
  type IndexEntry,
} from "../../../src/pack/index_writer.ts";
import {
  areWholeTables,
  IdSearch,
  type IndexSource,
  type PackTables,
  readPackTables,
  viewTables,
} from "../../../src/pack/tables.ts";
import { type Random, seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const kernels = selectKernels();

function sourceOf(bytes: Uint8Array): IndexSource {
  return {
    size: bytes.length,
    readAt(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

function entriesOf(
  random: Random,
  count: number,
  rawLength: number,
  highest: number,
): IndexEntry[] {
  // The first lies behind the header: never all offsets are large ones.
  const offsets = new Set<number>(count > 0 ? [12] : []);
  while (offsets.size < count) {
    offsets.add(12 + Math.floor(random.next() * highest));
  }
  return [...offsets].map((offset) => ({
    raw: random.bytes(rawLength),
    offset,
    crc: random.int(2 ** 32),
  }));
}

function versionOne(
  entries: readonly IndexEntry[],
  checksum: Uint8Array,
): Uint8Array {
  const fanOut = new Uint8Array(1024);
  const sorted = [...entries].sort((a, b) => compareBytes(a.raw, b.raw));
  const rows = sorted.map(({ raw, offset }) => {
    const row = new Uint8Array(4 + raw.length);
    writeUint32(row, 0, offset);
    row.set(raw, 4);
    return row;
  });
  for (let i = 0; i < 256; i++) {
    const upTo = sorted.filter(({ raw }) => (raw[0] as number) <= i);
    writeUint32(fanOut, 4 * i, upTo.length);
  }
  return concatBytes([fanOut, ...rows, checksum, checksum]);
}

/** Everything that tables say, entry by entry in the order of offsets. */
function told(tables: PackTables, format: ObjectFormat): unknown[] {
  const views = viewTables(tables);
  const search = new IdSearch(views, format.rawLength);
  return Array.from(views.positions, (position, rank) => {
    assert.equal(views.ranks[position], rank);
    const at = position * format.rawLength;
    const found = search.find(views.raw, at);
    assert.ok(found >= 0 && found <= position);
    const crc = tables.hasCrcs
      ? new DataView(views.crcs.buffer, views.crcs.byteOffset)
        .getUint32(4 * position)
      : undefined;
    return [oidFromRaw(views.raw, at, format), views.offsets[rank], crc];
  });
}

function expected(
  entries: readonly IndexEntry[],
  format: ObjectFormat,
  crcs: "with" | "without",
): unknown[] {
  return [...entries].sort((a, b) => a.offset - b.offset).map((entry) => [
    oidFromRaw(entry.raw, 0, format),
    entry.offset,
    crcs === "with" ? entry.crc : undefined,
  ]);
}

describe("Pack tables", () => {
  it("say what the index says, of either version and format", () => {
    const random = seeded(404);
    for (const format of [SHA1, SHA256]) {
      for (const count of [0, 1, 2, 9, 700, 5_000]) {
        for (const highest of [2 ** 24, 2 ** 31, 2 ** 40]) {
          const label = `${format.name}, ${count} below ${highest}, seed 404`;
          const made = entriesOf(random, count, format.rawLength, highest);
          const checksum = random.bytes(format.rawLength);
          const bytes = encodePackIndex(made, checksum, format, kernels);
          for (const each of [kernels, REFERENCE]) {
            const tables = readPackTables(sourceOf(bytes), format, each);
            assert.ok(areWholeTables(tables));
            assert.deepEqual(
              told(tables, format),
              expected(made, format, "with"),
              label,
            );
            assert.deepEqual(
              new Uint8Array(viewTables(tables).checksum),
              checksum,
            );
          }
          if (highest > 2 ** 31) continue;
          const old = readPackTables(
            sourceOf(versionOne(made, checksum)),
            format,
            kernels,
          );
          assert.ok(!old.hasCrcs);
          assert.deepEqual(
            told(old, format),
            expected(made, format, "without"),
            label,
          );
        }
      }
    }
  });

  it("find no id that is not there, however alike ids are", () => {
    const random = seeded(11);
    // A pusher may choose ids that share their first bits.
    for (const shared of [0, 2, 4, 12, 19]) {
      const prefix = random.bytes(shared);
      const room = 256 ** Math.min(2, 20 - shared);
      const made = entriesOf(random, Math.min(200, room / 2), 20, 2 ** 30)
        .map((entry) => {
          entry.raw.set(prefix);
          return entry;
        });
      const bytes = encodePackIndex(made, new Uint8Array(20), SHA1, kernels);
      const views = viewTables(readPackTables(sourceOf(bytes), SHA1, kernels));
      const search = new IdSearch(views, 20);
      const present = new Set(
        made.map(({ raw }) => oidFromRaw(raw, 0, SHA1)),
      );
      for (const { raw } of made) {
        const at = search.find(raw, 0);
        assert.deepEqual(
          oidFromRaw(views.raw, at * 20, SHA1),
          oidFromRaw(raw, 0, SHA1),
        );
        for (let change = 0; change < 20; change++) {
          const other = raw.slice();
          other[change] = random.int(256);
          const isThere = present.has(oidFromRaw(other, 0, SHA1));
          assert.equal(search.find(other, 0) >= 0, isThere, "seed 11");
        }
      }
    }
  });

  it("put ids in order that are not", () => {
    const random = seeded(12);
    for (const version of [1, 2]) {
      const made = entriesOf(random, 400, 20, 2 ** 30);
      const checksum = random.bytes(20);
      const bytes = version === 1
        ? versionOne(made, checksum)
        : encodePackIndex(made, checksum, SHA1, kernels);
      const first = version === 1 ? 1024 + 4 : 8 + 1024;
      const stride = version === 1 ? 24 : 20;
      const changed = made.map((entry) => ({ ...entry }));
      for (let i = 0; i < 5; i++) {
        const at = first + random.int(400) * stride;
        const old = oidFromRaw(bytes, at, SHA1);
        bytes[at] = random.int(256);
        for (const entry of changed) {
          if (oidFromRaw(entry.raw, 0, SHA1) !== old) continue;
          entry.raw = bytes.slice(at, at + 20);
        }
      }
      for (const each of [kernels, REFERENCE]) {
        const tables = readPackTables(sourceOf(bytes), SHA1, each);
        assert.deepEqual(
          told(tables, SHA1),
          expected(changed, SHA1, version === 1 ? "without" : "with"),
          `version ${version}, seed 12`,
        );
      }
    }
  });

  it("tell ids that stand twice", () => {
    const made = entriesOf(seeded(13), 50, 20, 2 ** 30);
    const twice = [...made, { ...(made[9] as IndexEntry), offset: 3 }];
    for (const [entries, repeats] of [[made, false], [twice, true]] as const) {
      const bytes = encodePackIndex(entries, new Uint8Array(20), SHA1, kernels);
      const tables = readPackTables(sourceOf(bytes), SHA1, kernels);
      assert.equal(tables.hasRepeats, repeats);
      assert.deepEqual(told(tables, SHA1), expected(entries, SHA1, "with"));
    }
  });

  it("are refused with the index, whatever bytes it has", () => {
    const random = seeded(14);
    const made = entriesOf(random, 40, 20, 2 ** 34);
    const good = encodePackIndex(made, new Uint8Array(20), SHA1, kernels);
    let refused = 0;
    for (let round = 0; round < 3_000; round++) {
      const bytes = good.slice(0, random.pick([good.length, good.length - 8]));
      for (let i = random.int(4); i >= 0; i--) {
        bytes[random.int(random.pick([1040, bytes.length]))] = random.int(256);
      }
      const outcomes = [kernels, REFERENCE].map((each) => {
        try {
          const tables = readPackTables(sourceOf(bytes), SHA1, each);
          return told(tables, SHA1);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "corrupt-index");
          refused++;
          return String(error);
        }
      });
      assert.deepEqual(outcomes[0], outcomes[1], `seed 14, round ${round}`);
    }
    assert.ok(refused > 1_000 && refused < 5_900, String(refused));
  });

  it("are refused where the file ends early", () => {
    const made = entriesOf(seeded(15), 40, 20, 2 ** 34);
    const good = encodePackIndex(made, new Uint8Array(20), SHA1, kernels);
    // The index's own checksum is not read, as in git.
    for (let length = 0; length < good.length - 20; length += 7) {
      // It shrank after its size was asked.
      const source = sourceOf(good.subarray(0, length));
      assert.throws(
        () => readPackTables({ ...source, size: good.length }, SHA1, kernels),
        { name: "StorageError", code: "corrupt-index" },
      );
    }
  });

  it("are not whole where their size is not what they say", () => {
    const made = entriesOf(seeded(16), 40, 20, 2 ** 34);
    const good = encodePackIndex(made, new Uint8Array(20), SHA1, kernels);
    const tables = readPackTables(sourceOf(good), SHA1, kernels);
    for (
      const wrong of [
        { ...tables, count: 41 },
        { ...tables, count: -1 },
        { ...tables, count: 0.5 },
        { ...tables, format: "sha256" as const },
        { ...tables, hasLarge: false },
        { ...tables, hasCrcs: false },
      ]
    ) {
      assert.ok(!areWholeTables(wrong));
    }
    assert.ok(areWholeTables(structuredClone(tables)));
  });
});
