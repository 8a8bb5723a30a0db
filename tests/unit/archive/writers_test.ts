/**
 * What no repository of a test can hold: entries of gigabytes, times beyond
 * what headers have room for.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { deflated } from "../../../src/archive/deflate.ts";
import type {
  ArchiveEntry,
  ArchiveWriter,
} from "../../../src/archive/entry.ts";
import { isUtf8 } from "../../../src/archive/utf8.ts";
import { TarWriter } from "../../../src/archive/tar.ts";
import { ZipWriter } from "../../../src/archive/zip.ts";
import { SHA1 } from "../../../src/core/oid.ts";
import { REFERENCE } from "../../../src/kernels/reference/kernels.ts";
import { PacketWriter } from "../../../src/pktline/writer.ts";
import { gzipSink } from "../../../src/service/upload_archive/gzip.ts";
import { BandSink } from "../../../src/service/upload_archive/sink.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";
import { parsePackets } from "../../support/wire_client.ts";

const GIB = 2 ** 30;

/** Something that says it has so many bytes, and has none. */
function hollow(length: number): Uint8Array {
  const data = new Uint8Array(0);
  Object.defineProperty(data, "length", { value: length });
  return data;
}

function file(path: string, data: Uint8Array, mode = 0o100644): ArchiveEntry {
  return { path, data, mode, oid: SHA1.zero, isStreamed: true };
}

function written(writer: ArchiveWriter, entries: ArchiveEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const take = (chunks: Iterable<Uint8Array>) => {
    for (const chunk of chunks) {
      if (chunk.byteLength > 0) parts.push(chunk.slice());
    }
  };
  take(writer.start());
  for (const entry of entries) take(writer.add(entry));
  take(writer.finish());
  return Buffer.concat(parts);
}

describe("a tar archive", () => {
  it("tells sizes from 8 GiB on in pax headers", () => {
    for (
      const [size, isPax] of [[8 * GIB - 1, false], [8 * GIB, true]] as const
    ) {
      const tar = written(new TarWriter({ time: 1, umask: 2 }), [
        file("huge", hollow(size)),
      ]);
      const text = tar.toString("latin1");
      assert.equal(text.includes(`19 size=${size}\n`), isPax);
      const at = isPax ? 1024 : 0;
      assert.equal(text.slice(at, at + 4), "huge");
      assert.equal(
        text.slice(at + 124, at + 135),
        isPax ? "00000000000" : "77777777777",
      );
    }
  });

  it("tells times beyond eleven octal digits in the pax header of all", () => {
    const time = 8 * GIB;
    const tar = written(new TarWriter({ time, umask: 2 }), [
      file("a", new Uint8Array(0)),
    ]).toString("latin1");
    assert.ok(tar.startsWith("pax_global_header\0"));
    assert.equal(tar.slice(512, 532), `20 mtime=${time}\n`);
    assert.equal(tar.slice(1024 + 136, 1024 + 147), "77777777777");
    assert.equal(tar.length, 10_240);
  });

  it("ends with two empty records, in a block of their own if they must", () => {
    for (let files = 0; files <= 41; files++) {
      const entries = Array.from(
        { length: files },
        (_, i) => file(`${i}`, new Uint8Array(0)),
      );
      const tar = written(new TarWriter({ time: 1, umask: 0 }), entries);
      const blocks = Math.ceil((files * 512 + 1024) / 10_240);
      assert.equal(tar.length, blocks * 10_240);
    }
  });
});

describe("a zip archive", () => {
  const head = {
    time: 1_600_000_000,
    level: 0 as const,
    warn: () => {},
    kernels: REFERENCE,
  };

  it("tells sizes and places from 4 GiB on in zip64 records", () => {
    const zip = written(new ZipWriter(head), [
      file("a", hollow(5 * GIB)),
      file("b", hollow(3 * GIB)),
      file("c", hollow(1)),
    ]);
    const records = zip.indexOf("PK\x01\x02", 0, "latin1");
    const seen: [number, number, string][] = [];
    let at = records;
    for (let i = 0; i < 3; i++) {
      const extra = zip.readUInt16LE(at + 30);
      seen.push([
        zip.readUInt32LE(at + 24),
        zip.readUInt32LE(at + 42),
        zip.subarray(at + 47 + 9, at + 47 + extra).toString("hex"),
      ]);
      at += 47 + extra;
    }
    const all = 0xffffffff;
    const hex = (value: number) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(BigInt(value));
      return bytes.toString("hex");
    };
    const first = 30 + 1 + 29 + 24;
    const second = 30 + 1 + 29 + 16;
    assert.deepEqual(seen, [
      [all, 0, `01001000${hex(5 * GIB)}${hex(5 * GIB)}`],
      [3 * GIB, all, `01000800${hex(5 * GIB + first)}`],
      [1, all, `01000800${hex(8 * GIB + first + second)}`],
    ]);
    const end = zip.indexOf("PK\x06\x06", at, "latin1");
    assert.equal(end, at);
    assert.equal(zip.readBigUInt64LE(end + 32), 3n);
    assert.equal(zip.readUInt32LE(zip.length - 6), all);
  });

  it("refuses times that no system has", () => {
    assert.throws(
      () => new ZipWriter({ ...head, time: 2 ** 63 }),
      /timestamp too large for this system: 9223372036854775808/,
    );
  });

  it("marks as UTF-8 what git takes for it", () => {
    const cases: readonly (readonly [string, boolean])[] = [
      ["plain\t\n", true],
      ["\xc3\xa9", true],
      ["\xe2\x82\xac", true],
      ["\xf0\x9f\x98\x80", true],
      ["\xc3", false],
      ["\xc0\xaf", false],
      ["\xe0\x80\xaf", false],
      ["\xed\xa0\x80", false],
      ["\xef\xbf\xbe", false],
      ["\xf4\x90\x80\x80", false],
      ["\xf8\x88\x80\x80\x80", false],
      ["\x80", false],
    ];
    for (const [text, expected] of cases) {
      assert.equal(isUtf8(text), expected, JSON.stringify(text));
    }
  });
});

describe("compressed streams", () => {
  const random = seeded(7);
  const contents = [0, 1, 100, 32_768, 32_769, 65_536, 300_000].map((length) =>
    random.bytes(length).map((byte) => byte & 15)
  );

  it("hold what was put into them, at every level", () => {
    for (const level of [0, 1, 6, 9] as const) {
      for (const content of contents) {
        const stream = Buffer.concat([...deflated(content, level)]);
        assert.deepEqual(
          new Uint8Array(inflateRawSync(stream)),
          new Uint8Array(content),
        );
      }
    }
  });

  it("come through bands whole, whatever the sizes of what is put", async () => {
    for (const level of ["none", -1, 0, 1, 9] as const) {
      const sent: Uint8Array[] = [];
      const bands = new BandSink(
        new PacketWriter({
          write: (bytes) => {
            sent.push(bytes.slice());
            return Promise.resolve();
          },
        }),
      );
      const sink = level === "none" ? bands : gzipSink(bands, level);
      for (const content of contents) await sink.put(content);
      await sink.end();
      const payload = Buffer.concat(
        parsePackets(Buffer.concat(sent)).map((packet) => {
          assert.ok(packet.type === "data" && packet.text[0] === "\x01");
          return Buffer.from(packet.text.slice(1), "latin1");
        }),
      );
      const got = level === "none" ? payload : gunzipSync(payload);
      assert.ok(got.equals(Buffer.concat(contents)), `${level}`);
    }
  });

  it("fail when the client does", async () => {
    for (const level of [-1, 5]) {
      const bands = new BandSink(
        new PacketWriter({
          write: () => Promise.reject(new Error("it has left")),
        }),
      );
      const sink = gzipSink(bands, level);
      await assert.rejects(async () => {
        for (let i = 0; i < 100; i++) await sink.put(random.bytes(100_000));
        await sink.end();
      }, /it has left/);
      sink.abandon();
    }
  });
});
