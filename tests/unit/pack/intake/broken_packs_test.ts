/**
 * Packs that are broken, hostile or too large, line by line: what becomes of
 * them, and in which words.
 *
 * @module
 */

import assert from "node:assert/strict";
import process from "node:process";
import { deflateRawSync, deflateSync } from "node:zlib";
import { concatBytes, fromUtf8, toHex } from "../../../../src/core/bytes.ts";
import { StorageError } from "../../../../src/core/errors.ts";
import { NATIVE } from "../../../../src/kernels/native/kernels.ts";
import { REFERENCE } from "../../../../src/kernels/reference/kernels.ts";
import { selectKernels } from "../../../../src/kernels/select.ts";
import type { Kernels } from "../../../../src/kernels/types.ts";
import { wasmKernels } from "../../../../src/kernels/wasm/kernels.ts";
import {
  BLOB,
  COMMIT,
  OFS_DELTA,
  REF_DELTA,
} from "../../../../src/object/kind.ts";
import { humanBytes } from "../../../../src/pack/intake/faults.ts";
import { SHATTERED_1, SHATTERED_2 } from "../../../support/collisions.ts";
import {
  entryOf,
  existingOf,
  inputOf,
  type IntakeOptions,
  packOf,
  sealed,
  takeIn,
  UNLIMITED,
  withoutScanner,
} from "../../../support/intake.ts";
import { idOf, madeDelta, sizeBytes } from "../../../support/pack_entries.ts";
import { describe, it } from "../../../support/test.ts";

const TEXT = fromUtf8("what is told about in every test\n");
const ENTRY = entryOf(BLOB, TEXT);
const BOUND = "delta base offset is out of bound";

/** Every way in which entries are scanned. */
const WAYS = [
  selectKernels(),
  withoutScanner(wasmKernels(NATIVE)),
  REFERENCE,
];

/** Takes `bytes` in, in every way; all must come to this error. */
async function refused(
  bytes: Uint8Array,
  name: "ProtocolError" | "RefusedError" | "StorageError",
  message: string | RegExp,
  options: IntakeOptions = {},
): Promise<void> {
  for (const kernels of WAYS) {
    await assert.rejects(
      takeIn(bytes, { kernels, ...options }),
      { name, message },
      kernels.label,
    );
  }
}

/** Takes `bytes` in, in every way. */
async function accepted(
  bytes: Uint8Array,
  options: IntakeOptions = {},
): Promise<void> {
  for (const kernels of WAYS) {
    await takeIn(bytes, { kernels, end: "silent", ...options });
  }
}

/** An entry that is the first of its pack and broken so. */
function badFirst(state: string): string {
  return `pack has bad object at offset 12: ${state}`;
}

/** A zlib stream with such a header, and such a checksum. */
function streamOf(head: readonly number[], data: Uint8Array): Uint8Array {
  const sum = deflateSync(data).subarray(-4);
  return concatBytes([Uint8Array.from(head), deflateRawSync(data), sum]);
}

describe("The header of a pack", () => {
  it("must have a signature", async () => {
    const pack = packOf([ENTRY]);
    pack.set(fromUtf8("PUCK"));
    await refused(
      sealed(pack.subarray(0, -20)),
      "ProtocolError",
      "protocol error (pack signature mismatch detected)",
    );
  });

  it("must be of version 2 or 3", async () => {
    await accepted(packOf([ENTRY], { version: 3 }));
    for (const version of [0, 1, 4, 0xffffffff]) {
      await refused(
        packOf([ENTRY], { version }),
        "ProtocolError",
        "protocol error (pack version unsupported)",
      );
    }
  });

  it("must be there", async () => {
    const pack = packOf([ENTRY]);
    for (const length of [0, 1, 11]) {
      await refused(
        pack.subarray(0, length),
        "ProtocolError",
        "eof before pack header was fully read",
      );
    }
  });

  it("may not tell of more objects than there are", async () => {
    // The trailer is read as an entry, then the input ends.
    for (const count of [2, 3, 0xffffffff]) {
      await assert.rejects(
        takeIn(packOf([ENTRY], { count })),
        { name: "ProtocolError" },
      );
    }
  });

  it("takes no memory for what it tells", async () => {
    const before = process.memoryUsage().rss;
    await refused(
      packOf([ENTRY], { count: 0xffffffff }).subarray(0, -20),
      "ProtocolError",
      "early EOF",
    );
    assert.ok(process.memoryUsage().rss - before < 200e6);
  });

  it("may not tell of fewer", async () => {
    await refused(
      packOf([ENTRY, ENTRY], { count: 1 }),
      "ProtocolError",
      "pack is corrupted (SHA1 mismatch)",
    );
  });

  it("may tell of none", async () => {
    await accepted(packOf([]));
  });
});

describe("The end of a pack", () => {
  it("must be its checksum", async () => {
    const pack = packOf([ENTRY]);
    pack[pack.length - 1] = (pack.at(-1) as number) ^ 1;
    await refused(pack, "ProtocolError", "pack is corrupted (SHA1 mismatch)");
  });

  it("is where reading ends, and what arrived behind it is told", async () => {
    const pack = packOf([ENTRY]);
    const more = concatBytes([pack, fromUtf8("junk")]);
    for (const kernels of WAYS) {
      const { taken, pack: stored } = await takeIn(more, { kernels });
      assert.equal(taken.surplus, 4);
      assert.equal(taken.received, pack.length);
      assert.deepEqual(stored, pack);
    }
  });

  it("may not come early, wherever that is", async () => {
    const noise = Uint8Array.from({ length: 150 }, (_, i) => (i * i) >> 3);
    const pack = packOf([
      ENTRY,
      entryOf(OFS_DELTA, madeDelta(TEXT.length, 5, "x"), {
        distance: ENTRY.length,
      }),
      entryOf(BLOB, noise),
      entryOf(REF_DELTA, madeDelta(TEXT.length, 9, "yz"), {
        baseId: idOf(BLOB, TEXT),
      }),
    ]);
    await accepted(pack);
    for (let length = 12; length < pack.length; length++) {
      const kernels = WAYS[length % WAYS.length] as Kernels;
      await assert.rejects(
        takeIn(pack.subarray(0, length), { kernels, pieces: () => 50 }),
        { name: "ProtocolError", message: "early EOF" },
        `${length} of ${pack.length}`,
      );
    }
    for (let at = 1; at < pack.length; at++) {
      let reads = 0;
      await takeIn(pack, { pieces: () => reads++ === 0 ? at : pack.length });
    }
  });
});

describe("An entry", () => {
  it("must have a type", async () => {
    for (const type of [0, 5]) {
      await refused(
        packOf([entryOf(type, TEXT)]),
        "ProtocolError",
        badFirst(`unknown object type ${type}`),
      );
    }
  });

  it("must have a size that can be", async () => {
    const long = Uint8Array.from([
      ...[0xb0, ...new Array(19).fill(0x80), 0x01],
      ...deflateSync(TEXT),
    ]);
    const huge = entryOf(BLOB, TEXT, { size: 2 ** 52 });
    await refused(
      packOf([long, ENTRY]),
      "ProtocolError",
      badFirst("object size too large"),
    );
    await refused(
      packOf([huge]),
      "ProtocolError",
      badFirst("inflate returned 1"),
    );
  });

  it("must inflate to its size", async () => {
    for (const type of [BLOB, COMMIT]) {
      await refused(
        packOf([entryOf(type, TEXT, { size: TEXT.length + 1 })]),
        "ProtocolError",
        badFirst("inflate returned 1"),
      );
      await refused(
        packOf([entryOf(type, TEXT, { size: TEXT.length - 1 })]),
        "ProtocolError",
        badFirst("inflate returned -5"),
      );
      await refused(
        packOf([entryOf(type, TEXT, { size: 0 })]),
        "ProtocolError",
        badFirst("inflate returned -5"),
      );
    }
  });

  it("is inflated no further than its size and a byte", async () => {
    const bomb = packOf([entryOf(BLOB, new Uint8Array(20e6), { size: 10 })]);
    for (const kernels of WAYS) {
      let made = 0;
      await assert.rejects(
        takeIn(bomb, {
          kernels: {
            ...kernels,
            inflateStream() {
              const stream = kernels.inflateStream();
              return {
                restart: () => stream.restart(),
                step(...args) {
                  const step = stream.step(...args);
                  made += step.output.length;
                  return step;
                },
              };
            },
          },
        }),
        { message: badFirst("inflate returned -5") },
      );
      assert.equal(made, 11);
    }
  });

  it("may be large, in constant memory", async () => {
    const size = 60e6;
    const pack = packOf([entryOf(BLOB, new Uint8Array(size)), ENTRY]);
    let most = 0;
    const before = process.memoryUsage().rss;
    const { taken } = await takeIn(pack, {
      pieces: () => 8192,
      onProgress() {
        most = Math.max(most, process.memoryUsage().rss - before);
      },
      check: (_kind, data) => assert.ok(data.length < 1e6),
    });
    assert.equal(
      toHex(taken.entries.ids, 0, 20),
      toHex(idOf(BLOB, new Uint8Array(size))),
    );
    assert.ok(most < 50e6, `${most}`);
    await refused(
      pack,
      "RefusedError",
      "pack has an object of 60000000 bytes, more than 50000000",
      { limits: { ...UNLIMITED, maxObjectBytes: 50e6 } },
    );
    await refused(
      pack,
      "RefusedError",
      "pack expands to more than 50000000 bytes",
      { limits: { ...UNLIMITED, maxInflatedBytes: 50e6 } },
    );
  });

  it("must be a zlib stream", async () => {
    const sound = new Uint8Array(deflateSync(TEXT));
    const wrongSum = sound.slice();
    wrongSum[sound.length - 1] = (sound.at(-1) as number) ^ 1;
    const corrupt = sound.slice();
    corrupt.fill(0xff, 2, 8);
    const streams = [
      ["wrong adler", wrongSum],
      ["corrupt", corrupt],
      ["preset dictionary", streamOf([0x78, 0xbb, 1, 2, 3, 4], TEXT)],
      ["no deflate", streamOf([0x77, 0x85], TEXT)],
      ["wrong check", streamOf([0x78, 0x9d], TEXT)],
    ] as const;
    for (const [title, stream] of streams) {
      await refused(
        packOf([entryOf(BLOB, TEXT, { stream }), ENTRY]),
        "ProtocolError",
        badFirst("inflate returned -3"),
      ).catch((error) => assert.fail(`${title}: ${error.message}`));
    }
  });

  it("may be stored, empty, or of many blocks", async () => {
    const noise = Uint8Array.from({ length: 90_000 }, (_, i) => (i * i) >> 3);
    const stored = new Uint8Array(deflateSync(noise, { level: 0 }));
    await accepted(packOf([
      entryOf(BLOB, noise, { stream: stored }),
      entryOf(BLOB, new Uint8Array(0)),
      entryOf(BLOB, noise),
    ]));
  });

  it("ends where its stream ends", async () => {
    // Bytes between two entries are taken for the next one.
    await assert.rejects(
      takeIn(packOf([ENTRY, Uint8Array.of(0), ENTRY], { count: 2 })),
      { message: /unknown object type 0/ },
    );
  });
});

describe("A delta", () => {
  const delta = madeDelta(TEXT.length, 5, "x");
  const deltaOf = (distance: number, bytes = delta) =>
    entryOf(OFS_DELTA, bytes, { distance });

  it("must have its base in the pack or in the repository", async () => {
    const missing = entryOf(REF_DELTA, delta, { baseId: idOf(BLOB, TEXT) });
    await refused(
      packOf([missing]),
      "ProtocolError",
      "pack has 1 unresolved delta",
    );
    await refused(
      packOf([missing, missing]),
      "ProtocolError",
      "pack has 2 unresolved deltas",
      { existing: existingOf([{ kind: COMMIT, data: TEXT }]) },
    );
    const existing = existingOf([{ kind: BLOB, data: TEXT }]);
    const { taken, pack } = await takeIn(packOf([missing]), { existing });
    assert.equal(taken.completed, 1);
    assert.deepEqual(toHex(pack, 8, 12), "00000002");
    // What was completed stands alone.
    await accepted(pack);
  });

  it("is not completed by an object that is not what its id says", async () => {
    const missing = entryOf(REF_DELTA, delta, { baseId: idOf(BLOB, TEXT) });
    await refused(
      packOf([missing]),
      "StorageError",
      `local object ${toHex(idOf(BLOB, TEXT))} is corrupt`,
      {
        existing: {
          has: () => false,
          read: () => ({ kind: COMMIT, data: TEXT }),
        },
      },
    );
  });

  it("may not be based on itself, or on what is based on it", async () => {
    // Nobody can name an object that holds its own name: these are unresolved.
    const id = (text: string) => idOf(BLOB, fromUtf8(text));
    const cycle = ["a", "b", "c"].map((name) =>
      entryOf(REF_DELTA, delta, { baseId: id(name) })
    );
    for (const count of [1, 2, 3]) {
      await refused(
        packOf(cycle.slice(0, count)),
        "ProtocolError",
        /^pack has \d unresolved deltas?$/,
      );
    }
  });

  it("must have its base before it, inside of the pack", async () => {
    const at = 12 + ENTRY.length;
    const second = `pack has bad object at offset ${at}: ${BOUND}`;
    await refused(packOf([ENTRY, deltaOf(0)]), "ProtocolError", second);
    await refused(packOf([ENTRY, deltaOf(at)]), "ProtocolError", second);
    await refused(packOf([ENTRY, deltaOf(9999)]), "ProtocolError", second);
    await refused(packOf([deltaOf(12)]), "ProtocolError", badFirst(BOUND));
    const overflow = concatBytes([
      Uint8Array.from([0x60 | delta.length, ...new Array(12).fill(0xff), 1]),
      deltaOf(1),
    ]);
    await refused(
      packOf([overflow, ENTRY]),
      "ProtocolError",
      badFirst("offset value overflow for delta base object"),
    );
  });

  it("must have its base where an entry starts", async () => {
    for (const distance of [ENTRY.length - 1, 1, ENTRY.length + 12]) {
      await refused(
        packOf([ENTRY, deltaOf(distance)]),
        "ProtocolError",
        distance > ENTRY.length + 11
          ? /out of bound/
          : "pack has 1 unresolved delta",
      );
    }
    // Inside of the header of the pack.
    await refused(
      packOf([ENTRY, deltaOf(ENTRY.length + 4)]),
      "ProtocolError",
      "pack has 1 unresolved delta",
    );
  });

  it("must apply", async () => {
    const n = TEXT.length;
    const limits = { ...UNLIMITED, maxObjectBytes: 2 ** 30 };
    const broken: readonly (readonly [string, readonly number[]])[] = [
      ["base size", [...sizeBytes(n + 1), 1, 1, 0x78]],
      ["short result", [...sizeBytes(n), 2, 1, 0x78]],
      ["long result", [...sizeBytes(n), 1, 2, 0x78, 0x78]],
      ["copy out of range", [...sizeBytes(n), 9, 0x91, n - 8, 9]],
      ["opcode 0", [...sizeBytes(n), 1, 0]],
      ["truncated insert", [...sizeBytes(n), 9, 9, 0x78]],
      ["no result", []],
      ["copy of size 0 is 65536", [...sizeBytes(n), 1, 0x80]],
      ["result of 2^40", [...sizeBytes(n), ...sizeBytes(2 ** 40), 1, 0x78]],
    ];
    for (const [title, bytes] of broken) {
      const pack = packOf([
        ENTRY,
        deltaOf(ENTRY.length, Uint8Array.from(bytes)),
      ]);
      for (const kernels of WAYS) {
        await assert.rejects(
          takeIn(pack, { kernels, limits }),
          /ProtocolError|RefusedError/,
          title,
        );
      }
    }
  });

  it("may have a longer copy than its opcode tells: 0 is 65536", async () => {
    const base = new Uint8Array(0x10000).fill(7);
    const entry = entryOf(BLOB, base);
    const copies = Uint8Array.from([
      ...sizeBytes(0x10000),
      ...sizeBytes(0x20000),
      0x80,
      0x80,
    ]);
    const pack = packOf([entry, deltaOf(entry.length, copies)]);
    const { taken } = await takeIn(pack);
    assert.equal(
      toHex(taken.entries.ids, 20, 40),
      toHex(idOf(BLOB, new Uint8Array(0x20000).fill(7))),
    );
  });

  it("may not double what others doubled without bounds", async () => {
    const first = entryOf(BLOB, new Uint8Array(1024).fill(1));
    const entries = [first];
    let before = first.length;
    for (let size = 1024; size < 2 ** 28; size *= 2) {
      // Copies of at most 0xffffff bytes, from the start of the base.
      const ops: number[] = [];
      for (let round = 0; round < 2; round++) {
        for (let left = size; left > 0;) {
          const some = Math.min(left, 0xffffff);
          ops.push(0xf0, some & 255, (some >> 8) & 255, some >> 16);
          left -= some;
        }
      }
      const entry = deltaOf(
        before,
        Uint8Array.from([...sizeBytes(size), ...sizeBytes(size * 2), ...ops]),
      );
      entries.push(entry);
      before = entry.length;
    }
    await assert.rejects(
      takeIn(packOf(entries), {
        limits: { ...UNLIMITED, maxInflatedBytes: 64e6 },
      }),
      { name: "RefusedError" },
    );
  });

  it("may stand on a long chain, but not on one beyond the limit", async () => {
    const entries = [ENTRY];
    for (let depth = 0; depth < 5_000; depth++) {
      const before = entries.at(-1) as Uint8Array;
      entries.push(
        deltaOf(before.length, madeDelta(TEXT.length, TEXT.length - 2, "ab")),
      );
    }
    const pack = packOf(entries);
    await takeIn(pack);
    await assert.rejects(
      takeIn(pack, { limits: { ...UNLIMITED, maxDeltaDepth: 4_000 } }),
      { name: "RefusedError" },
    );
  });
});

describe("An object", () => {
  it("may be there twice, whole and as a delta", async () => {
    const same = entryOf(OFS_DELTA, madeDelta(TEXT.length, TEXT.length, ""), {
      distance: ENTRY.length,
    });
    const named = entryOf(REF_DELTA, madeDelta(TEXT.length, TEXT.length, ""), {
      baseId: idOf(BLOB, TEXT),
    });
    await accepted(packOf([ENTRY, same, ENTRY]));
    // What is named by its id could be found to be based on itself.
    const twin = /^REF_DELTA at offset \d+ already resolved \(duplicate base /;
    for (const entries of [[ENTRY, named], [named, ENTRY]]) {
      await refused(packOf(entries), "ProtocolError", twin);
    }
    const short = entryOf(REF_DELTA, madeDelta(TEXT.length, 4, ""), {
      baseId: idOf(BLOB, TEXT),
    });
    await accepted(packOf([ENTRY, short]));
    await refused(packOf([ENTRY, short, ENTRY]), "ProtocolError", twin);
  });

  it("must be the one that is here under its id", async () => {
    const id = toHex(idOf(BLOB, TEXT));
    const message = `SHA1 COLLISION FOUND WITH ${id} !`;
    const copy = entryOf(OFS_DELTA, madeDelta(TEXT.length, TEXT.length, ""), {
      distance: ENTRY.length,
    });
    const other = TEXT.slice();
    other[0] = 0x57;
    for (
      const own of [{ kind: BLOB, data: other }, { kind: COMMIT, data: TEXT }]
    ) {
      const existing = {
        has: (bytes: Uint8Array) => toHex(bytes) === id,
        read: () => own as { kind: 3; data: Uint8Array },
      };
      await refused(packOf([ENTRY]), "ProtocolError", message, { existing });
      await refused(packOf([ENTRY, copy]), "ProtocolError", message, {
        existing,
      });
    }
    // What a delta comes to is compared as well.
    const made = fromUtf8("whatx");
    const madeId = toHex(idOf(BLOB, made));
    await refused(
      packOf([
        ENTRY,
        entryOf(OFS_DELTA, madeDelta(TEXT.length, 4, "x"), {
          distance: ENTRY.length,
        }),
      ]),
      "ProtocolError",
      `SHA1 COLLISION FOUND WITH ${madeId} !`,
      {
        existing: {
          has: (bytes) => toHex(bytes) === madeId,
          read: () => ({ kind: BLOB, data: TEXT }),
        },
      },
    );
  });

  it("is compared in pieces where it is too large to be held", async () => {
    const data = new Uint8Array(17e6);
    const pack = packOf([entryOf(BLOB, data)]);
    const id = toHex(idOf(BLOB, data));
    const existingAs = (own: Uint8Array) => ({
      has: (bytes: Uint8Array) => toHex(bytes) === id,
      read: () => ({ kind: BLOB, data: own }) as const,
    });
    await takeIn(pack, { existing: existingAs(data) });
    await takeIn(pack, {
      existing: {
        has: () => true,
        read() {
          throw new StorageError("object-too-large", "too large");
        },
      },
    });
    const other = data.slice();
    other[data.length - 1] = 1;
    for (const own of [other, data.subarray(1)]) {
      await assert.rejects(
        takeIn(pack, { existing: existingAs(own) }),
        { message: `SHA1 COLLISION FOUND WITH ${id} !` },
      );
    }
  });

  it("may not have been made to collide, whichever half it is", async () => {
    // As they are hashed here, with a header, these collide no more: both
    // halves of the published collision come in, under names of their own.
    const both = [SHATTERED_1, SHATTERED_2].map((data) => entryOf(BLOB, data));
    for (const entries of [both, both.toReversed()]) {
      const { taken } = await takeIn(packOf(entries));
      const { ids } = taken.entries;
      assert.notEqual(toHex(ids, 0, 20), toHex(ids, 20, 40));
    }
    // A hash that sees an attack ends it.
    const kernels = withoutScanner(selectKernels());
    await assert.rejects(
      takeIn(packOf([ENTRY]), {
        kernels: {
          ...kernels,
          objectHash(format) {
            const hash = kernels.objectHash(format);
            return {
              update: (bytes) => hash.update(bytes),
              digest() {
                const attacked = kernels.objectHash(format);
                attacked.update(SHATTERED_1);
                return attacked.digest();
              },
            };
          },
        },
      }),
      {
        name: "ProtocolError",
        message: /^SHA-1 appears to be part of a collision attack: /,
      },
    );
  });

  it("is checked whatever its size, but for large blobs", async () => {
    const data = new Uint8Array(17e6);
    const seen: number[] = [];
    await takeIn(packOf([entryOf(COMMIT, data), entryOf(BLOB, data)]), {
      check(kind, { length }) {
        seen.push(kind, length);
      },
    });
    assert.deepEqual(seen, [COMMIT, data.length]);
  });

  it("is refused by a check", async () => {
    const seen: string[] = [];
    await assert.rejects(
      takeIn(packOf([ENTRY, ENTRY]), {
        check(kind, data, oid) {
          seen.push(`${kind} ${data.length} ${toHex(oid)}`);
          throw new RangeError("no");
        },
      }),
      { name: "RangeError" },
    );
    assert.deepEqual(seen, [
      `3 ${TEXT.length} ${toHex(idOf(BLOB, TEXT))}`,
    ]);
  });
});

describe("A limit", () => {
  it("on the bytes of a pack ends reading at once", async () => {
    const noise = Uint8Array.from({ length: 90_000 }, (_, i) => (i * i) >> 3);
    const entries = Array.from(
      { length: 100 },
      () => entryOf(BLOB, noise, { stream: deflateSync(noise, { level: 0 }) }),
    );
    const pack = packOf(entries);
    const input = inputOf(pack, () => 4096);
    let read = 0;
    for (const kernels of WAYS) {
      await assert.rejects(
        takeIn(pack, {
          kernels,
          pieces() {
            read = 0;
            return 4096;
          },
          limits: { ...UNLIMITED, maxInputBytes: 100_000 },
        }),
        {
          name: "RefusedError",
          message: "pack exceeds maximum allowed size (97.66 KiB)",
        },
      );
    }
    assert.equal(read, 0);
    assert.ok(await input.read(new Uint8Array(1)) === 1);
    await takeIn(pack, {
      limits: { ...UNLIMITED, maxInputBytes: pack.length },
    });
    await assert.rejects(
      takeIn(pack, {
        limits: { ...UNLIMITED, maxInputBytes: pack.length - 1 },
      }),
      { name: "RefusedError" },
    );
  });

  it("on objects ends it from the header", async () => {
    await refused(
      packOf([ENTRY], { count: 1000 }).subarray(0, 12),
      "RefusedError",
      "pack has 1000 objects, more than 999",
      { limits: { ...UNLIMITED, maxObjects: 999 } },
    );
  });

  it("is told as git tells it", () => {
    assert.equal(humanBytes(1), "1 byte");
    assert.equal(humanBytes(1024), "1024 bytes");
    assert.equal(humanBytes(1025), "1.00 KiB");
    assert.equal(humanBytes(100_000), "97.66 KiB");
    assert.equal(humanBytes(5 * 2 ** 20), "5.00 MiB");
    assert.equal(humanBytes(3.5 * 2 ** 30), "3.49 GiB");
  });

  it("of patience is a signal", async () => {
    const controller = new AbortController();
    controller.abort(new RangeError("enough"));
    await assert.rejects(
      takeIn(packOf([ENTRY]), { signal: controller.signal }),
      { message: "enough" },
    );
  });
});
