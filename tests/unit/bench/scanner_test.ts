/**
 * The bench's own pkt-line scanner.
 *
 * @module
 */

import assert from "node:assert/strict";
import { packetLine, PacketScanner } from "../../../bench/scanner.ts";
import { describe, it } from "../../support/test.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Scans in chunks and tells what came, pieces of one packet joined. */
function scan(stream: string, size: number, switchAt: string): string[] {
  const seen: string[] = [];
  let joined: string | undefined;
  const scanner: PacketScanner = new PacketScanner({
    packet(buffer, start, end) {
      const text = decoder.decode(buffer.subarray(start, end));
      seen.push(text);
      if (text === switchAt) scanner.sideband = true;
    },
    piece(band, buffer, start, end) {
      joined = (joined ?? `${band}:`) +
        decoder.decode(buffer.subarray(start, end));
    },
    special(kind) {
      if (joined !== undefined) seen.push(joined);
      joined = undefined;
      seen.push(`<${kind}>`);
    },
  });
  const bytes = encoder.encode(stream);
  for (let at = 0; at < bytes.length; at += size) {
    scanner.push(bytes.slice(at, at + size));
  }
  return seen;
}

describe("PacketScanner", () => {
  const stream = "0009line\n0004000000010002" + packetLine("packfile") +
    "000b\x01PACK12000b\x01second0000";
  const expected = [
    "line\n",
    "",
    "<0>",
    "<1>",
    "<2>",
    "packfile\n",
    "1:PACK12second",
    "<0>",
  ];

  it("reads the same packets however the bytes are split", () => {
    for (let size = 1; size <= stream.length; size++) {
      assert.deepEqual(
        scan(stream, size, "packfile\n"),
        expected,
        `chunks of ${size} bytes`,
      );
    }
  });

  it("hands side-band payloads on without joining them", () => {
    const pieces: number[] = [];
    const scanner = new PacketScanner({
      packet: () => assert.fail("no text packet was sent"),
      piece: (_band, _buffer, start, end) => pieces.push(end - start),
      special: () => undefined,
    });
    scanner.sideband = true;
    scanner.push(encoder.encode("000a\x01ab"));
    scanner.push(encoder.encode("cde"));
    assert.deepEqual(pieces, [2, 3]);
  });

  it("takes the number of valid bytes beside a reused buffer", () => {
    const seen: number[] = [];
    const scanner = new PacketScanner({
      packet: () => assert.fail("no text packet was sent"),
      piece: () => assert.fail("no side-band packet was sent"),
      special: (kind) => seen.push(kind),
    });
    scanner.push(encoder.encode("0000zzzz"), 4);
    assert.deepEqual(seen, [0]);
  });

  it("refuses lengths that no packet has", () => {
    for (const bad of ["0003", "fff1", "00g0", "-001"]) {
      assert.throws(() => scan(bad, 4, ""), RangeError, bad);
    }
  });
});

describe("packetLine", () => {
  it("counts bytes, its own four digits and the newline", () => {
    assert.equal(packetLine("done"), "0009done\n");
    assert.equal(packetLine("ä"), "0007ä\n");
  });
});
