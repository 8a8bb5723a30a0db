/**
 * What the inflater in pieces of every set of kernels must do: what inflating
 * the whole does, however input and output are cut.
 *
 * @module
 */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import { concatBytes, writeUint32 } from "../../src/core/bytes.ts";
import { adler32 } from "../../src/kernels/reference/adler32.ts";
import { REFERENCE } from "../../src/kernels/reference/kernels.ts";
import {
  type InflateStream,
  KernelError,
  type Kernels,
} from "../../src/kernels/types.ts";
import { madeStream } from "../support/made_streams.ts";
import { type Random, seeded } from "../support/random.ts";
import { it } from "../support/test.ts";

const SEED = 20_260_302;
/** As many bytes as every pack has behind its last stream. */
const BEHIND = 20;

/** Registers the contract of `inflateStream`. */
export function inflateStreamContract(kernels: Kernels): void {
  it("inflates in pieces what zlib deflates, and ends where it ends", () => {
    const random = seeded(SEED);
    const stream = kernels.inflateStream();
    for (let round = 0; round < 40; round++) {
      const data = contentOf(random);
      const deflated = zlib.deflateSync(data, {
        level: random.int(10),
        strategy: random.int(5),
        memLevel: 1 + random.int(9),
      });
      const input = concatBytes([deflated, random.bytes(BEHIND)]);
      const { output, consumed } = run(stream, input, random, data.length + 1);
      const hint = `seed ${SEED}, round ${round}`;
      assert.equal(consumed, deflated.length, hint);
      assert.equal(output.length, data.length, hint);
      assert.ok(output.every((byte, i) => byte === data[i]), hint);
    }
  });

  it("says of made streams what inflating the whole says", () => {
    const random = seeded(SEED + 1);
    const stream = kernels.inflateStream();
    let sound = 0;
    for (let round = 0; round < 800; round++) {
      const lies = random.pick([0, 0, 0.01, 0.1]);
      const made = madeStream(random, { lies });
      const input = concatBytes([
        zlibStream(made.body),
        random.bytes(BEHIND),
      ]);
      const hint = `seed ${SEED + 1}, round ${round}`;
      const size = made.size;
      const whole = verdict(() => REFERENCE.inflate(input, 0, size).data);
      const own = verdict(() => {
        const { output } = run(stream, input, random, size);
        if (output.length < size) throw new KernelError("too-short", "short");
        return output;
      });
      if (whole.data === undefined) {
        assert.equal(own.data, undefined, hint);
        continue;
      }
      sound++;
      assert.deepEqual(own, whole, hint);
    }
    assert.ok(sound > 150, `${sound} sound`);
  });

  it("asks for more of what ends too early", () => {
    const random = seeded(SEED + 2);
    const stream = kernels.inflateStream();
    const data = contentOf(random);
    const deflated = zlib.deflateSync(data);
    for (let round = 0; round < 50; round++) {
      const cut = deflated.subarray(0, random.int(deflated.length));
      assert.throws(
        () => run(stream, cut, random, data.length + 1),
        { code: "truncated" },
      );
    }
  });

  it("gives no more than there is room for", () => {
    const deflated = concatBytes([
      zlib.deflateSync(new Uint8Array(1_000_000)),
      new Uint8Array(BEHIND),
    ]);
    const stream = kernels.inflateStream();
    for (const room of [1, 7, 258, 259, 5_000]) {
      stream.restart();
      const step = stream.step(deflated, 0, deflated.length, room);
      assert.equal(step.output.length, room);
      assert.equal(step.state, "output");
    }
  });
}

/** A raw stream with a header, and the checksum of what zlib makes of it. */
function zlibStream(body: Uint8Array): Uint8Array {
  const sum = new Uint8Array(4);
  try {
    writeUint32(sum, 0, adler32(zlib.inflateRawSync(body)));
  } catch {
    // Nothing that a checksum could be of.
  }
  return concatBytes([Uint8Array.of(0x78, 0x9c), body, sum]);
}

/** Compressible or not, up to some window sizes long. */
function contentOf(random: Random): Uint8Array {
  const length = random.int(random.pick([2, 400, 20_000, 60_000]));
  const alphabet = random.pick([1, 3, 256]);
  const text = Uint8Array.from({ length }, () => random.int(alphabet));
  // Some of it again, from further back than a window has.
  return concatBytes([text, text.subarray(0, random.int(60_000)), text]);
}

/** Runs a stream over cuts of `input`; throws where it does not end. */
function run(
  stream: InflateStream,
  input: Uint8Array,
  random: Random,
  limit: number,
): { readonly output: Uint8Array; readonly consumed: number } {
  const parts: Uint8Array[] = [];
  const least = limit > 3_000 ? 500 : 1;
  const most = random.pick([least, 30 * least, 1_000_000]);
  let at = 0;
  let end = 0;
  let total = 0;
  stream.restart();
  for (;;) {
    const room = Math.min(1 + random.int(most), limit + 1 - total);
    const step = stream.step(input, at, end, room);
    assert.ok(step.output.length <= room);
    assert.ok(step.consumed <= end - at);
    parts.push(step.output.slice());
    total += step.output.length;
    at += step.consumed;
    if (total > limit) throw new KernelError("too-long", "too long");
    if (step.state === "end") break;
    if (step.state === "output") continue;
    if (end === input.length) throw new KernelError("truncated", "too short");
    end = Math.min(input.length, end + 1 + random.int(most));
  }
  return { output: concatBytes(parts), consumed: at };
}

function verdict(
  run: () => Uint8Array,
): { readonly data?: Uint8Array } {
  try {
    return { data: new Uint8Array(run()) };
  } catch (error) {
    if (error instanceof KernelError) return {};
    throw error;
  }
}
