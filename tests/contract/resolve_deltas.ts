/**
 * What every resolver of a pack's deltas has to do.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  concatBytes,
  equalBytes,
  fromUtf8,
  toHex,
} from "../../src/core/bytes.ts";
import { ProtocolError, RefusedError } from "../../src/core/errors.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../src/core/oid.ts";
import { selectKernels } from "../../src/kernels/select.ts";
import type { Kind } from "../../src/object/kind.ts";
import type {
  ResolveDeltas,
  ResolveInit,
} from "../../src/pack/intake/resolve_types.ts";
import {
  idOf,
  madeDelta,
  type MadeEntry,
  type MadePack,
  makePack,
  sizeBytes,
} from "../support/pack_entries.ts";
import { type Random, seeded } from "../support/random.ts";
import { describe, it } from "../support/test.ts";

const kernels = selectKernels();

/** No bounds. */
const UNBOUNDED = { maxObjectBytes: 0, maxInflatedBytes: 0, maxDeltaDepth: 0 };

/** What is asked for the deltas of a pack. */
export function initOf(
  { entries, pack }: MadePack,
  more: Partial<ResolveInit> = {},
): ResolveInit {
  return {
    entries,
    pack,
    kernels,
    limits: UNBOUNDED,
    inflatedBytes: 0,
    ...more,
  };
}

interface History {
  readonly list: readonly MadeEntry[];
  readonly kinds: readonly Kind[];
  readonly contents: readonly Uint8Array[];
}

/** Objects that are edits of each other, as wholes and as deltas. */
export function madeHistory(
  random: Random,
  count: number,
  format: ObjectFormat,
): History {
  const list: MadeEntry[] = [];
  const contents: Uint8Array[] = [];
  const kinds: Kind[] = [];
  for (let i = 0; i < count; i++) {
    const base = random.int(i);
    const before = contents[base];
    const isWhole = before === undefined || random.int(5) === 0;
    const kind = isWhole ? (1 + random.int(4)) as Kind : kinds[base] as Kind;
    const data = isWhole
      ? random.bytes(4 + random.int(random.int(20) === 0 ? 70_000 : 900))
      : edited(random, before);
    kinds.push(kind);
    contents.push(data);
    const delta = isWhole
      ? undefined
      : kernels.createDelta(before, data, data.length + 4000);
    if (before === undefined || delta === undefined) {
      list.push({ kind, data });
    } else if (random.int(3) === 0) {
      list.push({ baseId: idOf(kind, before, format), delta });
    } else {
      list.push({ base, delta });
    }
  }
  return { list, kinds, contents };
}

function edited(random: Random, data: Uint8Array): Uint8Array {
  const copy = new Uint8Array(data.length + random.int(40));
  copy.set(data);
  for (let i = 0; i < 3; i++) {
    copy.set(random.bytes(1 + random.int(9)).subarray(0, copy.length), 0);
    copy[random.int(copy.length)] = random.int(256);
  }
  return copy;
}

/** Moves deltas by name in front of their bases, here and there. */
function reordered(
  random: Random,
  { list, kinds, contents }: History,
): History {
  const order = list.map((_, i) => i);
  const place = new Map<number, number>();
  const key = list.map((entry, i) =>
    "baseId" in entry && random.int(2) === 0 ? random.int(list.length) : i
  );
  order.sort((a, b) => (key[a] as number) - (key[b] as number) || a - b);
  // Deltas by rank stay behind their bases.
  const done: number[] = [];
  const add = (i: number): void => {
    const path: number[] = [];
    for (let at: number | undefined = i; at !== undefined && !place.has(at);) {
      path.push(at);
      const entry: MadeEntry = list[at] as MadeEntry;
      at = "base" in entry ? entry.base : undefined;
    }
    for (const at of path.reverse()) {
      place.set(at, done.length);
      done.push(at);
    }
  };
  order.forEach(add);
  return {
    list: done.map((i) => {
      const entry = list[i] as MadeEntry;
      return "base" in entry
        ? { ...entry, base: place.get(entry.base) as number }
        : entry;
    }),
    kinds: done.map((i) => kinds[i] as Kind),
    contents: done.map((i) => contents[i] as Uint8Array),
  };
}

/** As many deltas of the first entry as are resolved many at a time. */
function soundDeltas(size: number): MadeEntry[] {
  return Array.from(
    { length: 99 },
    (_, i) => ({ base: 0, delta: madeDelta(size, size, String(i)) }),
  );
}

/** Has every resolver tested alike. */
export function resolverContract(label: string, resolve: ResolveDeltas): void {
  describe(`Resolving deltas (${label})`, () => {
    for (const format of [SHA1, SHA256]) {
      it(`gives each of generated ${format.name} objects its id`, async () => {
        for (let seed = 1; seed <= 12; seed++) {
          const random = seeded(seed);
          const history = reordered(
            random,
            madeHistory(random, 20 + random.int(200), format),
          );
          const made = makePack(history.list, format);
          const got = await resolve(initOf(made));
          const { entries } = made;
          const width = format.rawLength;
          history.contents.forEach((data, rank) => {
            const kind = history.kinds[rank] as Kind;
            const why = `seed ${seed}, rank ${rank}`;
            assert.equal(entries.kinds[rank], kind, why);
            assert.equal(
              toHex(entries.ids, rank * width, (rank + 1) * width),
              toHex(idOf(kind, data, format)),
              why,
            );
          });
          let deltaBytes = 0;
          history.list.forEach((entry, rank) => {
            if ("kind" in entry) return;
            deltaBytes += (history.contents[rank] as Uint8Array).length;
          });
          assert.deepEqual(got, { unresolved: 0, inflatedBytes: deltaBytes });
        }
      });
    }

    it("gives away the deltas that are wanted, ids known or not", async () => {
      const random = seeded(77);
      const history = reordered(random, madeHistory(random, 300, SHA1));
      const made = makePack(history.list);
      const wanted = new Uint8Array(300).map(() => random.int(2));
      for (const turn of ["first", "again"]) {
        const seen = new Set<number>();
        await resolve(initOf(made, {
          wanted,
          take(rank, kind, data) {
            assert.equal(wanted[rank], 1);
            assert.equal(kind, history.kinds[rank]);
            assert.ok(equalBytes(data, history.contents[rank] as Uint8Array));
            assert.ok(!seen.has(rank));
            seen.add(rank);
          },
        }));
        history.list.forEach((entry, rank) => {
          const isDelta = !("kind" in entry) && wanted[rank] === 1;
          assert.equal(seen.has(rank), isDelta, `${turn}: ${rank}`);
        });
      }
      assert.deepEqual(await resolve(initOf(made)), {
        unresolved: 0,
        inflatedBytes: history.list.reduce(
          (sum, entry, rank) =>
            "kind" in entry ? sum : sum + (history.contents[rank]?.length ?? 0),
          0,
        ),
      });
    });

    it("asks for bases from outside in the order of the deltas", async () => {
      const text = fromUtf8("a base that is not in the pack\n".repeat(9));
      const away = idOf(3, text);
      const delta = madeDelta(text.length, 60, "one");
      const one = new Uint8Array([...text.subarray(0, 60), 111, 110, 101]);
      const list: MadeEntry[] = [
        { baseId: new Uint8Array(20).fill(7), delta },
        { baseId: away, delta },
        { baseId: idOf(3, one), delta: madeDelta(63, 63, "two") },
        { baseId: away, delta: madeDelta(text.length, 4, "") },
      ];
      const made = makePack(list);
      const asked: number[] = [];
      const got = await resolve(initOf(made, {
        findBase: (row) => {
          asked.push(row);
          return Promise.resolve(
            row === 1 ? { kind: 3, data: text } : undefined,
          );
        },
      }));
      assert.deepEqual(asked, [0, 1]);
      assert.equal(got.unresolved, 1);
      assert.deepEqual([...made.entries.kinds], [0, 3, 3, 3]);
      assert.equal(
        toHex(made.entries.ids, 40, 60),
        toHex(idOf(3, new Uint8Array([...one, 116, 119, 111]))),
      );
      assert.equal((await resolve(initOf(makePack(list)))).unresolved, 4);
    });

    it("leaves cycles of names unresolved", async () => {
      const delta = madeDelta(5, 5, "x");
      const a = new Uint8Array(20).fill(1);
      const b = new Uint8Array(20).fill(2);
      const made = makePack([
        { baseId: a, delta },
        { baseId: b, delta },
        { baseId: a, delta },
        { base: 2, delta },
      ]);
      assert.equal((await resolve(initOf(made))).unresolved, 4);
    });

    it("takes the same object twice, and a delta on it", async () => {
      const data = fromUtf8("twice in one pack");
      const made = makePack([
        { kind: 3, data },
        { kind: 3, data },
        { baseId: idOf(3, data), delta: madeDelta(17, 17, "") },
        { base: 1, delta: madeDelta(17, 5, "") },
      ]);
      assert.equal((await resolve(initOf(made))).unresolved, 0);
      assert.equal(toHex(made.entries.ids, 40, 60), toHex(idOf(3, data)));
    });

    const base = fromUtf8("0123456789".repeat(10));
    const broken: readonly (readonly [string, readonly number[]])[] = [
      ["is for a base of another size", [...madeDelta(99, 50, "")]],
      ["is empty", []],
      ["has a head alone", [100, 0]],
      ["has an opcode of 0", [100, 4, 0, 65, 66, 67]],
      ["inserts beyond its end", [100, 4, 4, 65, 66]],
      ["makes too little", [100, 9, 2, 65, 66]],
      ["makes too much", [100, 1, 2, 65, 66]],
      ["copies from beyond its base", [100, 50, 0x91, 60, 50]],
      ["copies without a size", [100, 50, 0x91, 60]],
      ["never ends its size", [100, ...new Array(12).fill(255)]],
    ];
    for (const [what, delta] of broken) {
      it(`refuses a delta that ${what}`, async () => {
        const made = makePack([
          { kind: 3, data: base },
          { base: 0, delta: Uint8Array.from(delta) },
          ...soundDeltas(base.length),
        ]);
        const offset = made.entries.offsets[1] as number;
        await assert.rejects(resolve(initOf(made)), (error) => {
          assert.ok(error instanceof ProtocolError);
          assert.equal(
            error.message,
            `pack has bad object at offset ${offset}: failed to apply delta`,
          );
          return true;
        });
        assert.equal(made.entries.kinds[1], 0);
      });
    }

    it("refuses a delta that declares 2^40 bytes from its head", async () => {
      const delta = [...sizeBytes(100), ...sizeBytes(2 ** 40), 1, 65];
      const made = makePack([
        { kind: 3, data: base },
        { base: 0, delta: Uint8Array.from(delta) },
      ]);
      const limits = { ...UNBOUNDED, maxObjectBytes: 2 ** 30 };
      await assert.rejects(
        resolve(initOf(made, { limits })),
        (error) =>
          error instanceof RefusedError && error.code === "pack-limit" &&
          error.message.includes(`an object of ${2 ** 40} bytes`),
      );
    });

    it("refuses a pack that doubles, before it makes anything", async () => {
      let size = 128;
      const list: MadeEntry[] = [{ kind: 3, data: new Uint8Array(size) }];
      for (let i = 0; i < 21; i++) {
        const parts = [...sizeBytes(size), ...sizeBytes(size * 2)];
        for (let twice = 0; twice < 2; twice++) {
          for (let at = 0; at < size; at += 0xff0000) {
            const some = Math.min(0xff0000, size - at);
            parts.push(0xff, at & 255, (at >> 8) & 255, (at >> 16) & 255);
            parts.push(at >> 24, some & 255, (some >> 8) & 255, some >> 16);
          }
        }
        list.push({ base: i, delta: Uint8Array.from(parts) });
        size *= 2;
      }
      const made = makePack(list);
      const limits = { ...UNBOUNDED, maxInflatedBytes: 200_000_000 };
      await assert.rejects(
        resolve(initOf(made, { limits })),
        (error) =>
          error instanceof RefusedError &&
          error.code === "pack-limit" &&
          error.message.includes("expands to more than 200000000 bytes"),
      );
      assert.deepEqual([...made.entries.kinds.subarray(1, 3)], [0, 0]);
    });

    it("refuses chains that are too long, and takes long ones", async () => {
      const list: MadeEntry[] = [{ kind: 3, data: base }];
      for (let i = 0; i < 5000; i++) {
        list.push({ base: i, delta: madeDelta(100, 96, String(1000 + i)) });
      }
      const made = makePack(list);
      assert.equal((await resolve(initOf(made))).unresolved, 0);
      assert.equal(
        toHex(made.entries.ids, 5000 * 20, 5001 * 20),
        toHex(
          idOf(3, new Uint8Array([...base.subarray(0, 96), 53, 57, 57, 57])),
        ),
      );
      const limits = { ...UNBOUNDED, maxDeltaDepth: 4999 };
      await assert.rejects(
        resolve(initOf(makePack(list), { limits })),
        (error) =>
          error instanceof RefusedError &&
          error.code === "pack-limit" &&
          error.message.includes("a chain of more than 4999"),
      );
    });

    it("leaves nothing out that is large", async () => {
      const size = 300_000;
      const large = 78 * 2 ** 20;
      const data = new Uint8Array(size).fill(65);
      const delta = [...sizeBytes(size), ...sizeBytes(large)];
      for (let left = large; left > 0; left -= size) {
        const some = Math.min(size, left);
        delta.push(0xf0, some & 255, (some >> 8) & 255, some >> 16);
      }
      const made = makePack([
        { kind: 3, data },
        { base: 0, delta: Uint8Array.from(delta) },
        { base: 1, delta: madeDelta(large, 70, "on a large one") },
        ...soundDeltas(size),
      ]);
      const got = await resolve(initOf(made));
      assert.equal(got.unresolved, 0);
      const { entries } = made;
      assert.equal(
        toHex(entries.ids, 20, 40),
        toHex(idOf(3, new Uint8Array(large).fill(65))),
      );
      const last = concatBytes([
        data.subarray(0, 70),
        fromUtf8("on a large one"),
      ]);
      assert.equal(toHex(entries.ids, 40, 60), toHex(idOf(3, last)));
    });

    it("ends when it is told to", async () => {
      const made = makePack([
        { kind: 3, data: base },
        { base: 0, delta: madeDelta(100, 96, "1") },
      ]);
      const signal = AbortSignal.abort(new Error("enough"));
      await assert.rejects(resolve(initOf(made, { signal })), /enough/);
    });
  });
}
