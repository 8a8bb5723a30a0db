import assert from "node:assert/strict";
import { toBinary } from "../../../src/core/bytes.ts";
import {
  encodePacket,
  LARGE_PACKET_DATA_MAX,
} from "../../../src/pktline/packet.ts";
import { PacketWriter } from "../../../src/pktline/writer.ts";
import { describe, it } from "../../support/test.ts";

function sink() {
  const writes: string[] = [];
  return {
    writes,
    write(bytes: Uint8Array): Promise<void> {
      writes.push(toBinary(bytes));
      return Promise.resolve();
    },
  };
}

describe("PacketWriter", () => {
  it("gathers packets of every kind into one write", async () => {
    const to = sink();
    const writer = new PacketWriter(to);
    writer.put("a\n");
    writer.put(Uint8Array.of(0xff));
    writer.putDelim();
    writer.putBand(2, "hi");
    writer.putFlush();
    writer.putResponseEnd();
    writer.putRaw(encodePacket(Uint8Array.of()));
    assert.deepEqual(to.writes, []);
    await writer.send();
    assert.deepEqual(to.writes, [
      "0006a\n0005\xff00010007\x02hi000000020004",
    ]);
  });

  it("writes nothing where nothing was gathered", async () => {
    const to = sink();
    await new PacketWriter(to).send();
    assert.deepEqual(to.writes, []);
  });

  it("grows with what is gathered", async () => {
    const to = sink();
    const writer = new PacketWriter(to);
    const payload = "x".repeat(LARGE_PACKET_DATA_MAX);
    for (let i = 0; i < 5; i++) writer.put(payload);
    await writer.send();
    assert.deepEqual(to.writes, [`fff0${payload}`.repeat(5)]);
  });

  it("grows with framed bytes that do not fit", async () => {
    const to = sink();
    const writer = new PacketWriter(to);
    writer.put("x".repeat(30_000));
    writer.putRaw(encodePacket(new Uint8Array(60_000).fill(0x79)));
    await writer.send();
    assert.deepEqual(to.writes, [
      `7534${"x".repeat(30_000)}ea64${"y".repeat(60_000)}`,
    ]);
  });

  it("relieves itself only of much", async () => {
    const to = sink();
    const writer = new PacketWriter(to);
    writer.put("x".repeat(30_000));
    await writer.relieve();
    assert.equal(to.writes.length, 0);
    writer.put("x".repeat(30_000));
    await writer.relieve();
    assert.equal(to.writes.length, 1);
  });

  it("sends frames behind what was gathered", async () => {
    const to = sink();
    const writer = new PacketWriter(to);
    writer.put("a");
    await writer.sendRaw(Uint8Array.of(0x62));
    assert.equal(to.writes.join(""), "0005ab");
  });

  it("refuses payloads that are too long for a packet", () => {
    const writer = new PacketWriter(sink());
    const tooLong = "x".repeat(LARGE_PACKET_DATA_MAX + 1);
    assert.throws(() => writer.put(tooLong), RangeError);
    assert.throws(() => writer.putBand(1, tooLong.slice(1)), RangeError);
    assert.throws(
      () => encodePacket(new Uint8Array(LARGE_PACKET_DATA_MAX + 1)),
      RangeError,
    );
  });
});
