/**
 * What every maker of deltas must do: deltas that every implementation applies
 * to the same bytes, within the limit that was set, about as small as git's.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { concatBytes, fromUtf8 } from "../../src/core/bytes.ts";
import type { Kernels } from "../../src/kernels/types.ts";
import { readDeltaHeader } from "../../src/kernels/reference/delta.ts";
import { EntryHeader } from "../../src/pack/entry_header.ts";
import { emptyRepository } from "../support/fixture.ts";
import { temporaryDirectory } from "../support/fixture_directory.ts";
import { gitSync } from "../support/git.ts";
import { type Random, seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

const SEED = 20_261_124;

/** Registers the contract for one set of kernels; all of `appliers` apply. */
export function createDeltaContract(
  kernels: Kernels,
  appliers: readonly Kernels[],
): void {
  const make = (base: Uint8Array, target: Uint8Array, hint: string) => {
    const delta = kernels.createDelta(base, target, Infinity);
    if (target.length === 0 && base.length < 16_384) {
      // Its sizes alone: git takes no delta of less than four bytes.
      assert.equal(delta, undefined, hint);
      return target;
    }
    assert.ok(delta !== undefined, hint);
    assertMakes(appliers, base, target, delta, hint);
    return delta;
  };

  describe(`deltas by kernels "${kernels.label}"`, () => {
    it("makes deltas that all kernels apply", () => {
      const random = seeded(SEED);
      for (let round = 0; round < 400; round++) {
        const hint = `seed ${SEED}, round ${round}`;
        const base = text(random);
        const target = edited(base, random);
        const given = [base.slice(), target.slice()];
        make(base, target, hint);
        assert.deepEqual([base, target], given, `${hint}: input was changed`);
      }
    });

    it("makes deltas of and to the smallest contents", () => {
      const random = seeded(SEED + 1);
      for (let baseSize = 0; baseSize < 40; baseSize++) {
        const base = random.bytes(baseSize);
        for (const targetSize of [0, 1, 15, 16, 17, 31, 32, 33, 127, 128]) {
          const hint = `${baseSize} to ${targetSize} bytes`;
          make(base, random.bytes(targetSize), hint);
          make(base, concatBytes([base, base, base]), hint);
          make(base, base.slice(1), hint);
        }
      }
    });

    it("copies more than 64 KiB, and from beyond 16 MiB", () => {
      const random = seeded(SEED + 2);
      const block = random.bytes(200_000);
      const delta = make(block, concatBytes([block, block]), "copies");
      assert.ok(delta.length < 64, `${delta.length} bytes for eight copies`);
      // All zero but for the end: copies from the start need no offset bytes.
      const base = new Uint8Array(17 * 1024 * 1024);
      const tail = random.bytes(5_000);
      base.set(tail, base.length - tail.length);
      const far = make(base, tail, "far");
      assert.ok(far.length < 32, `${far.length} bytes for one copy`);
      const near = make(base.subarray(2 ** 21), tail, "below 16 MiB");
      assert.ok(near.length < 32, `${near.length} bytes for one copy`);
    });

    it("keeps the limit to the byte", () => {
      const random = seeded(SEED + 3);
      for (let round = 0; round < 120; round++) {
        const hint = `seed ${SEED + 3}, round ${round}`;
        const base = text(random);
        const target = edited(base, random);
        const delta = make(base, target, hint);
        if (delta.length === 0) continue;
        assert.deepEqual(
          kernels.createDelta(base, target, delta.length),
          delta,
          hint,
        );
        for (const less of [1, 2, 1 + random.int(delta.length), delta.length]) {
          const limit = delta.length - less;
          const short = kernels.createDelta(base, target, limit);
          assert.equal(short, undefined, `${hint}, limit ${limit}`);
        }
      }
    });

    it("takes runs and periods in linear time", () => {
      const size = 2_000_000;
      const zeros = new Uint8Array(size);
      const delta = make(zeros, zeros.subarray(0, size - 1), "zeros");
      assert.ok(delta.length < 256, `${delta.length} bytes`);
      for (const period of [2, 3, 16, 17, 48]) {
        const base = zeros.map((_, i) => i % period);
        const target = base.slice();
        for (let i = 0; i < size; i += 4_099) target[i] = 200;
        make(base, target, `period ${period}`);
      }
    });

    it("makes deltas about as small as git's of versions of a file", () => {
      const random = seeded(SEED + 4);
      const repository = emptyRepository(temporaryDirectory("delta"), "sha1");
      let ours = 0;
      let gits = 0;
      for (let round = 0; round < 12; round++) {
        const base = text(random, 400 + random.int(60_000));
        const target = edited(base, random);
        const found = gitDelta(repository, base, target);
        if (found === undefined) continue;
        gits += found;
        ours += make(base, target, `seed ${SEED + 4}, round ${round}`).length;
      }
      assert.ok(gits > 0, "git made no deltas");
      assert.ok(ours <= gits * 1.15, `${ours} bytes, git ${gits}`);
    });
  });
}

function assertMakes(
  appliers: readonly Kernels[],
  base: Uint8Array,
  target: Uint8Array,
  delta: Uint8Array,
  hint: string,
): void {
  const header = readDeltaHeader(delta);
  assert.equal(header.baseSize, base.length, hint);
  assert.equal(header.resultSize, target.length, hint);
  for (const { label, applyDelta } of appliers) {
    const result = applyDelta(base, delta, target.length);
    assert.equal(Buffer.compare(result, target), 0, `${hint}, ${label}`);
  }
}

/** The size of the delta that git makes of two contents, if it makes one. */
function gitDelta(
  repository: string,
  base: Uint8Array,
  target: Uint8Array,
): number | undefined {
  const oids = [base, target].map((data, index) => {
    const path = join(repository, `content${index}`);
    writeFileSync(path, data);
    return gitSync(["hash-object", "-w", "--no-filters", path], {
      cwd: repository,
    }).trim();
  });
  // The larger is the base in git's order: the other way round is no matter.
  const { stdout } = spawnSync(
    "git",
    [
      "pack-objects",
      "--stdout",
      "-q",
      "--delta-base-offset",
      "--no-reuse-delta",
    ],
    {
      cwd: repository,
      input: oids.map((oid) => `${oid} same-name\n`).join(""),
      maxBuffer: 1 << 28,
    },
  );
  const listing = join(repository, "two.pack");
  writeFileSync(listing, stdout);
  gitSync(["index-pack", listing], { cwd: repository });
  const verified = gitSync(["verify-pack", "-v", listing], { cwd: repository });
  const line = verified.split("\n").find((text) => text.split(" ").length > 8)
    ?.split(/ +/);
  if (line === undefined || line.length < 7) return undefined;
  // Where git took them the other way round, the sizes are not to compare.
  if (line[0] !== oids[1]) return undefined;
  const header = new EntryHeader();
  header.read(stdout, Number(line[4]), stdout.length);
  return header.size;
}

/** Lines of words, some of them repeated, as in a source file. */
function text(random: Random, length?: number): Uint8Array {
  const size = length ?? random.int(random.pick([3, 60, 900, 40_000]));
  const words = Array.from(
    { length: 200 },
    () => random.int(2 ** 31).toString(36),
  );
  let made = "";
  while (made.length < size) {
    made += random.pick(words) + (random.int(6) === 0 ? "\n" : " ");
  }
  return fromUtf8(made.slice(0, size));
}

/** `base` with pieces put in, taken out, moved and doubled. */
function edited(base: Uint8Array, random: Random): Uint8Array {
  let made = base;
  const edits = random.int(6);
  for (let i = 0; i < edits; i++) {
    const at = random.int(made.length + 1);
    const end = at + random.int(Math.min(2_000, made.length - at) + 1);
    const before = made.subarray(0, at);
    const piece = made.subarray(at, end);
    const after = made.subarray(end);
    switch (random.int(5)) {
      case 0:
        made = concatBytes([before, after]);
        break;
      case 1:
        made = concatBytes([made, piece]);
        break;
      case 2:
        made = concatBytes([before, after, piece]);
        break;
      case 3:
        made = concatBytes([before, random.bytes(random.int(200)), after]);
        break;
      default:
        made = concatBytes([
          before,
          text(random, random.int(400)),
          piece,
          after,
        ]);
    }
  }
  return made;
}
