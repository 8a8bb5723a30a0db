import assert from "node:assert/strict";
import { fromBinary, toBinary } from "../../../src/core/bytes.ts";
import { type PacketOrEnd, PacketReader } from "../../../src/pktline/reader.ts";
import { describe, it } from "../../support/test.ts";

function source(text: string, chunk: number) {
  const bytes = fromBinary(text);
  let at = 0;
  return {
    read(into: Uint8Array, signal?: AbortSignal): Promise<number> {
      signal?.throwIfAborted();
      const count = Math.min(chunk, into.length, bytes.length - at);
      into.set(bytes.subarray(at, at + count));
      at += count;
      return Promise.resolve(count);
    },
  };
}

async function readAll(reader: PacketReader): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const packet = await reader.read();
    if (packet.type === "end") return found;
    found.push(show(packet));
  }
}

function show(packet: PacketOrEnd): string {
  return packet.type === "data" ? toBinary(packet.payload) : packet.type;
}

describe("PacketReader", () => {
  it("gives the same packets whatever sizes the reads have", async () => {
    const text = `0006a\n00000009done\n0001ffe4${"b".repeat(0xffe0)}`;
    for (const chunk of [1, 2, 3, 5, 7, 4096, 16384, 100_000]) {
      const found = await readAll(new PacketReader(source(text, chunk)));
      assert.deepEqual(
        found,
        ["a\n", "flush", "done\n", "delim", "b".repeat(0xffe0)],
        `reads of ${chunk}`,
      );
    }
  });

  it("keeps payloads intact while it reads on", async () => {
    const reader = new PacketReader(source("0005a0005b0005c", 6));
    const packets = [await reader.read(), await reader.read()];
    await reader.read();
    assert.deepEqual(packets.map(show), ["a", "b"]);
  });

  it("tells whether more was received already", async () => {
    const reader = new PacketReader(source("0005a0005b", 100));
    assert.ok(!reader.buffered);
    await reader.read();
    assert.ok(reader.buffered);
    await reader.read();
    assert.ok(!reader.buffered);
  });

  for (const text of ["0", "000", "0009do"]) {
    it(`refuses an end of input after ${JSON.stringify(text)}`, async () => {
      await assert.rejects(
        new PacketReader(source(text, 100)).read(),
        { code: "hung-up", message: "the remote end hung up unexpectedly" },
      );
    });
  }

  it("refuses more input than its limit", async () => {
    const reader = new PacketReader(source("0005a".repeat(100), 50), {
      limit: 120,
    });
    await assert.rejects(readAll(reader), { code: "too-much-input" });
  });

  it("ends with the signal's reason", async () => {
    const reason = new Error("shutdown");
    const reader = new PacketReader(source("0000", 4), {
      signal: AbortSignal.abort(reason),
    });
    await assert.rejects(reader.read(), reason);
  });
});
