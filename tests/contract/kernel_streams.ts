/**
 * What the inflater of every set of kernels must make of streams that were made
 * by hand: zlib's verdict, zlib's bytes.
 *
 * @module
 */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import { concatBytes, writeUint32 } from "../../src/core/bytes.ts";
import { adler32 } from "../../src/kernels/reference/adler32.ts";
import { REFERENCE } from "../../src/kernels/reference/kernels.ts";
import { KernelError, type Kernels } from "../../src/kernels/types.ts";
import { madeStream } from "../support/made_streams.ts";
import { type Random, seeded } from "../support/random.ts";
import { it } from "../support/test.ts";

const SEED = 20_260_212;
const ROUNDS = 2_000;

/** Registers the contract of `inflate` and `inflatePrefix` over made streams. */
export function madeStreamsContract(kernels: Kernels): void {
  it("inflates sound streams of every shape as zlib does", () => {
    const random = seeded(SEED);
    for (let round = 0; round < ROUNDS / 3; round++) {
      const { stream, data } = made(random, { lies: 0 });
      const hint = `seed ${SEED}, round ${round}`;
      assert.ok(data !== undefined, hint);
      const back = kernels.inflate(stream, 3, data.length);
      assert.deepEqual(back.data, data, hint);
      assert.equal(back.consumed, stream.length - 3 - 9, hint);
      const some = random.int(data.length + 1);
      const prefix = kernels.inflatePrefix(stream, 3, some);
      assert.deepEqual(new Uint8Array(prefix), data.subarray(0, some), hint);
    }
  });

  it("gives zlib's verdict on streams that lie, and its bytes", () => {
    const random = seeded(SEED + 1);
    let sound = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const lies = random.pick([0.001, 0.01, 0.1, 0.5]);
      const { stream, data, size } = made(random, { lies });
      const hint = `seed ${SEED + 1}, round ${round}`;
      const [own, code] = verdict(() => kernels.inflate(stream, 3, size).data);
      assert.deepEqual(own, data, `${hint}, ${code}`);
      if (data !== undefined) sound++;
    }
    assert.ok(sound > ROUNDS / 10 && sound < ROUNDS * 0.9, `${sound} sound`);
  });

  it("says of lies what the reference says", () => {
    const random = seeded(SEED + 2);
    for (let round = 0; round < ROUNDS; round++) {
      const lies = random.pick([0.01, 0.1, 0.5]);
      const { stream, size } = made(random, { lies });
      const hint = `seed ${SEED + 2}, round ${round}`;
      const asked = Math.max(0, size + random.pick([-1, 0, 0, 0, 1]));
      const [, own] = verdict(() => kernels.inflate(stream, 3, asked).data);
      const [, other] = verdict(() => REFERENCE.inflate(stream, 3, asked).data);
      // Some look a little further: what is too long may be corrupt as well.
      const codes = [own, other];
      if (codes.includes("too-long") && codes.includes("corrupt")) continue;
      assert.equal(own, other, hint);
    }
  });

  it("says that any stream cut at any byte is truncated", () => {
    const random = seeded(SEED + 3);
    for (let round = 0; round < 60; round++) {
      const { stream, data } = made(random, { lies: 0 });
      assert.ok(data !== undefined);
      const step = Math.max(1, stream.length >> 7);
      for (let end = 3; end < stream.length - 9; end += step) {
        const cut = stream.slice(0, end);
        const [, code] = verdict(() =>
          kernels.inflate(cut, 3, data.length).data
        );
        const hint = `seed ${SEED + 3}, round ${round}, cut at ${end}`;
        assert.equal(code, "truncated", hint);
      }
    }
  });

  it("gives zlib's verdict on sound streams of which a byte was changed", () => {
    const random = seeded(SEED + 4);
    for (let round = 0; round < ROUNDS; round++) {
      const { stream, data } = made(random, { lies: 0 });
      assert.ok(data !== undefined);
      const at = 3 + random.int(stream.length - 3);
      stream[at] = random.int(256);
      const zlibs = zlibOf(stream.subarray(3));
      const expected = zlibs?.length === data.length ? zlibs : undefined;
      const [own, code] = verdict(() =>
        kernels.inflate(stream, 3, data.length).data
      );
      const hint = `seed ${SEED + 4}, round ${round}, ${code}`;
      assert.deepEqual(own, expected, hint);
    }
  });

  it("writes no more than it was asked for, whatever the stream says", () => {
    const random = seeded(SEED + 5);
    for (let round = 0; round < 500; round++) {
      const { stream, data } = made(random, { lies: 0 });
      if (data === undefined || data.length === 0) continue;
      const size = random.int(data.length);
      const [, code] = verdict(() => kernels.inflate(stream, 3, size).data);
      assert.equal(code, "too-long", `seed ${SEED + 5}, round ${round}`);
      const longer = data.length + 1 + random.int(300);
      const [, other] = verdict(() => kernels.inflate(stream, 3, longer).data);
      assert.equal(other, "too-short", `seed ${SEED + 5}, round ${round}`);
    }
  });
}

interface Made {
  /** Three other bytes, the stream, nine other bytes. */
  readonly stream: Uint8Array;
  /** What zlib makes of it. */
  readonly data: Uint8Array | undefined;
  /** How much that is, or was meant to be. */
  readonly size: number;
}

function made(random: Random, honesty: { readonly lies: number }): Made {
  const { body, size } = madeStream(random, honesty);
  const trailer = random.bytes(4);
  let output: Uint8Array | undefined;
  try {
    output = new Uint8Array(
      zlib.inflateRawSync(body, { maxOutputLength: 1 << 20 }),
    );
    writeUint32(trailer, 0, adler32(output));
  } catch {
    // It has no meaning: the trailer does not matter.
  }
  const stream = concatBytes([
    random.bytes(3),
    Uint8Array.of(0x78, 0x9c),
    body,
    trailer,
    random.bytes(9),
  ]);
  const data = zlibOf(stream.subarray(3));
  return { stream, data, size: data?.length ?? size };
}

function zlibOf(stream: Uint8Array): Uint8Array | undefined {
  try {
    return new Uint8Array(
      zlib.inflateSync(stream, { maxOutputLength: 1 << 20 }),
    );
  } catch {
    return undefined;
  }
}

/** What a kernel gave, or the code of its error; any other error is thrown. */
function verdict(
  run: () => Uint8Array,
): [data: Uint8Array | undefined, code: string] {
  try {
    return [run(), "sound"];
  } catch (error) {
    if (error instanceof KernelError) return [undefined, error.code];
    throw error;
  }
}
