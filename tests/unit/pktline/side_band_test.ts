import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import {
  SIDE_BAND_64K_MAX,
  SIDE_BAND_MAX,
  SideBandFrames,
} from "../../../src/pktline/side_band.ts";
import { describe, it } from "../../support/test.ts";

function source(text: string): (into: Uint8Array) => number {
  const bytes = fromBinary(text);
  let at = 0;
  return (into) => {
    const count = Math.min(into.length, bytes.length - at);
    into.set(bytes.subarray(at, at + count));
    at += count;
    return count;
  };
}

/** Everything that a ring of slots makes of `text`. */
function frame(text: string, payload: number, slots: number): string {
  const frames = new SideBandFrames(payload, slots);
  const from = source(text);
  let out = "";
  for (;;) {
    const { frames: bytes, ended } = frames.fill(1, from);
    out += toBinary(bytes);
    if (ended) return out;
  }
}

describe("SideBandFrames", () => {
  it("frames a text in packets of its size", () => {
    assert.equal(frame("abcdefg", 3, 2), "0008\x01abc0008\x01def0006\x01g");
  });

  it("frames nothing as nothing", () => {
    assert.equal(frame("", 3, 2), "");
  });

  it("makes no empty packet where the text ends with a packet", () => {
    for (const slots of [1, 2, 3]) {
      assert.equal(frame("abcdef", 3, slots), "0008\x01abc0008\x01def");
    }
  });

  it("loses and adds no byte for any length and any number of slots", () => {
    for (let length = 0; length < 40; length++) {
      for (let slots = 1; slots <= 4; slots++) {
        const text = "x".repeat(length);
        const framed = frame(text, 7, slots);
        assert.equal(
          framed.replaceAll(/[^x]+/g, ""),
          text,
          `${length} bytes, ${slots} slots`,
        );
      }
    }
  });

  it("uses git's packet sizes", () => {
    assert.equal(SIDE_BAND_MAX + 5, 1000);
    assert.equal(SIDE_BAND_64K_MAX + 5, 65520);
    assert.ok(
      frame("x".repeat(70_000), SIDE_BAND_64K_MAX, 4)
        .startsWith("fff0\x01x"),
    );
    assert.ok(
      frame("x".repeat(2000), SIDE_BAND_MAX, 4)
        .startsWith("03e8\x01x"),
    );
  });
});
