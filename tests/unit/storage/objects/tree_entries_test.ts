/** What changed between trees, found in their bytes. @module */

import assert from "node:assert/strict";
import { toHex } from "../../../../src/core/bytes.ts";
import { type Oid, SHA1, SHA256 } from "../../../../src/core/oid.ts";
import {
  encodeTree,
  parseTree,
  type TreeEntry,
} from "../../../../src/object/tree.ts";
import { newEntries } from "../../../../src/storage/objects/tree_entries.ts";
import { type Random, seeded } from "../../../support/random.ts";
import { describe, it } from "../../../support/test.ts";

const SEED = 20_261_127;
const MODES = [0o100644, 0o100755, 0o120000, 0o040000, 0o160000];
// Some of them differ in what a directory's slash is compared with.
const NAMES = ["a", "a.c", "a0", "a-b", "ab", "b", "b.", "b/".slice(0, 1)];

function entry(random: Random, rawLength: number): TreeEntry {
  const name = random.pick(NAMES) + (random.int(2) === 0 ? random.int(30) : "");
  const oid = toHex(random.bytes(rawLength)) as Oid;
  return { mode: random.pick(MODES), name, oid };
}

function unique(entries: readonly TreeEntry[]): TreeEntry[] {
  return [...new Map(entries.map((each) => [each.name, each])).values()];
}

function keyOf({ mode, name, oid }: TreeEntry): string {
  return `${mode} ${name} ${oid}`;
}

describe("Trees as bytes", () => {
  for (const format of [SHA1, SHA256]) {
    const { rawLength } = format;

    it(`tell the entries that another has not, ${format.name}`, () => {
      for (let round = 0; round < 400; round++) {
        const random = seeded(SEED + round);
        const old = unique(
          Array.from(
            { length: random.int(30) },
            () => entry(random, rawLength),
          ),
        );
        const kept = old.filter(() => random.int(5) > 0);
        const added = Array.from(
          { length: random.int(6) },
          () => entry(random, rawLength),
        );
        const now = unique([...kept, ...added]);
        const tree = encodeTree(now);
        const told: string[] = [];
        const other = encodeTree(old);
        const nameIn = (bytes: Uint8Array, oidAt: number): string => {
          const start = bytes.lastIndexOf(0x20, oidAt - 2) + 1;
          return String.fromCharCode(...bytes.subarray(start, oidAt - 1));
        };
        newEntries(tree, other, rawLength, (mode, oidAt, otherOidAt) => {
          const name = nameIn(tree, oidAt);
          const oid = toHex(tree.subarray(oidAt, oidAt + rawLength)) as Oid;
          told.push(keyOf({ mode, name, oid }));
          const isTree = mode === 0o040000;
          const like = old.find((each) =>
            each.name === name && (each.mode === 0o040000) === isTree
          );
          if (otherOidAt < 0) assert.equal(like, undefined);
          else assert.equal(nameIn(other, otherOidAt), name);
        });
        const before = new Set(old.map(keyOf));
        const expected = parseTree(tree, format).map(keyOf)
          .filter((key) => !before.has(key));
        assert.deepEqual(told, expected, `seed ${SEED + round}`);
      }
    });

    it(`end where they are malformed, ${format.name}`, () => {
      for (let round = 0; round < 500; round++) {
        const random = seeded(SEED + round);
        const tree = encodeTree(unique(
          Array.from({ length: 12 }, () => entry(random, rawLength)),
        ));
        const other = tree.slice(0, random.int(tree.length + 1));
        for (let i = random.int(9); i > 0 && other.length > 0; i--) {
          other[random.int(other.length)] = random.pick([0, 0x20, 0x61]);
        }
        for (const [one, two] of [[tree, other], [other, tree]] as const) {
          newEntries(one, two, rawLength, (_mode, oidAt, otherAt) => {
            assert.ok(oidAt + rawLength <= one.length);
            assert.ok(otherAt < 0 || otherAt + rawLength <= two.length);
          });
        }
      }
    });
  }
});
