/** Packs that are the same as a stored one. @module */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { concatBytes, fromUtf8 } from "../../../../src/core/bytes.ts";
import { SHA1 } from "../../../../src/core/oid.ts";
import type { Hash } from "../../../../src/kernels/types.ts";
import { BLOB, OFS_DELTA, REF_DELTA } from "../../../../src/object/kind.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import type { PackPlan } from "../../../../src/storage/types.ts";
import { packBytes, planOf } from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import {
  arrayPorts,
  idOf,
  kernels,
  type MadeEntry,
  type MadePack,
  makePack,
} from "./made_packs.ts";

const SEED = 20_261_126;

/** Blobs, each second one a delta of the one before it. */
function entriesOf(count: number, seed: number): MadeEntry[] {
  const random = seeded(seed);
  const entries: MadeEntry[] = [];
  for (let i = 0; i < count; i++) {
    const base = random.bytes(300 + random.int(3_000));
    entries.push({ oid: idOf(BLOB, base), type: BLOB, data: base });
    const next = concatBytes([base, fromUtf8(`more ${i}`)]);
    const data = kernels.createDelta(base, next, Infinity) as Uint8Array;
    const baseIndex = entries.length - 1;
    entries.push({ oid: idOf(BLOB, next), type: OFS_DELTA, data, baseIndex });
  }
  return entries;
}

/** The pack, and how many bytes were hashed for it. */
function send(plan: PackPlan, seed: number): { pack: Buffer; hashed: number } {
  let hashed = 0;
  const counted = {
    ...kernels,
    hash: (format: typeof SHA1): Hash => {
      const hash = kernels.hash(format);
      return {
        update(bytes): void {
          hashed += bytes.length;
          hash.update(bytes);
        },
        digest: () => hash.digest(),
      };
    },
  };
  const pack = packBytes(plan, SHA1, counted, seeded(seed));
  return { pack, hashed };
}

function planAll(
  entries: readonly MadeEntry[],
  made: MadePack[],
  { ofsDelta } = { ofsDelta: true },
): PackPlan {
  const store = openObjectStore(arrayPorts(made), SHA1, kernels);
  return planOf(store, { oids: entries.map(({ oid }) => oid), ofsDelta });
}

describe("A pack that is stored just so", () => {
  const entries = entriesOf(40, SEED);
  const made = makePack(entries);

  it("is sent with its trailer, without being hashed", () => {
    for (let seed = 0; seed < 6; seed++) {
      const plan = planAll(entries, [made]);
      const { pack, hashed } = send(plan, seed);
      assert.equal(Buffer.compare(pack, made.pack), 0, `seed ${seed}`);
      assert.equal(hashed, 0);
      assert.equal(plan.objects, entries.length);
      assert.equal(plan.reusedDeltas, entries.length / 2);
    }
  });

  it("is hashed where deltas name their bases, or something is left out", () => {
    const few = entries.slice(0, -1);
    for (
      const plan of [
        planAll(entries, [made], { ofsDelta: false }),
        planAll(few, [made]),
      ]
    ) {
      const { pack, hashed } = send(plan, SEED);
      assert.equal(hashed, pack.length - SHA1.rawLength);
      assertTaken(pack, plan.objects);
    }
  });

  it("is hashed where another pack has some of it, and goes first", () => {
    const other = makePack([entries[2] as MadeEntry]);
    const plan = planAll(entries, [other, made]);
    const { pack, hashed } = send(plan, SEED);
    assert.equal(hashed, pack.length - SHA1.rawLength);
    assertTaken(pack, entries.length);
  });

  it("is hashed from its start once an entry is found damaged", () => {
    const spare = makePack(
      entries.slice().reverse().filter(({ type }) => type === BLOB),
    );
    for (let seed = 0; seed < 20; seed++) {
      const random = seeded(SEED + seed);
      const victim = 2 * random.int(entries.length / 2);
      const pack = made.pack.slice();
      const end = made.offsets[victim + 1] as number;
      pack[end - 2] = (pack[end - 2] as number) ^ 1;
      const plan = planAll(entries, [{ ...made, pack }, spare]);
      const sent = send(plan, SEED + seed);
      const hint = `seed ${SEED + seed}, entry ${victim}`;
      assert.equal(sent.hashed, sent.pack.length - SHA1.rawLength, hint);
      assertTaken(sent.pack, entries.length, hint);
    }
  });
});

describe("A pack of deltas by name", () => {
  const entries = entriesOf(30, SEED + 1).map((entry, i, all): MadeEntry => {
    const base = (all[i - 1] as MadeEntry | undefined)?.oid;
    if (entry.type !== OFS_DELTA || base === undefined) return entry;
    return { oid: entry.oid, type: REF_DELTA, data: entry.data, base };
  });

  it("is sent as it lies where bases come first", () => {
    const made = makePack(entries);
    const plan = planAll(entries, [made]);
    const { pack, hashed } = send(plan, SEED);
    assert.equal(Buffer.compare(pack, made.pack), 0);
    assert.equal(hashed, 0);
    assert.equal(plan.deltas, 30);
  });

  it("is planned after all where one comes before its base", () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = seeded(SEED + seed);
      const order = entries.slice();
      const at = 2 * random.int(30);
      const [blob, delta] = order.splice(at, 2) as [MadeEntry, MadeEntry];
      order.splice(at, 0, delta, blob);
      const made = makePack(order);
      const plan = planAll(order, [made]);
      const { pack, hashed } = send(plan, SEED + seed);
      const hint = `seed ${SEED + seed}, entry ${at}`;
      assert.equal(hashed, pack.length - SHA1.rawLength, hint);
      assertTaken(pack, order.length, hint);
      assert.equal(plan.deltas, 30, hint);
      assertTaken(send(plan, SEED).pack, order.length, hint);
    }
  });
});

function assertTaken(pack: Buffer, objects: number, hint?: string): void {
  const target = emptyRepository(temporaryDirectory("whole"), "sha1");
  gitSync(["index-pack", "--stdin"], { cwd: target, input: pack });
  const counted = gitSync(["count-objects", "-v"], { cwd: target });
  assert.match(counted, new RegExp(`in-pack: ${objects}\n`), hint);
}
