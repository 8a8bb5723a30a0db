import assert from "node:assert/strict";
import { fromUtf8 } from "../../../../src/core/bytes.ts";
import { type Oid, SHA1 } from "../../../../src/core/oid.ts";
import {
  BLOB,
  OFS_DELTA,
  REF_DELTA,
  TREE,
} from "../../../../src/object/kind.ts";
import { openObjectStore } from "../../../../src/storage/objects/source.ts";
import { packBytes, planOf } from "../../../contract/object_store.ts";
import { emptyRepository } from "../../../support/fixture.ts";
import { temporaryDirectory } from "../../../support/fixture_directory.ts";
import { gitSync } from "../../../support/git.ts";
import { seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";
import {
  appendingDelta,
  arrayPorts,
  idOf,
  kernels,
  type MadeEntry,
  type MadePack,
  makePack,
} from "./made_packs.ts";

const BASE = fromUtf8("the content that everything here is based on\n");
const FIRST: MadeEntry = { oid: idOf(BLOB, BASE), type: BLOB, data: BASE };

function longer(bytes: Uint8Array, byte: number): Uint8Array {
  return Uint8Array.from([...bytes, byte]);
}

/** An entry that appends `byte` to `base`, which must be the real content. */
function appending(
  base: Uint8Array,
  byte: number,
  link: Partial<MadeEntry>,
): MadeEntry {
  return {
    oid: idOf(BLOB, longer(base, byte)),
    type: link.base === undefined ? OFS_DELTA : REF_DELTA,
    data: appendingDelta(base.length, byte),
    ...link,
  };
}

function open(...packs: MadePack[]) {
  return openObjectStore(arrayPorts(packs), SHA1, kernels);
}

function read(store: ReturnType<typeof open>, oid: Oid): Uint8Array {
  return store.read(store.find(oid)).data;
}

/** Flips a bit in the last bytes of an entry: its checksum. */
function damage(made: MadePack, entry: number): MadePack {
  const pack = made.pack.slice();
  const end = made.offsets[entry + 1] ?? pack.length - 20;
  pack[end - 2] = (pack[end - 2] as number) ^ 1;
  return { ...made, pack };
}

function corrupt(oid: Oid) {
  return {
    name: "StorageError",
    code: "corrupt-object",
    message: new RegExp(oid),
  };
}

function everything(store: ReturnType<typeof open>): Oid[] {
  const oids = new Set<Oid>();
  for (let n = 0; n < store.count; n++) {
    if (store.has(n)) oids.add(store.oid(n));
  }
  return [...oids];
}

describe("Damaged packs", () => {
  const child = appending(BASE, 65, { baseIndex: 0 });
  const whole = makePack([FIRST, child]);

  it("are read where they are sound", () => {
    const store = open(damage(whole, 1));
    assert.deepEqual(read(store, FIRST.oid), BASE);
    assert.throws(() => read(store, child.oid), corrupt(child.oid));
    // Again, now that it is known.
    assert.throws(() => read(store, child.oid), corrupt(child.oid));
    assert.deepEqual(read(store, FIRST.oid), BASE);
  });

  it("cost the deltas on what is damaged, too", () => {
    const store = open(damage(whole, 0));
    assert.throws(() => read(store, child.oid), corrupt(child.oid));
    assert.throws(() => read(store, FIRST.oid), corrupt(FIRST.oid));
  });

  it("are stood in for by other packs, also for bases", () => {
    const other = makePack([FIRST]);
    for (
      const packs of [[damage(whole, 0), other], [other, damage(whole, 0)]]
    ) {
      const store = open(...packs);
      assert.deepEqual(read(store, child.oid), longer(BASE, 65));
      assert.deepEqual(read(store, FIRST.oid), BASE);
    }
  });

  it("are not sent: another copy is, or the pack breaks off", () => {
    const other = makePack([FIRST]);
    for (const entry of [0, 1]) {
      const damaged = damage(whole, entry);
      const victim = entry === 0 ? FIRST.oid : child.oid;
      const alone = open(damaged);
      assert.throws(
        () =>
          packBytes(
            planOf(alone, { oids: everything(alone), ofsDelta: true }),
            SHA1,
            kernels,
            seeded(3),
          ),
        { code: "corrupt-object", message: new RegExp(victim) },
      );
    }
    for (let seed = 0; seed < 8; seed++) {
      const store = open(damage(whole, 0), other);
      const target = emptyRepository(temporaryDirectory("stand-in"), "sha1");
      const plan = planOf(store, { oids: everything(store), ofsDelta: true });
      gitSync(["index-pack", "--stdin"], {
        cwd: target,
        input: packBytes(plan, SHA1, kernels, seeded(seed)),
      });
      for (const oid of [FIRST.oid, child.oid]) {
        gitSync(["cat-file", "-e", oid], { cwd: target });
      }
    }
  });

  it("are sent all the same where only their index is damaged", () => {
    const made = makePack([FIRST, child], (crc) => crc ^ 1);
    const store = open(made);
    const target = emptyRepository(temporaryDirectory("crc"), "sha1");
    const plan = planOf(store, { oids: everything(store), ofsDelta: true });
    gitSync(["index-pack", "--stdin"], {
      cwd: target,
      input: packBytes(plan, SHA1, kernels, seeded(6)),
    });
    gitSync(["cat-file", "-e", child.oid], { cwd: target });
  });

  it("break off a large entry before its last byte", () => {
    const data = seeded(4).bytes(3 << 20);
    const large = { oid: idOf(BLOB, data), type: BLOB, data };
    const made = damage(makePack([large]), 0);
    const store = open(made);
    const plan = planOf(store, { oids: [large.oid], ofsDelta: true });
    const bytes = plan.open(kernels.hash(SHA1));
    const into = new Uint8Array(64 * 1024);
    let given = 0;
    assert.throws(() => {
      for (;;) given += bytes.read(into);
    }, corrupt(large.oid));
    assert.ok(given < made.pack.length - 20, `${given}`);
    assert.ok(given > 2 << 20, `${given}`);
  });

  it("are refused where a header lies", () => {
    const cases: Record<string, MadeEntry[]> = {
      "a size too small": [{ ...FIRST, size: BASE.length - 1 }],
      "a size too large": [{ ...FIRST, size: BASE.length + 1 }],
      "type 0": [{ ...FIRST, type: 0 }],
      "type 5": [{ ...FIRST, type: 5 }],
      "a distance before the pack": [{ ...child, distance: 5000 }],
      "a distance into nothing": [FIRST, { ...child, distance: 3 }],
      "a distance of nothing": [FIRST, { ...child, distance: 0 }],
      "a delta for another base": [FIRST, {
        ...child,
        data: appendingDelta(BASE.length + 5, 65),
      }],
      "an absent base": [{ ...child, type: REF_DELTA, base: child.oid }],
    };
    for (const [label, entries] of Object.entries(cases)) {
      const victim = (entries.at(-1) as MadeEntry).oid;
      const store = open(makePack(entries));
      assert.throws(() => read(store, victim), corrupt(victim), label);
      // A store where the kind is asked for first ends the same way, or knows.
      const other = open(makePack(entries));
      try {
        assert.equal(other.kind(other.find(victim)), BLOB);
      } catch (error) {
        assert.equal((error as { code: string }).code, "corrupt-object", label);
      }
    }
  });

  it("are refused where deltas go round in a circle", () => {
    const a = appending(BASE, 1, {});
    const b = appending(BASE, 2, {});
    const circle = [
      { ...a, type: REF_DELTA, base: b.oid },
      { ...b, type: REF_DELTA, base: a.oid },
    ];
    for (const oid of [a.oid, b.oid]) {
      const store = open(makePack(circle));
      assert.throws(() => read(store, oid), corrupt(oid));
      const other = open(makePack(circle));
      assert.throws(() => other.kind(other.find(oid)), corrupt(oid));
      const third = open(makePack(circle));
      assert.throws(
        () => {
          const plan = planOf(third, { oids: [a.oid, b.oid], ofsDelta: true });
          packBytes(plan, SHA1, kernels, seeded(1));
        },
        { code: "corrupt-object" },
      );
    }
  });

  it("do not send deltas of two packs that are based on each other", () => {
    const next = longer(BASE, 65);
    const forth = appending(BASE, 65, { base: FIRST.oid });
    // The first pack has the child as a delta, the last both whole.
    const back: MadeEntry = {
      oid: FIRST.oid,
      type: REF_DELTA,
      base: child.oid,
      data: Uint8Array.from([next.length, BASE.length, 0x90, BASE.length]),
    };
    const last = makePack([FIRST, { oid: child.oid, type: BLOB, data: next }]);
    const store = open(makePack([forth]), makePack([back]), last);
    assert.deepEqual(read(store, child.oid), next);
    assert.deepEqual(read(store, FIRST.oid), BASE);
    const target = emptyRepository(temporaryDirectory("mutual"), "sha1");
    for (
      const fresh of [store, open(makePack([forth]), makePack([back]), last)]
    ) {
      const plan = planOf(fresh, { oids: everything(fresh), ofsDelta: true });
      gitSync(["index-pack", "--stdin"], {
        cwd: target,
        input: packBytes(plan, SHA1, kernels, seeded(5)),
      });
    }
  });

  it("are not believed to hold a blob where a tree was, and not used again", () => {
    const data = new Uint8Array(0);
    const oid = idOf(TREE, data);
    const made = makePack([FIRST, { oid, type: TREE, data }]);
    const pack = made.pack.slice();
    const at = made.offsets[1] as number;
    // One bit of its header.
    pack[at] = (pack[at] as number) ^ ((BLOB ^ TREE) << 4);
    const other = makePack([{ oid, type: TREE, data }]);
    const store = open({ ...made, pack }, other);
    const request = { oids: [oid, FIRST.oid], ofsDelta: true };
    const send = () =>
      packBytes(planOf(store, request), SHA1, kernels, seeded(7));
    assert.equal(store.kind(store.find(oid)), BLOB);
    assert.throws(send, corrupt(oid));
    const target = emptyRepository(temporaryDirectory("heal"), "sha1");
    gitSync(["index-pack", "--stdin"], { cwd: target, input: send() });
    gitSync(["cat-file", "tree", oid], { cwd: target });
  });

  it("may have chains of thousands of deltas", () => {
    const entries = [FIRST];
    let content: Uint8Array = BASE;
    for (let i = 0; i < 3000; i++) {
      entries.push(appending(content, i & 255, { baseIndex: i }));
      content = longer(content, i & 255);
    }
    const made = makePack(entries);
    const last = (entries.at(-1) as MadeEntry).oid;
    assert.deepEqual(read(open(made), last), content);
    const store = open(made);
    assert.equal(store.kind(store.find(last)), BLOB);
  });

  it("refuse to read what is larger than the limit", () => {
    const store = openObjectStore(arrayPorts([whole]), SHA1, kernels, {
      maxObjectBytes: BASE.length,
    });
    assert.deepEqual(read(store, FIRST.oid), BASE);
    assert.throws(() => read(store, child.oid), {
      code: "object-too-large",
      message: `Cannot read object ${child.oid}: it is too large`,
    });
    const plan = planOf(store, { oids: everything(store), ofsDelta: true });
    assert.equal(plan.reused, 2);
  });
});

describe("A loose object under the name of another", () => {
  it("is not sent", () => {
    const store = openObjectStore(
      {
        packs: { scan: () => ({ stamp: "", packs: [] }) },
        loose: {
          scan: () => ({ stamp: "1", oids: [FIRST.oid] }),
          read: () => kernels.deflate(fromUtf8("blob 6\0other\n")),
        },
      },
      SHA1,
      kernels,
    );
    const plan = planOf(store, { oids: [FIRST.oid], ofsDelta: true });
    assert.throws(
      () => packBytes(plan, SHA1, kernels, seeded(8)),
      corrupt(FIRST.oid),
    );
  });
});
