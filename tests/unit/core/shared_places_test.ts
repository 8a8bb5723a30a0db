import assert from "node:assert/strict";
import { placeCells, SharedPlaces } from "../../../src/core/shared_places.ts";
import { describe, it } from "../../support/test.ts";

describe("Shared places", () => {
  it("are as many as were made, whoever takes them", () => {
    const cells = placeCells(3);
    const one = new SharedPlaces(cells, 1);
    const two = new SharedPlaces(structuredClone(cells), 2);
    const leave = one.take();
    assert.ok(leave !== undefined);
    assert.ok(one.take() !== undefined && two.take() !== undefined);
    assert.equal(one.take(), undefined);
    assert.equal(two.take(), undefined);
    leave();
    assert.notEqual(two.take(), undefined);
    // Given back already: what another one has there is left alone.
    leave();
    assert.equal(one.take(), undefined);
  });

  it("are given back for one who has ended, and for no other", () => {
    const cells = placeCells(4);
    const one = new SharedPlaces(cells, 1);
    const two = new SharedPlaces(cells, 2);
    for (const each of [one, two, one, two]) assert.ok(each.take());
    one.clear();
    assert.deepEqual([...cells].filter((owner) => owner === 2).length, 2);
    assert.deepEqual([...cells].filter((owner) => owner === 0).length, 2);
  });

  it("may be none", () => {
    assert.equal(new SharedPlaces(placeCells(0), 1).take(), undefined);
  });
});
