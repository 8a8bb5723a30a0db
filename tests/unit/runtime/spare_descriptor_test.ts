import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { SpareDescriptor } from "../../../src/runtime/spare_descriptor.ts";
import { test } from "../../support/test.ts";

test("a spare descriptor is held until it is released, and taken again", () => {
  const spare = new SpareDescriptor();
  assert.ok(spare.isFree());
  const next = openSync("/dev/null", "r");
  closeSync(next);
  spare.release();
  spare.release();
  const lowest = openSync("/dev/null", "r");
  assert.ok(lowest < next, "the descriptor was not given away");
  closeSync(lowest);
  assert.ok(spare.isFree());
  spare.release();
});
