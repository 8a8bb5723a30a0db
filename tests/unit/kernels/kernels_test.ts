/** Every set of kernels against the contract. @module */

import assert from "node:assert/strict";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import { REFERENCE } from "../../../src/kernels/reference/kernels.ts";
import { selectKernels, selfCheck } from "../../../src/kernels/select.ts";
import { wasmKernels } from "../../../src/kernels/wasm/kernels.ts";
import { createDeltaContract } from "../../contract/delta_create.ts";
import { kernelsContract } from "../../contract/kernels.ts";
import { test } from "../../support/test.ts";

kernelsContract(REFERENCE);
kernelsContract(NATIVE);
kernelsContract(wasmKernels(NATIVE));
// The walker inflates objects of any size with the same module.
kernelsContract({
  ...wasmKernels(NATIVE, 512 * 1024),
  label: "wasm for objects of any size",
});

const ALL = [REFERENCE, NATIVE, wasmKernels(NATIVE)];
for (const kernels of ALL) {
  // What the native ones have of these is the reference's.
  if (kernels !== NATIVE) createDeltaContract(kernels, ALL);
}

test("selectKernels picks the wasm kernels where they work", () => {
  assert.equal(selectKernels().label, "wasm");
});

test("selfCheck finds kernels that give wrong bytes", () => {
  for (
    const broken of [
      { ...NATIVE, deflate: () => new Uint8Array(3) },
      { ...NATIVE, crc32: () => 7 },
      { ...NATIVE, hash: () => REFERENCE.hash({ ...SHAPE, name: "sha256" }) },
    ]
  ) {
    assert.notEqual(selfCheck(broken), undefined);
  }
  assert.equal(selfCheck(REFERENCE), undefined);
});

const SHAPE = {
  rawLength: 32,
  hexLength: 64,
  version: 2,
  zero: "" as never,
} as const;
