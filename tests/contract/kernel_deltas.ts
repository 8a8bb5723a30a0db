/**
 * What `applyDelta` of every set of kernels must do: git's deltas, sound and
 * hostile.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concatBytes, fromUtf8 } from "../../src/core/bytes.ts";
import { KernelError, type Kernels } from "../../src/kernels/types.ts";
import { type Random, seeded } from "../support/random.ts";
import { it } from "../support/test.ts";

const SEED = 20_260_213;

/** Registers the contract of `applyDelta`. */
export function deltaContract(kernels: Kernels): void {
  const base = fromUtf8("0123456789abcdef");

  it("applies copies and inserts", () => {
    // Base 16 bytes, result 9: copy 4 from 10, insert "-x-", copy 2 from 0.
    const delta = Uint8Array.of(
      16,
      9,
      0x91,
      10,
      4,
      3,
      0x2d,
      0x78,
      0x2d,
      0x90,
      2,
    );
    assert.equal(
      new TextDecoder().decode(kernels.applyDelta(base, delta, 100)),
      "abcd-x-01",
    );
  });

  it("takes a copy of size 0 as 65536 bytes", () => {
    const wide = seeded(SEED).bytes(0x10000);
    const delta = Uint8Array.of(0x80, 0x80, 4, 0x80, 0x80, 4, 0x80);
    assert.deepEqual(kernels.applyDelta(wide, delta, 0x10000), wide);
  });

  it("refuses each malformed delta", () => {
    const cases: Record<string, number[]> = {
      "empty": [],
      "only one size": [16],
      // patch-delta.c: fewer than four bytes are no delta.
      "no instruction": [16, 0],
      "unending size": [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
      "another base": [15, 1, 1, 0x61],
      "opcode 0": [16, 1, 0],
      "truncated insert": [16, 3, 3, 0x61],
      "truncated copy": [16, 4, 0x91, 1],
      "copy beyond the base": [16, 4, 0x91, 13, 4],
      "insert beyond the result": [16, 1, 2, 0x61, 0x62],
      "copy beyond the result": [16, 3, 0x90, 4],
      "too few bytes": [16, 4, 1, 0x61],
    };
    for (const [what, bytes] of Object.entries(cases)) {
      assert.throws(
        () => kernels.applyDelta(base, Uint8Array.from(bytes), 100),
        { name: "KernelError", code: "corrupt" },
        what,
      );
    }
  });

  it("refuses a result over the limit from the header alone", () => {
    const delta = Uint8Array.of(16, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1);
    assert.throws(() => kernels.applyDelta(base, delta, 1 << 20), {
      name: "KernelError",
      code: "too-long",
    });
  });

  it("refuses a delta cut at any byte", () => {
    const random = seeded(SEED + 1);
    for (let round = 0; round < 50; round++) {
      const { source, delta } = madeDelta(random);
      for (let end = 0; end < delta.length; end++) {
        assert.throws(
          () => kernels.applyDelta(source, delta.slice(0, end), 1 << 20),
          { name: "KernelError", code: "corrupt" },
          `seed ${SEED + 1}, round ${round}, cut at ${end}`,
        );
      }
    }
  });

  it("applies deltas of every shape, and no more than their sizes say", () => {
    const random = seeded(SEED + 2);
    for (let round = 0; round < 500; round++) {
      const { source, delta, result } = madeDelta(random);
      const hint = `seed ${SEED + 2}, round ${round}`;
      const limit = result.length;
      assert.deepEqual(kernels.applyDelta(source, delta, limit), result, hint);
      assert.throws(() => kernels.applyDelta(source, delta, limit - 1), {
        name: "KernelError",
        code: "too-long",
      });
      const other = concatBytes([source, Uint8Array.of(0)]);
      assert.throws(() => kernels.applyDelta(other, delta, limit), {
        name: "KernelError",
        code: "corrupt",
      });
    }
  });

  it("makes of a damaged delta what its bytes say, or refuses it", () => {
    const random = seeded(SEED + 3);
    let sound = 0;
    for (let round = 0; round < 2_000; round++) {
      const { source, delta } = madeDelta(random);
      const hint = `seed ${SEED + 3}, round ${round}`;
      const at = random.int(delta.length);
      delta[at] = random.pick([0, 0x7f, 0x80, 0xff, random.int(256)]);
      const expected = meaningOf(source, delta, 1 << 20);
      if (expected !== undefined) sound++;
      let own: Uint8Array | undefined;
      try {
        own = kernels.applyDelta(source, delta, 1 << 20);
      } catch (error) {
        assert.ok(error instanceof KernelError, hint);
      }
      assert.deepEqual(own, expected, hint);
    }
    assert.ok(sound > 200, `${sound} sound`);
  });
}

interface MadeDelta {
  readonly source: Uint8Array;
  readonly delta: Uint8Array;
  readonly result: Uint8Array;
}

/** A sound delta with at least one instruction, not always the shortest. */
function madeDelta(random: Random): MadeDelta {
  const source = random.bytes(
    1 + random.int(random.pick([20, 20, 400, 400, 400, 70_000])),
  );
  const parts: Uint8Array[] = [];
  const instructions: number[] = [];
  for (let count = 1 + random.int(8); count > 0; count--) {
    if (random.int(2) === 0) {
      const text = random.bytes(1 + random.int(random.pick([4, 30, 127])));
      instructions.push(text.length, ...text);
      parts.push(text);
      continue;
    }
    const offset = random.int(source.length);
    const most = Math.min(source.length - offset, 0xffffff);
    let size = 1 + random.int(random.pick([Math.min(most, 30), most]));
    if (most >= 0x10000 && random.int(4) === 0) size = 0x10000;
    parts.push(source.subarray(offset, offset + size));
    const numbers = [0, 8, 16, 24].map((bits) => (offset >>> bits) & 255);
    const sizes = [0, 8, 16].map((bits) => (size >>> bits) & 255);
    if (size === 0x10000 && random.int(2) === 0) sizes[2] = 0;
    let code = 0x80;
    const operands: number[] = [];
    [...numbers, ...sizes].forEach((byte, bit) => {
      // Zeros may be left out, and need not be.
      if (byte === 0 && random.int(5) > 0) return;
      code |= 1 << bit;
      operands.push(byte);
    });
    instructions.push(code, ...operands);
  }
  const result = concatBytes(parts);
  const delta = Uint8Array.from([
    ...sizeBytes(source.length),
    ...sizeBytes(result.length),
    ...instructions,
  ]);
  return { source, delta, result };
}

function sizeBytes(size: number): number[] {
  const bytes: number[] = [];
  let rest = size;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** What a delta means, byte by byte: gitformat-pack and patch-delta.c. */
function meaningOf(
  source: Uint8Array,
  delta: Uint8Array,
  limit: number,
): Uint8Array | undefined {
  const rest = [...delta];
  const size = (): number => {
    let value = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = rest.shift();
      if (byte === undefined || scale > 2 ** 49) return NaN;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const baseSize = size();
  const resultSize = size();
  if (delta.length < 4 || baseSize !== source.length) return undefined;
  if (!(resultSize <= limit)) return undefined;
  const result: number[] = [];
  for (let code = rest.shift(); code !== undefined; code = rest.shift()) {
    if (code === 0 || result.length > limit) return undefined;
    if (code < 128) {
      if (rest.length < code) return undefined;
      result.push(...rest.splice(0, code));
      continue;
    }
    let from = 0;
    let count = 0;
    for (let bit = 0; bit < 7; bit++) {
      if ((code & (1 << bit)) === 0) continue;
      const byte = rest.shift();
      if (byte === undefined) return undefined;
      if (bit < 4) from += byte * 256 ** bit;
      else count += byte * 256 ** (bit - 4);
    }
    if (count === 0) count = 0x10000;
    if (from + count > source.length) return undefined;
    for (let i = 0; i < count; i++) result.push(source[from + i] as number);
  }
  return result.length === resultSize ? Uint8Array.from(result) : undefined;
}
