import assert from "node:assert/strict";
import { countBits, ObjectSet } from "../../../src/core/object_set.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

function setOf(numbers: Iterable<number>): ObjectSet {
  const set = new ObjectSet(1);
  for (const number of numbers) set.add(number);
  return set;
}

function sorted(numbers: Iterable<number>): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

describe("ObjectSet", () => {
  it("takes bits in at any distance (seed 71)", () => {
    const random = seeded(71);
    for (let turn = 0; turn < 2000; turn++) {
      const where = `seed ${random.seed} turn ${turn}`;
      const words = Uint32Array.from(
        { length: random.int(6) },
        () => random.pick([0, 0xffffffff, random.int(2 ** 32)]),
      );
      const from = random.int(70);
      const count = random.int(150);
      const first = random.int(200);
      const before = Array.from(
        { length: random.int(9) },
        () => random.int(400),
      );
      const expected = [...before];
      for (let i = 0; i < count; i++) {
        const word = words[(from + i) >>> 5] ?? 0;
        if ((word >>> ((from + i) & 31)) % 2 === 1) expected.push(first + i);
      }
      const set = setOf(before);
      set.addBits(words, from, count, first);
      assert.deepEqual([...set], sorted(expected), where);
      assert.equal(set.size, new Set(expected).size, where);
    }
  });

  it("joins and takes out other sets (seed 72)", () => {
    const random = seeded(72);
    for (let turn = 0; turn < 500; turn++) {
      const where = `seed ${random.seed} turn ${turn}`;
      const [a = [], b = []] = [0, 1].map(() =>
        Array.from(
          { length: random.int(40) },
          () => random.int(random.pick([40, 2000])),
        )
      );
      const both = setOf(a);
      both.addAll(setOf(b));
      assert.deepEqual([...both], sorted([...a, ...b]), where);
      assert.equal(both.size, [...both].length, where);
      const rest = setOf(a);
      rest.deleteAll(setOf(b));
      const left = a.filter((number) => !b.includes(number));
      assert.deepEqual([...rest], sorted(left), where);
      assert.equal(rest.size, [...rest].length, where);
    }
  });

  it("counts bits", () => {
    for (const [word, bits] of [[0, 0], [-1, 32], [1 << 31, 1], [0x55, 4]]) {
      assert.equal(countBits(word as number), bits);
    }
  });
});
