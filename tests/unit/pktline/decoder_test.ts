import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { ProtocolError } from "../../../src/core/errors.ts";
import { PacketDecoder } from "../../../src/pktline/decoder.ts";
import { encodePacket, type Packet } from "../../../src/pktline/packet.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

function decode(bytes: Uint8Array, chunk: number): string[] {
  const decoder = new PacketDecoder();
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += chunk) {
    // A copy: payloads may be views of what was pushed.
    decoder.push(bytes.slice(at, at + chunk));
    for (let next = decoder.next(); next; next = decoder.next()) {
      found.push(show(next));
    }
  }
  assert.equal(decoder.pending, 0, `chunks of ${chunk}`);
  return found;
}

function show(packet: Packet): string {
  return packet.type === "data" ? toBinary(packet.payload) : packet.type;
}

function decodeText(text: string): string[] {
  return decode(fromBinary(text), text.length);
}

function refusal(text: string): string {
  try {
    decodeText(text);
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    assert.equal(error.code, "bad-line-length");
    return error.message;
  }
  return "accepted";
}

describe("PacketDecoder", () => {
  it("gives the same packets however the bytes were split", () => {
    const bytes = fromBinary(
      "0006a\n0000" + "0005x" + "0001" + "0004" + "0002" + "000bfoobar\n",
    );
    const whole = [
      "a\n",
      "flush",
      "x",
      "delim",
      "",
      "response-end",
      "foobar\n",
    ];
    for (let chunk = 1; chunk <= bytes.length; chunk++) {
      assert.deepEqual(decode(bytes, chunk), whole, `chunks of ${chunk}`);
    }
  });

  it("gives back random payloads in random chunks", () => {
    for (const seed of [1, 2, 3, 4]) {
      const random = seeded(seed);
      const payloads = Array.from(
        { length: 20 },
        () => toBinary(random.bytes(random.int(3000))),
      );
      const text = payloads
        .map((each) => toBinary(encodePacket(fromBinary(each)))).join("");
      const chunk = 1 + random.int(700);
      assert.deepEqual(
        decode(fromBinary(text), chunk),
        payloads,
        `seed ${seed}`,
      );
    }
  });

  it("waits for the rest of a packet", () => {
    const decoder = new PacketDecoder();
    decoder.push(fromBinary("000"));
    assert.equal(decoder.next(), undefined);
    decoder.push(fromBinary("6a"));
    assert.equal(decoder.next(), undefined);
    assert.equal(decoder.pending, 5);
    decoder.push(fromBinary("b"));
    assert.equal(show(decoder.next() as Packet), "ab");
    assert.equal(decoder.next(), undefined);
  });

  it("accepts upper-case digits", () => {
    assert.deepEqual(decodeText(`00FF${"x".repeat(251)}`), ["x".repeat(251)]);
  });

  it("accepts lengths up to fff3, as git does", () => {
    for (const digits of ["fff0", "fff1", "fff2", "fff3"]) {
      const payload = "y".repeat(parseInt(digits, 16) - 4);
      assert.deepEqual(decodeText(digits + payload), [payload]);
    }
  });

  // Of packets that are too long git names the payload's length.
  const lengths: readonly (readonly [string, number])[] = [
    ["0003", 3],
    ["fff4", 65520],
    ["fff5", 65521],
    ["ffff", 65531],
  ];
  for (const [digits, named] of lengths) {
    it(`refuses the length ${digits}`, () => {
      assert.equal(
        refusal(digits + "z".repeat(70_000)),
        `protocol error: bad line length ${named}`,
      );
    });
  }

  for (
    const digits of ["xyzw", "-001", "+004", "0x10", " 004", "GET ", "00 4"]
  ) {
    it(`refuses "${digits}", which is no length`, () => {
      assert.equal(
        refusal(`${digits}abcdefgh`),
        `protocol error: bad line length character: ${digits}`,
      );
    });
  }

  it("refuses digits that are not ASCII, and escapes them", () => {
    assert.equal(
      refusal("\xb2\x1b04abcd"),
      "protocol error: bad line length character: \\xb2\\x1b04",
    );
  });
});
