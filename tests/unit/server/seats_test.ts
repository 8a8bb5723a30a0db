import assert from "node:assert/strict";
import { Seats } from "../../../src/server/seats.ts";
import { describe, it } from "../../support/test.ts";

describe("places of a server", () => {
  it("are so many, and free once they are left, each once", () => {
    const seats = new Seats(2);
    const [first, second] = [seats.take(), seats.take()];
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(seats.take(), undefined);
    first();
    first();
    assert.equal(seats.taken, 1);
    assert.ok(seats.take() !== undefined);
    assert.equal(seats.take(), undefined);
  });

  it("are without number where the limit is 0", () => {
    const seats = new Seats(0);
    for (let i = 0; i < 100; i++) assert.ok(seats.take() !== undefined);
    assert.equal(seats.taken, 100);
  });
});
