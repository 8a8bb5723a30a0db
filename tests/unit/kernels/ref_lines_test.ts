/**
 * Lines of `packed-refs` in the wasm kernel: what it takes and makes is what
 * the plain parser and formatter take and make.
 *
 * @module
 */

import assert from "node:assert/strict";
import { concatBytes, fromBinary, fromHex } from "../../../src/core/bytes.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../src/core/oid.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import {
  MAX_RUN_BYTES,
  type PeeledForm,
  type RefLines,
} from "../../../src/kernels/types.ts";
import { wasmKernels } from "../../../src/kernels/wasm/kernels.ts";
import {
  type PackedRefs,
  parsePackedRefs,
} from "../../../src/storage/files/packed_refs.ts";
import type { RefRecord } from "../../../src/storage/types.ts";
import { type Random, seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

const SEED = 20_261_124;
const HEADER = "# pack-refs with: peeled fully-peeled sorted \n";
const LINES = wasmKernels(NATIVE).refLines as RefLines;
const FORMS: readonly PeeledForm[] = ["none", "attribute", "packet"];
const PARTS = ["a", "b-1", "x.y", "@", "team", "caf\xe9", "{", "v1.0", "loc"];

function hexOf(random: Random, format: ObjectFormat): string {
  return Array.from(
    { length: format.hexLength },
    () => "0123456789abcdef"[random.int(16)],
  ).join("");
}

function nameOf(random: Random): string {
  const parts = Array.from(
    { length: 1 + random.int(4) },
    () => random.pick(PARTS).repeat(1 + random.int(random.pick([1, 2, 30]))),
  );
  // Two of the parts make "@{" together, and "@" alone is no name.
  return `refs/${parts.join("/").replaceAll("@{", "@-{")}`;
}

/** The text of a file as git writes it, without its header. */
function plainBody(random: Random, format: ObjectFormat, count: number) {
  const names = new Set(Array.from({ length: count }, () => nameOf(random)));
  return [...names].sort().map((name) => {
    const peeled = random.int(3) === 0 ? `^${hexOf(random, format)}\n` : "";
    return `${hexOf(random, format)} ${name}\n${peeled}`;
  }).join("");
}

function recordsOf(refs: PackedRefs): RefRecord[] {
  return [...refs.list(0, "")];
}

/** The slow way, which knows every rule; what it throws as text. */
function slowly(bytes: Uint8Array, format: ObjectFormat): PackedRefs | string {
  try {
    return parsePackedRefs(bytes, "p", format);
  } catch (error) {
    return String(error);
  }
}

function packet(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

function packetsOf({ oid, name, peeled }: RefRecord, form: PeeledForm): string {
  const line = `${oid} ${name}`;
  if (form === "none" || !peeled) return packet(`${line}\n`);
  return form === "attribute"
    ? packet(`${line} peeled:${peeled}\n`)
    : packet(`${line}\n`) + packet(`${peeled} ${name}^{}\n`);
}

function assertRuns(refs: PackedRefs, format: ObjectFormat, label: string) {
  const records = recordsOf(refs);
  const runs = [...refs.runs(0, refs.size)].map((run) => run.bytes);
  assert.ok(runs.every((run) => run.length <= MAX_RUN_BYTES), label);
  for (const form of FORMS) {
    const made = runs.map((run) => {
      const { packets, ids } = LINES.encode(run, format.hexLength, form);
      return [packets.slice(), ids.slice()] as const;
    });
    assert.deepEqual(
      concatBytes(made.map(([packets]) => packets)),
      fromBinary(records.map((each) => packetsOf(each, form)).join("")),
      `${label}, ${form}`,
    );
    assert.deepEqual(
      concatBytes(made.map(([, ids]) => ids)),
      fromHex(records.map((each) => each.oid).join("")),
      `${label}, ${form}`,
    );
  }
}

describe("the kernel for refs", () => {
  for (const format of [SHA1, SHA256]) {
    it(`indexes and encodes what git writes, ${format.name}`, () => {
      const random = seeded(SEED);
      for (let round = 0; round < 60; round++) {
        const label = `seed ${SEED}, round ${round}`;
        const count = random.pick([0, 1, 2, 40, 400, 4000]);
        const bytes = fromBinary(HEADER + plainBody(random, format, count));
        const fast = parsePackedRefs(bytes, "p", format, { refLines: LINES });
        assert.ok(fast.hasRuns, label);
        const slow = slowly(bytes, format);
        assert.ok(typeof slow !== "string", label);
        assert.deepEqual(recordsOf(fast), recordsOf(slow), label);
        assertRuns(fast, format, label);
      }
    });

    it(`leaves to the parser what is odd, ${format.name}`, () => {
      const random = seeded(SEED + 1);
      let taken = 0;
      for (let round = 0; round < 3000; round++) {
        const label = `seed ${SEED + 1}, round ${round}`;
        const body = fromBinary(plainBody(random, format, 1 + random.int(6)));
        for (let n = random.int(3); n >= 0; n--) {
          const at = random.int(body.length);
          body[at] = random.pick([
            ...[0x0a, 0x20, 0x2e, 0x2f, 0x40, 0x7b, 0x5e, 0x00, 0x7f, 0x2a],
            ...[0x6b, 0x63, 0x41, random.int(256)],
          ]);
        }
        const start = HEADER.length;
        const bytes = concatBytes([fromBinary(HEADER), body]);
        const starts = LINES.index(bytes, start, format.hexLength);
        if (starts === undefined) continue;
        taken++;
        const slow = slowly(bytes, format);
        assert.ok(typeof slow !== "string", `${label}: ${slow}`);
        assert.deepEqual(slow.badNames, [], label);
        assert.equal(slow.size, starts.length, label);
        const fast = parsePackedRefs(bytes, "p", format, { refLines: LINES });
        assert.deepEqual(recordsOf(fast), recordsOf(slow), label);
      }
      assert.ok(taken > 200, `${taken} were taken`);
    });
  }

  it("takes no file that ends early, and none that repeats a name", () => {
    const id = "a".repeat(40);
    const text = `${id} refs/a.lock/b\n`;
    assert.equal(LINES.index(fromBinary(text), 0, 40), undefined);
    const whole = `${id} refs/heads/one\n^${id}\n${id} refs/heads/two\n`;
    const ends = new Set([56, 98, whole.length]);
    for (let length = 1; length <= whole.length; length++) {
      const bytes = fromBinary(whole.slice(0, length));
      const isTaken = LINES.index(bytes, 0, 40) !== undefined;
      assert.equal(isTaken, ends.has(length), `${length} bytes`);
    }
    const twice = `${id} refs/heads/one\n`.repeat(2);
    assert.equal(LINES.index(fromBinary(twice), 0, 40), undefined);
  });

  it("keeps to the longest name that there may be", () => {
    const of = (length: number) =>
      fromBinary(`${"a".repeat(40)} refs/${"n".repeat(length - 5)}\n`);
    assert.equal(LINES.index(of(4096), 0, 40)?.length, 1);
    assert.equal(LINES.index(of(4097), 0, 40), undefined);
    assert.equal(LINES.index(of(300_000), 0, 40), undefined);
    assert.throws(() => LINES.encode(of(70_000), 40, "none"), RangeError);
  });
});
