/**
 * Packs that receive-pack must refuse, or take although they are odd, whether
 * it would store them as a pack or as loose objects: afterwards the repository
 * is what it was, and others are served.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateRawSync, deflateSync } from "node:zlib";
import { BROKEN, KEPT, PackTrial } from "../support/pushes/pack_trial.ts";
import {
  entryBytes,
  rawDelta,
  type RawEntry,
  rawId,
  rawPack,
  sizeBytes,
  TYPES,
} from "../support/pushes/raw_pack.ts";
import { SERVER } from "../support/server.ts";
import { after, describe, it } from "../support/test.ts";

// Set up here, not in a hook: the tests below take these as constants.
const trial = await PackTrial.start("bad-packs");
const { good } = trial;

after(() => trial.stop());

const TEXT = Buffer.from("some text that is pushed, and more of it\n");
const BLOB: RawEntry = { type: TYPES.blob, data: TEXT };
const BLOB_ID = rawId("blob", TEXT);

function expectRefused(
  pack: Uint8Array,
  reason: RegExp,
  to = BLOB_ID.toString("hex"),
): Promise<void> {
  return trial.expectRefused(pack, reason, to);
}

async function expectTaken(
  pack: Uint8Array,
  to = BLOB_ID.toString("hex"),
): Promise<void> {
  await trial.expectTaken(pack, to);
}

const HEADER = (words: string) => new RegExp(`^unpack .*${words}`);

describe("a pack's head", () => {
  it("with another signature is refused", () =>
    expectRefused(
      rawPack([BLOB], { signature: "PUCK" }),
      HEADER("protocol error \\(pack signature mismatch detected\\)"),
    ));

  it("of version 4 is refused", () =>
    expectRefused(
      rawPack([BLOB], { version: 4 }),
      HEADER("protocol error \\(pack version unsupported\\)"),
    ));

  it("of version 3 is taken", () =>
    expectTaken(rawPack([BLOB], { version: 3 })));

  it("that counts too many objects is refused", () =>
    expectRefused(rawPack([BLOB], { count: 2 }), BROKEN));

  it("that counts too few is refused", () =>
    expectRefused(rawPack([BLOB, BLOB], { count: 1 }), BROKEN));

  it("that counts four thousand million is refused", () =>
    expectRefused(rawPack([BLOB], { count: 0xffffffff }), /^unpack /));

  it("that is not there is refused", () =>
    expectRefused(new Uint8Array(0), HEADER("eof before pack header")));
});

describe("a pack's end", () => {
  it("with another checksum is refused", () =>
    expectRefused(rawPack([BLOB], { trailer: new Uint8Array(20) }), BROKEN));

  it("may be followed by nothing that changes its fate", async () => {
    const outcomes = [];
    for (const name of KEPT) {
      const pack = rawPack([BLOB], { tail: Buffer.from("garbage") });
      const to = BLOB_ID.toString("hex");
      outcomes.push((await trial.push(trial.copy(name), pack, { to })).report);
    }
    // git's way of storing few objects takes it, the other does not.
    if (SERVER === "ours") assert.deepEqual(outcomes[0], outcomes[1]);
  });

  it("that comes too early is refused, wherever it comes", async () => {
    const pack = rawPack([BLOB, { type: TYPES.tree, data: new Uint8Array(0) }]);
    const to = BLOB_ID.toString("hex");
    for (const name of KEPT) {
      const before = trial.filesOf(name);
      const ends = pack.keys();
      // Some at a time.
      await Promise.all(Array.from({ length: 8 }, async () => {
        for (const end of ends) {
          const part = pack.subarray(0, end);
          const { report, text } = await trial.push(name, part, { to });
          assert.match(report[0] ?? text, /^unpack (?!ok)/);
          assert.match(report[1] ?? text, /^ng .* unpacker error$/);
        }
      }));
      assert.deepEqual(trial.filesOf(name), before);
    }
  });
});

describe("an entry", () => {
  for (const type of [0, 5]) {
    it(`of type ${type} is refused`, () =>
      expectRefused(rawPack([{ ...BLOB, type }]), BROKEN));
  }

  it("that declares 2^60 bytes is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: 2n ** 60n }]), BROKEN));

  it("whose size has twenty digits of seven bits is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: 2n ** 136n }]), BROKEN));

  it("that declares fewer bytes than it has is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: TEXT.length - 1 }]), BROKEN));

  it("that declares more is refused", () =>
    expectRefused(rawPack([{ ...BLOB, size: TEXT.length + 1 }]), BROKEN));

  it("of ten bytes that inflates to 200 MB is refused", () =>
    expectRefused(
      rawPack([{
        ...BLOB,
        size: 10,
        stream: deflateSync(Buffer.alloc(200_000_000)),
      }]),
      BROKEN,
    ));

  it("of 100 MB of zeros that says so is taken", async () => {
    const data = Buffer.alloc(100_000_000);
    const id = rawId("blob", data).toString("hex");
    const before = trial.peakMemory();
    await expectTaken(rawPack([{ type: TYPES.blob, data }]), id);
    if (SERVER === "ours") {
      assert.ok(
        trial.peakMemory() - before < 64_000_000,
        `${before} ${trial.peakMemory()}`,
      );
    }
  });

  const stream = deflateSync(TEXT);
  const flipped = Buffer.from(stream);
  flipped[10] = (flipped[10] as number) ^ 0xff;
  const wrongSum = Buffer.from(stream);
  wrongSum[wrongSum.length - 1] = (wrongSum.at(-1) as number) ^ 1;
  const dictionary = Buffer.concat([
    Buffer.from([0x78, 0xbb, 0, 0, 0, 1]),
    deflateRawSync(TEXT),
    stream.subarray(-4),
  ]);
  for (
    const [words, bytes] of [
      ["that is damaged", flipped],
      ["with a wrong checksum", wrongSum],
      ["with a preset dictionary", dictionary],
      ["followed by a byte", Buffer.concat([stream, Buffer.from([0])])],
      ["that is empty", Buffer.alloc(0)],
    ] as const
  ) {
    it(`with a stream ${words} is refused`, () =>
      expectRefused(rawPack([{ ...BLOB, stream: bytes }]), BROKEN));
  }

  it("of stored blocks alone is taken", () =>
    expectTaken(
      rawPack([{ ...BLOB, stream: deflateSync(TEXT, { level: 0 }) }]),
    ));

  it("of nothing is taken", () => {
    const data = new Uint8Array(0);
    const id = rawId("blob", data).toString("hex");
    return expectTaken(rawPack([{ type: TYPES.blob, data }]), id);
  });

  it("that is there twice is taken", () => expectTaken(rawPack([BLOB, BLOB])));
});

describe("a delta", () => {
  const size = TEXT.length;
  // Copies four bytes from the start.
  const COPY = [0x91, 0, 4];
  const copy4 = rawDelta(size, 4, ...COPY);
  const distance = entryBytes(BLOB).length;
  const ofs = (data: Uint8Array, base: number | Uint8Array = distance) =>
    rawPack([BLOB, { type: TYPES.ofs, data, base }]);
  const made = rawId("blob", TEXT.subarray(0, 4)).toString("hex");
  const absent = Buffer.alloc(20, 0x12);

  it("of four bytes is taken, by offset and by name", async () => {
    await expectTaken(ofs(copy4), made);
    const byName = { type: TYPES.ref, data: copy4, base: BLOB_ID };
    await expectTaken(rawPack([BLOB, byName]), made);
    await expectTaken(rawPack([byName, BLOB]), made);
  });

  it("whose base is nowhere is refused", () =>
    expectRefused(
      rawPack([{ type: TYPES.ref, data: copy4, base: absent }]),
      BROKEN,
    ));

  it("of itself is refused", () => {
    const id = Buffer.from(made, "hex");
    return expectRefused(
      rawPack([{ type: TYPES.ref, data: copy4, base: id }]),
      BROKEN,
      made,
    );
  });

  for (
    const [words, base] of [
      ["distance 0", 0],
      ["its base before the start", 1_000_000],
      ["its base in the pack's head", distance + 6],
      ["its base inside of an entry", distance - 3],
      ["a distance that overflows", Buffer.alloc(12, 0xff)],
    ] as const
  ) {
    it(`with ${words} is refused`, () =>
      expectRefused(ofs(copy4, base), BROKEN));
  }

  for (
    const [words, data] of [
      ["another size of its base", rawDelta(size + 1, 4, ...COPY)],
      ["a result that is too short", rawDelta(size, 5, ...COPY)],
      ["a result that is too long", rawDelta(size, 3, ...COPY)],
      ["a copy behind the base", rawDelta(size, 4, 0x91, size - 2, 4)],
      ["the instruction 0", rawDelta(size, 4, 0, ...COPY)],
      ["an insertion that is cut off", rawDelta(size, 4, 4, 1, 2)],
      ["a copy that is cut off", rawDelta(size, 4, 0x91)],
      ["nothing in it", Buffer.alloc(0)],
      ["a copy of 65536 bytes of a small base", rawDelta(size, 4, 0x80)],
    ] as const
  ) {
    it(`with ${words} is refused`, () => expectRefused(ofs(data), BROKEN));
  }

  it("that declares 2^40 bytes is refused", () =>
    expectRefused(ofs(rawDelta(size, 2 ** 40, ...COPY)), /^unpack (?!ok)/));

  it("chain of 5,000 is taken", async () => {
    const entries: RawEntry[] = [BLOB];
    let [last, text] = [BLOB, TEXT];
    for (let i = 0; i < 5_000; i++) {
      // Half of the text stays.
      const tail = Buffer.from(`${i}\n`);
      const next = Buffer.concat([text.subarray(0, 20), tail]);
      const delta = Buffer.from([
        ...sizeBytes(text.length),
        ...sizeBytes(next.length),
        ...[0x91, 0, 20, tail.length],
        ...tail,
      ]);
      const base = entryBytes(last).length;
      last = { type: TYPES.ofs, data: delta, base };
      entries.push(last);
      text = next;
    }
    const id = rawId("blob", text).toString("hex");
    await trial.expectTaken(rawPack(entries), id, ["packed.git"]);
  });
});

describe("a pack that is not what its commands need", () => {
  it("may be empty where the object is there", () =>
    expectTaken(rawPack([]), good.main));

  it("may not be missing where a ref is made", () =>
    expectRefused(new Uint8Array(0), HEADER("eof before pack header")));
});
