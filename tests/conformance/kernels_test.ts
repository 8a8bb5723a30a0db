/**
 * The kernels over packs that real git wrote: every entry inflated, every delta
 * applied, every checksum and every id compared with git's own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ObjectFormat, SHA1, SHA256 } from "../../src/core/oid.ts";
import { NATIVE } from "../../src/kernels/native/kernels.ts";
import { REFERENCE } from "../../src/kernels/reference/kernels.ts";
import type { Kernels } from "../../src/kernels/types.ts";
import { wasmKernels } from "../../src/kernels/wasm/kernels.ts";
import { type Kind, OFS_DELTA, REF_DELTA } from "../../src/object/kind.ts";
import { objectId } from "../../src/object/raw.ts";
import { EntryHeader } from "../../src/pack/entry_header.ts";
import { PackIndex } from "../../src/pack/index.ts";
import { emptyRepository, importStream } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { FastImport, randomHistory } from "../support/fixture_history.ts";
import { gitSync } from "../support/git.ts";
import { seeded } from "../support/random.ts";
import { before, describe, it } from "../support/test.ts";

const SEED = 20_260_215;
const IMPLEMENTATIONS = [REFERENCE, NATIVE, wasmKernels(NATIVE)];
const root = temporaryDirectory("kernels");

/** Ways to pack: deltas by offset and by name, and no compression at all. */
const WAYS: readonly (readonly [string, readonly string[]])[] = [
  ["deltas by offset", []],
  ["deltas by name", ["-c", "repack.useDeltaBaseOffset=false"]],
  ["no compression", ["-c", "pack.compression=0"]],
  ["most compression", ["-c", "pack.compression=9"]],
];

interface Pack {
  readonly bytes: Uint8Array;
  readonly index: PackIndex;
}

for (const format of [SHA1, SHA256]) {
  describe(`kernels over packs of ${format.name}`, () => {
    const path = join(root, format.name);
    before(() => {
      emptyRepository(path, format.name);
      const stream = new FastImport();
      randomHistory(stream, seeded(SEED), {
        commits: 80,
        branches: ["main", "dev"],
        oddDates: 0,
      });
      importStream(path, stream, "packed");
    });

    for (const [way, options] of WAYS) {
      it(`makes every object of a pack with ${way}`, () => {
        const repack = ["repack", "-a", "-d", "-f", "-q"];
        gitSync([...options, ...repack], { cwd: path });
        const pack = readPack(path, format);
        for (const kernels of IMPLEMENTATIONS) {
          checkPack(pack, format, kernels);
        }
      });
    }
  });
}

function readPack(path: string, format: ObjectFormat): Pack {
  const directory = join(path, "objects", "pack");
  const name = readdirSync(directory).find((file) => file.endsWith(".pack"));
  assert.ok(name !== undefined);
  const file = join(directory, name);
  return {
    bytes: new Uint8Array(readFileSync(file)),
    index: new PackIndex(
      new Uint8Array(readFileSync(file.replace(/pack$/, "idx"))),
      format,
    ),
  };
}

function checkPack(
  { bytes, index }: Pack,
  format: ObjectFormat,
  kernels: Kernels,
): void {
  const order = Array.from({ length: index.count }, (_, i) => i)
    .sort((a, b) => index.offset(a) - index.offset(b));
  const starts = order.map((position) => index.offset(position));
  starts.push(bytes.length - format.rawLength);
  const lengths = Uint32Array.from(
    order,
    (_, rank) => (starts[rank + 1] as number) - (starts[rank] as number),
  );
  const crcs = Uint32Array.from(order, (position) => index.crc(position));
  assert.equal(
    kernels.countGoodCrcs(bytes, starts[0] as number, lengths, crcs),
    index.count,
    kernels.label,
  );

  const header = new EntryHeader();
  const raw = format.rawLength;
  const made = new Map<number, { kind: Kind; data: Uint8Array }>();
  const byId = new Map<string, number>();
  for (let p = 0; p < index.count; p++) byId.set(index.oid(p), index.offset(p));
  /** Deltas wait here until their base was made. */
  let waiting = order.map((_, rank) => rank);
  while (waiting.length > 0) {
    const next = waiting.filter((rank) => {
      const start = starts[rank] as number;
      const end = starts[rank + 1] as number;
      let at = header.read(bytes, start, end);
      const { type, size } = header;
      let base: number | undefined;
      if (type === OFS_DELTA) {
        at = header.readDistance(bytes, at, end);
        base = start - header.distance;
      } else if (type === REF_DELTA) {
        base = byId.get(
          bytes.subarray(at, at + raw).reduce(
            (text, byte) => text + byte.toString(16).padStart(2, "0"),
            "",
          ),
        );
        at += raw;
      }
      const under = base === undefined ? undefined : made.get(base);
      if (base !== undefined && under === undefined) return true;
      const { data, consumed } = kernels.inflate(bytes, at, size);
      assert.equal(at + consumed, end, `${kernels.label}: entry at ${start}`);
      const object = under === undefined ? { kind: type as Kind, data } : {
        kind: under.kind,
        data: kernels.applyDelta(under.data, data, 1 << 24),
      };
      assert.equal(
        objectId(object.kind, object.data, format, kernels),
        index.oid(order[rank] as number),
        kernels.label,
      );
      made.set(start, object);
      return false;
    });
    assert.ok(next.length < waiting.length, "a delta has no base");
    waiting = next;
  }
}
