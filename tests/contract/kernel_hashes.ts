/**
 * What the hashes and checksums of every set of kernels must do.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { concatBytes, fromUtf8, toHex } from "../../src/core/bytes.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../src/core/oid.ts";
import { REFERENCE } from "../../src/kernels/reference/kernels.ts";
import type { Hash, Kernels } from "../../src/kernels/types.ts";
import {
  SHAMBLES_1,
  SHAMBLES_SHA1,
  SHATTERED_1,
  SHATTERED_2,
  SHATTERED_SHA1,
} from "../support/collisions.ts";
import { type Random, seeded } from "../support/random.ts";
import { it } from "../support/test.ts";

const SEED = 20_260_211;

// RFC 3174, 7.3; FIPS 180-2, appendices A and B.
const TWO_BLOCKS = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
const VECTORS: readonly (readonly [ObjectFormat, string, number, string])[] = [
  [SHA1, "", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  [SHA1, "abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"],
  [SHA1, TWO_BLOCKS, 1, "84983e441c3bd26ebaae4aa1f95129e5e54670f1"],
  [SHA1, "a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
  [SHA1, "01234567", 80, "dea356a2cddd90c7a7ecedc5ebb563934f460452"],
  [
    SHA256,
    "",
    1,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  ],
  [
    SHA256,
    "abc",
    1,
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  ],
  [
    SHA256,
    TWO_BLOCKS,
    1,
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
  ],
  [
    SHA256,
    "a",
    1_000_000,
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
  ],
];

/** Both ways to start a hash. */
const WAYS = ["hash", "objectHash"] as const;

/** Registers the contract of `hash`, `objectHash` and the checksums. */
export function hashContract(kernels: Kernels): void {
  digestContract(kernels);
  collisionContract(kernels);
  checksumContract(kernels);
}

function digestOf(hash: Hash, ...parts: readonly Uint8Array[]): string {
  for (const part of parts) hash.update(part);
  return toHex(hash.digest());
}

function openssl(format: ObjectFormat, data: Uint8Array): string {
  return createHash(format.name).update(data).digest("hex");
}

/** `data` in pieces of 1 to `most` bytes, an empty one now and then. */
function pieces(random: Random, data: Uint8Array, most: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + random.int(most + 1);
    parts.push(data.subarray(at, end));
    at = end;
  }
  return parts;
}

function digestContract(kernels: Kernels): void {
  it("hashes the published vectors", () => {
    for (const [format, text, times, expected] of VECTORS) {
      const data = fromUtf8(text.repeat(times));
      for (const way of WAYS) {
        assert.equal(digestOf(kernels[way](format), data), expected);
      }
    }
  });

  it("hashes messages of every length around a block's padding", () => {
    const data = seeded(SEED).bytes(200);
    for (let length = 0; length <= data.length; length++) {
      for (const format of [SHA1, SHA256]) {
        const message = data.subarray(0, length);
        for (const way of WAYS) {
          assert.equal(
            digestOf(kernels[way](format), message),
            openssl(format, message),
            `seed ${SEED}, ${length} bytes`,
          );
        }
      }
    }
  });

  it("hashes as OpenSSL does however the bytes are split", () => {
    const random = seeded(SEED + 1);
    for (let round = 0; round < 60; round++) {
      const data = random.bytes(random.int(random.pick([10, 300, 9_000])));
      for (const format of [SHA1, SHA256]) {
        for (const way of WAYS) {
          const parts = pieces(random, data, random.pick([3, 70, 5_000]));
          assert.equal(
            digestOf(kernels[way](format), ...parts),
            openssl(format, data),
            `seed ${SEED + 1}, round ${round}`,
          );
        }
      }
    }
  });

  it("hashes a message that is longer than any buffer of its own", () => {
    const data = seeded(SEED + 2).bytes(300_001);
    for (const format of [SHA1, SHA256]) {
      for (const way of WAYS) {
        assert.equal(
          digestOf(
            kernels[way](format),
            data.subarray(0, 7),
            data.subarray(7),
          ),
          openssl(format, data),
        );
      }
    }
  });

  it("keeps hashes apart that are under way at once", () => {
    const random = seeded(SEED + 3);
    for (let round = 0; round < 30; round++) {
      const open = Array.from({ length: 4 }, () => {
        const data = random.bytes(random.int(400));
        return {
          data,
          hash: kernels.objectHash(SHA1),
          rest: pieces(random, data, 90),
        };
      });
      const digests = new Map<Uint8Array, string>();
      while (digests.size < open.length) {
        const { data, hash, rest } = random.pick(open);
        const part = rest.shift();
        if (part !== undefined) hash.update(part);
        else if (!digests.has(data)) digests.set(data, toHex(hash.digest()));
      }
      for (const [data, digest] of digests) {
        const hint = `seed ${SEED + 3}, round ${round}`;
        assert.equal(digest, openssl(SHA1, data), hint);
      }
    }
  });
}

function collisionContract(kernels: Kernels): void {
  const refused = (parts: readonly Uint8Array[], sha1: string): void => {
    assert.throws(() => digestOf(kernels.objectHash(SHA1), ...parts), {
      name: "KernelError",
      code: "collision",
      message: `SHA-1 appears to be part of a collision attack: ${sha1}`,
    });
  };

  it("finds both halves of the published collisions", () => {
    refused([SHATTERED_1], SHATTERED_SHA1);
    refused([SHATTERED_2], SHATTERED_SHA1);
    refused([SHAMBLES_1], SHAMBLES_SHA1);
  });

  it("finds them however the bytes are split and whatever follows", () => {
    const random = seeded(SEED + 4);
    for (let round = 0; round < 40; round++) {
      const half = random.pick([SHATTERED_1, SHATTERED_2, SHAMBLES_1]);
      const more = random.bytes(random.int(200));
      const data = concatBytes([half, more]);
      refused(
        pieces(random, data, random.pick([5, 64, 300])),
        openssl(SHA1, data),
      );
    }
  });

  it("gives the digest of the halves where nobody looks for attacks", () => {
    assert.equal(digestOf(kernels.hash(SHA1), SHATTERED_1), SHATTERED_SHA1);
    assert.equal(digestOf(kernels.hash(SHA1), SHATTERED_2), SHATTERED_SHA1);
    assert.equal(digestOf(kernels.hash(SHA1), SHAMBLES_1), SHAMBLES_SHA1);
  });

  it("takes what is near a collision and is none", () => {
    const near: [string, Uint8Array][] = [
      ["the first of two blocks", SHATTERED_1.subarray(0, 256)],
      ["a block short", SHAMBLES_1.subarray(0, 576)],
      [
        "as the content of a blob",
        concatBytes([
          fromUtf8("blob 320\0"),
          SHATTERED_1,
        ]),
      ],
    ];
    const random = seeded(SEED + 5);
    for (let round = 0; round < 60; round++) {
      const copy = random.pick([SHATTERED_1, SHATTERED_2]).slice();
      const at = random.int(copy.length);
      copy[at] = (copy[at] as number) ^ (1 << random.int(8));
      near.push([`seed ${SEED + 5}, round ${round}`, copy]);
    }
    for (const [what, data] of near) {
      assert.equal(
        digestOf(kernels.objectHash(SHA1), data),
        openssl(SHA1, data),
        what,
      );
    }
  });

  it("goes on after a collision as if there had been none", () => {
    refused([SHATTERED_1], SHATTERED_SHA1);
    const other = kernels.objectHash(SHA1);
    other.update(SHATTERED_1.subarray(0, 100));
    refused([SHATTERED_2], SHATTERED_SHA1);
    assert.equal(
      digestOf(other),
      openssl(SHA1, SHATTERED_1.subarray(0, 100)),
    );
  });
}

function checksumContract(kernels: Kernels): void {
  it("computes CRC-32, in one go and in pieces", () => {
    assert.equal(kernels.crc32(fromUtf8("123456789")), 0xcbf43926);
    assert.equal(kernels.crc32(new Uint8Array(0)), 0);
    const random = seeded(SEED + 6);
    for (let round = 0; round < 50; round++) {
      const data = random.bytes(random.int(random.pick([9, 300, 40_000])));
      const half = random.int(data.length + 1);
      const hint = `seed ${SEED + 6}, round ${round}`;
      const whole = kernels.crc32(data);
      assert.equal(whole, zlib.crc32(data), hint);
      assert.equal(whole, REFERENCE.crc32(data), hint);
      const first = kernels.crc32(data.slice(0, half));
      assert.equal(kernels.crc32(data.subarray(half), first), whole, hint);
    }
  });

  it("counts the entries before the first with a wrong CRC-32", () => {
    const random = seeded(SEED + 7);
    for (let round = 0; round < 200; round++) {
      const run = madeRun(random);
      const { bytes, at, lengths, crcs } = run;
      const hint = `seed ${SEED + 7}, round ${round}`;
      const count = lengths.length;
      assert.equal(
        kernels.countGoodCrcs(bytes, at, lengths, crcs),
        count,
        hint,
      );
      if (count === 0) continue;
      const bad = random.int(count);
      const length = lengths[bad] as number;
      if (length === 0 || random.int(3) === 0) {
        crcs[bad] = (crcs[bad] as number) ^ (1 << random.int(32));
      } else {
        let start = at;
        for (let i = 0; i < bad; i++) start += lengths[i] as number;
        const place = start + random.int(length);
        bytes[place] = (bytes[place] as number) ^ (1 << random.int(8));
      }
      assert.equal(kernels.countGoodCrcs(bytes, at, lengths, crcs), bad, hint);
    }
  });

  it("counts the first of several entries with wrong CRC-32s", () => {
    const random = seeded(SEED + 8);
    for (let round = 0; round < 100; round++) {
      const { bytes, at, lengths, crcs } = madeRun(random);
      for (let i = 0; i < 3; i++) {
        const place = random.int(bytes.length);
        bytes[place] = random.int(256);
      }
      assert.equal(
        kernels.countGoodCrcs(bytes, at, lengths, crcs),
        REFERENCE.countGoodCrcs(bytes, at, lengths, crcs),
        `seed ${SEED + 8}, round ${round}`,
      );
    }
  });

  it("counts no entry that ends beyond the bytes", () => {
    const { bytes, at, lengths, crcs } = madeRun(seeded(SEED + 9), 20);
    let end = at;
    for (const length of lengths) end += length;
    for (let cut = 0; cut <= end; cut++) {
      const some = bytes.subarray(0, cut);
      assert.equal(
        kernels.countGoodCrcs(some, at, lengths, crcs),
        REFERENCE.countGoodCrcs(some, at, lengths, crcs),
        `seed ${SEED + 9}, cut at ${cut}`,
      );
    }
    const lies = new Uint32Array(4).fill(0xffffffff);
    assert.equal(kernels.countGoodCrcs(bytes, at, lies, lies), 0);
  });

  it("compares the CRC-32 of entries of more than a MiB", () => {
    const bytes = new Uint8Array(3 << 20).fill(7);
    bytes[bytes.length - 1] = 1;
    const lengths = Uint32Array.of(5, bytes.length - 9, 1, 3);
    const crcs = crcsOf(bytes, 0, lengths);
    assert.equal(kernels.countGoodCrcs(bytes, 0, lengths, crcs), 4);
    crcs[1] = 9;
    assert.equal(kernels.countGoodCrcs(bytes, 0, lengths, crcs), 1);
  });
}

interface Run {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly lengths: Uint32Array;
  readonly crcs: Uint32Array;
}

/** Entries of very different lengths, side by side somewhere in an array. */
function madeRun(random: Random, most = 400): Run {
  const count = random.int(random.pick([2, 4, 40]));
  const at = random.int(50);
  const lengths = Uint32Array.from(
    { length: count },
    () => random.int(random.pick([1, 3, 40, most, most * 12])),
  );
  let total = at;
  for (const length of lengths) total += length;
  const bytes = random.bytes(total + random.int(30) + 1);
  return { bytes, at, lengths, crcs: crcsOf(bytes, at, lengths) };
}

function crcsOf(
  bytes: Uint8Array,
  at: number,
  lengths: Uint32Array,
): Uint32Array {
  let end = at;
  return lengths.map((length) =>
    zlib.crc32(bytes.subarray(end, end += length))
  );
}
