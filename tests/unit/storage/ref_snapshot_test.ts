import assert from "node:assert/strict";
import type { Oid } from "../../../src/core/oid.ts";
import type { RefName } from "../../../src/core/ref_name.ts";
import {
  type RawRef,
  resolveSymrefs,
  SortedRefs,
} from "../../../src/storage/ref_snapshot.ts";
import { describe, it } from "../../support/test.ts";

const A = "a".repeat(40) as Oid;
const B = "b".repeat(40) as Oid;

/** Raw refs: a value of 40 characters is an id, another a symref's target. */
function raw(values: Record<string, string>): Map<string, RawRef> {
  return new Map(
    Object.entries(values).map(([name, value]) => [
      name,
      value.length === 40
        ? { oid: value as Oid }
        : { symref: value as RefName },
    ]),
  );
}

describe("resolveSymrefs", () => {
  it("sorts refs by bytes and leaves HEAD out", () => {
    const { head, records } = resolveSymrefs(
      raw({
        "refs/b": A,
        HEAD: A,
        "refs/a/b": A,
        "refs/a-b": B,
        "refs/\xff": B,
      }),
    );
    assert.deepEqual(head, { oid: A });
    assert.deepEqual(
      records.map((record) => record.name),
      ["refs/a-b", "refs/a/b", "refs/b", "refs/\xff"],
    );
  });

  it("follows symrefs to the ref they end at", () => {
    const { head, records } = resolveSymrefs(
      raw({ HEAD: "refs/x", "refs/x": "refs/y", "refs/y": A }),
    );
    assert.deepEqual(head, { target: "refs/y", oid: A });
    assert.deepEqual(records, [
      { name: "refs/x", oid: A, target: "refs/y" },
      { name: "refs/y", oid: A },
    ]);
  });

  it("keeps HEAD unborn, and leaves out other symrefs to nothing", () => {
    const { head, records } = resolveSymrefs(
      raw({ HEAD: "refs/x", "refs/x": "refs/y", "refs/z": B }),
    );
    assert.deepEqual(head, { target: "refs/y" });
    assert.deepEqual(records, [{ name: "refs/z", oid: B }]);
    assert.equal(resolveSymrefs(raw({})).head, undefined);
  });

  it("reads five refs in a chain and not six, as git does", () => {
    const chain = {
      "refs/1": "refs/2",
      "refs/2": "refs/3",
      "refs/3": "refs/4",
    };
    const five = resolveSymrefs(
      raw({ HEAD: "refs/1", ...chain, "refs/4": A }),
    );
    assert.deepEqual(five.head, { target: "refs/4", oid: A });
    const six = resolveSymrefs(
      raw({ HEAD: "refs/1", ...chain, "refs/4": "refs/5", "refs/5": A }),
    );
    assert.equal(six.head, undefined);
    assert.ok(six.records.some((record) => record.name === "refs/1"));
  });

  it("tells of symrefs to missing refs where their chains end", () => {
    const { unborn, records } = resolveSymrefs(
      raw({
        "refs/a": "refs/b",
        "refs/b": "refs/none",
        "refs/c": "refs/d",
        "refs/d": A,
        "refs/x": "refs/y",
        "refs/y": "refs/x",
      }),
    );
    assert.deepEqual([...unborn], [
      ["refs/a", "refs/none"],
      ["refs/b", "refs/none"],
      // A circle ends where it began.
      ["refs/x", "refs/x"],
      ["refs/y", "refs/y"],
    ]);
    assert.equal(records.length, 2);
  });

  it("takes circles for broken", () => {
    const { head, records } = resolveSymrefs(
      raw({ HEAD: "refs/x", "refs/x": "refs/y", "refs/y": "refs/x" }),
    );
    assert.equal(head, undefined);
    assert.deepEqual(records, []);
  });

  it("keeps what the store knows of peeling", () => {
    const { records } = resolveSymrefs(
      new Map<string, RawRef>([
        ["refs/tags/a", { oid: A, peeled: B }],
        ["refs/tags/b", { oid: B, peeled: null }],
        ["refs/tags/c", { symref: "refs/tags/a" as RefName }],
      ]),
    );
    assert.deepEqual(records.map((record) => record.peeled), [B, null, B]);
  });
});

describe("SortedRefs", () => {
  const refs = new SortedRefs({
    id: "1",
    ...resolveSymrefs(
      raw({ "refs/a": A, "refs/a-b": A, "refs/ab": A, "refs/b/c": B }),
    ),
  });
  const names = (prefix: string) =>
    [...refs.list(prefix)].map((record) => record.name);

  it("lists what starts with a prefix", () => {
    assert.equal(refs.size, 4);
    assert.equal(names("").length, 4);
    assert.deepEqual(names("refs/a"), ["refs/a", "refs/a-b", "refs/ab"]);
    assert.deepEqual(names("refs/b/"), ["refs/b/c"]);
    assert.deepEqual(names("refs/c"), []);
    assert.deepEqual(names("refs"), names(""));
    assert.deepEqual(names("zzz"), []);
  });

  it("finds refs by their whole names", () => {
    assert.equal(refs.get("refs/ab" as RefName)?.oid, A);
    assert.equal(refs.get("refs/b" as RefName), undefined);
    assert.equal(refs.get("refs/z" as RefName), undefined);
  });
});
