/**
 * What every set of kernels must do, whichever way it does it: vectors, seeded
 * random input compared with the reference, and malformed input.
 *
 * @module
 */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import { concatBytes, fromUtf8 } from "../../src/core/bytes.ts";
import { REFERENCE } from "../../src/kernels/reference/kernels.ts";
import { KernelError, type Kernels } from "../../src/kernels/types.ts";
import { arrangeIndexContract } from "./arrange_index.ts";
import { type Random, seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";
import { deltaContract } from "./kernel_deltas.ts";
import { inflateStreamContract } from "./kernel_inflate_stream.ts";
import { hashContract } from "./kernel_hashes.ts";
import { madeStreamsContract } from "./kernel_streams.ts";

const SEED = 20_260_107;

/** Registers the contract for one set of kernels. */
export function kernelsContract(kernels: Kernels): void {
  describe(`kernels "${kernels.label}"`, () => {
    inflateContract(kernels);
    hostileInflateContract(kernels);
    madeStreamsContract(kernels);
    inflateStreamContract(kernels);
    hashContract(kernels);
    deltaContract(kernels);
    arrangeIndexContract(kernels);
  });
}

/** Bytes of one of several characters: empty, noise, runs, text. */
export function sample(random: Random): Uint8Array {
  const length = random.int(random.pick([1, 20, 300, 5_000, 70_000]));
  const kind = random.int(4);
  if (kind === 0) return random.bytes(length);
  if (kind === 1) return new Uint8Array(length).fill(random.int(256));
  const words = Array.from({ length: 30 }, () => random.bytes(random.int(12)));
  const parts: Uint8Array[] = [];
  for (let total = 0; total < length;) {
    const word = random.pick(words);
    parts.push(word, fromUtf8(kind === 2 ? " " : "\n\t"));
    total += word.length + 1;
  }
  return concatBytes(parts).subarray(0, length);
}

function inflateContract(kernels: Kernels): void {
  it("inflates what zlib deflates, at every level and strategy", () => {
    const random = seeded(SEED);
    for (let round = 0; round < 300; round++) {
      const data = sample(random);
      const stream = zlib.deflateSync(data, {
        level: random.int(10),
        strategy: random.int(5),
        memLevel: 1 + random.int(9),
        windowBits: 9 + random.int(7),
      });
      const lead = random.int(5);
      const input = concatBytes([
        random.bytes(lead),
        stream,
        random.bytes(random.int(40)),
      ]);
      const back = kernels.inflate(input, lead, data.length);
      const hint = `seed ${SEED}, round ${round}`;
      assert.deepEqual(back.data, new Uint8Array(data), hint);
      assert.equal(back.consumed, stream.length, hint);
      const some = random.int(data.length + 1);
      assert.deepEqual(
        new Uint8Array(kernels.inflatePrefix(input, lead, some)),
        new Uint8Array(data.subarray(0, some)),
        hint,
      );
    }
  });

  it("deflates to streams that zlib and the reference inflate", () => {
    const random = seeded(SEED + 1);
    for (let round = 0; round < 60; round++) {
      const data = sample(random);
      const stream = kernels.deflate(data);
      assert.deepEqual(
        new Uint8Array(zlib.inflateSync(stream)),
        new Uint8Array(data),
        `seed ${SEED + 1}, round ${round}`,
      );
      const back = REFERENCE.inflate(stream, 0, data.length);
      assert.deepEqual(back.data, new Uint8Array(data));
    }
  });
}

function hostileInflateContract(kernels: Kernels): void {
  const text = fromUtf8("the same words, the same words, the same words\n");
  const stream = new Uint8Array(zlib.deflateSync(text));

  it("says that a stream cut at any byte is truncated", () => {
    for (let length = 0; length < stream.length; length++) {
      assert.throws(
        () => kernels.inflate(stream.slice(0, length), 0, text.length),
        { name: "KernelError", code: "truncated" },
        `cut at ${length}`,
      );
    }
  });

  it("refuses output that is longer or shorter than was said", () => {
    for (const size of [0, 1, text.length - 1]) {
      assert.throws(() => kernels.inflate(stream, 0, size), {
        name: "KernelError",
        code: "too-long",
      });
    }
    assert.throws(() => kernels.inflate(stream, 0, text.length + 1), {
      name: "KernelError",
      code: "too-short",
    });
  });

  it("stops at the size that was said when a bomb inflates to more", () => {
    const bomb = new Uint8Array(zlib.deflateSync(new Uint8Array(50_000_000)));
    assert.throws(() => kernels.inflate(bomb, 0, 10), {
      name: "KernelError",
      code: "too-long",
    });
  });

  it("refuses a wrong checksum, method, header check and dictionary", () => {
    const cases: [string, Uint8Array][] = [
      ["checksum", changed(stream, stream.length - 1, 1)],
      ["method", changed(stream, 0, 7)],
      ["header check", changed(stream, 1, 1)],
      ["dictionary", Uint8Array.of(0x78, 0xbb, 0, 0, 0, 1, 3, 0, 0, 0, 0, 1)],
      ["block type 3", Uint8Array.of(0x78, 0x9c, 7, 0, 0, 0, 0, 0)],
      ["stored length", Uint8Array.of(0x78, 0x01, 1, 5, 0, 0, 0, 0, 0, 0)],
    ];
    for (const [what, bytes] of cases) {
      assert.throws(
        () => kernels.inflate(bytes, 0, text.length),
        { name: "KernelError", code: "corrupt" },
        what,
      );
    }
  });

  it("gives a typed error or zlib's answer for any damaged stream", () => {
    const random = seeded(SEED + 2);
    for (let round = 0; round < 2_000; round++) {
      const data = sample(random).subarray(0, 400);
      const whole = new Uint8Array(zlib.deflateSync(data));
      const bytes = changed(
        whole,
        random.int(whole.length),
        1 << random.int(8),
      );
      const hint = `seed ${SEED + 2}, round ${round}`;
      const ours = outcome(() => kernels.inflate(bytes, 0, data.length).data);
      const zlibs = outcome(() => {
        const result = zlib.inflateSync(bytes, { maxOutputLength: 1e6 });
        if (result.length !== data.length) throw new Error("size");
        return new Uint8Array(result);
      });
      assert.equal(ours !== undefined, zlibs !== undefined, hint);
      assert.deepEqual(ours, zlibs, hint);
    }
  });
}

/** A copy of `bytes` in which the byte at `at` is xored with `mask`. */
function changed(bytes: Uint8Array, at: number, mask: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
}

function outcome(run: () => Uint8Array): Uint8Array | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    if (error instanceof Error && !(error instanceof RangeError)) {
      return undefined;
    }
    throw error;
  }
}
