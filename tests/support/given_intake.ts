/**
 * A stand-in for taking packs in: the pack is one that real git has indexed,
 * so that what becomes of the bytes can be tested by itself.
 *
 * @module
 */

import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex } from "../../src/core/bytes.ts";
import { type ObjectFormat, SHA1 } from "../../src/core/oid.ts";
import type { PackEntries } from "../../src/pack/intake/entries.ts";
import type { PackInput } from "../../src/pack/intake/ports.ts";
import type { PackIntake } from "../../src/storage/intake.ts";
import { gitSync } from "./git.ts";

/** A pack, and what git made of it. */
export interface GivenPack {
  /** Its bytes. */
  readonly pack: Uint8Array<ArrayBuffer>;
  /** Its index. */
  readonly index: Uint8Array<ArrayBuffer>;
  /** Its reverse index. */
  readonly reverse: Uint8Array<ArrayBuffer>;
  /** Its ids, in the order of their offsets. */
  readonly oids: readonly string[];
  /** "pack-" and its checksum. */
  readonly name: string;
}

/** Lets git index a pack; `directory` is for its files. */
export function givenPack(
  pack: Uint8Array<ArrayBuffer>,
  directory: string,
): GivenPack {
  const path = join(mkdtempSync(join(directory, "given-")), "given.pack");
  writeFileSync(path, pack);
  const checksum = gitSync(["index-pack", "--rev-index", path]).trim();
  const index = new Uint8Array(readFileSync(path.replace(/pack$/, "idx")));
  const rows = gitSync(["show-index"], { input: index }).trim().split("\n")
    .filter((line) => line !== "").map((line) => line.split(" "));
  const oids = rows.sort(([a], [b]) => Number(a) - Number(b))
    .map(([, oid]) => oid as string);
  return {
    pack,
    index,
    reverse: new Uint8Array(readFileSync(path.replace(/pack$/, "rev"))),
    oids,
    name: `pack-${checksum}`,
  };
}

/** Takes that one pack, in pieces. */
export function givenIntake(
  given: GivenPack,
  format: ObjectFormat = SHA1,
): PackIntake {
  return {
    async take(input, sink, { signal }) {
      const buffer = new Uint8Array(1000);
      for (;;) {
        signal.throwIfAborted();
        const count = await input.read(buffer);
        if (count === 0) break;
        sink.append(buffer.subarray(0, count));
      }
      const rawLength = format.rawLength;
      return {
        entries: entriesOf(given, format),
        objects: given.oids.length,
        received: given.pack.length,
        completed: 0,
        checksum: given.pack.slice(-rawLength),
        index: () => pieces(given.index),
        reverse: () => pieces(given.reverse),
      };
    },
  };
}

/** The bytes of a pack as they would arrive. */
export function inputOf(bytes: Uint8Array): PackInput {
  let at = 0;
  return {
    read(into) {
      const part = bytes.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
  };
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 512) {
    yield bytes.subarray(at, at + 512);
  }
}

function entriesOf(given: GivenPack, format: ObjectFormat): PackEntries {
  const count = given.oids.length;
  const ids = new Uint8Array(count * format.rawLength);
  for (const [i, oid] of given.oids.entries()) {
    ids.set(fromHex(oid) as Uint8Array, i * format.rawLength);
  }
  return {
    format,
    count,
    ids,
    offsets: new Float64Array(count + 1),
    heads: new Uint8Array(count),
    types: new Uint8Array(count),
    sizes: new Float64Array(count),
    crcs: new Uint32Array(count),
    bases: new Int32Array(count),
    baseIds: new Uint8Array(0),
    kinds: new Uint8Array(count),
  };
}
