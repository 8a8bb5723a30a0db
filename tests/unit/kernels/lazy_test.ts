import assert from "node:assert/strict";
import { lazyKernels } from "../../../src/kernels/lazy.ts";
import { NATIVE } from "../../../src/kernels/native/kernels.ts";
import { wasmKernels } from "../../../src/kernels/wasm/kernels.ts";
import { SHA1 } from "../../../src/core/oid.ts";
import { seeded } from "../../support/random.ts";
import { describe, it } from "../../support/test.ts";

function counted() {
  const counter = { choices: 0 };
  const kernels = lazyKernels(() => {
    counter.choices++;
    return wasmKernels(NATIVE);
  });
  return { kernels, counter };
}

describe("lazy kernels", () => {
  it("inflate and hash a little without choosing", () => {
    const { kernels, counter } = counted();
    const text = new TextEncoder().encode("tag of something\n");
    const stream = NATIVE.deflate(text);
    assert.deepEqual(
      kernels.inflate(stream, 0, text.length),
      NATIVE.inflate(stream, 0, text.length),
    );
    assert.deepEqual(kernels.inflatePrefix(stream, 0, 6), text.subarray(0, 6));
    const hash = kernels.hash(SHA1);
    hash.update(text);
    const other = NATIVE.hash(SHA1);
    other.update(text);
    assert.deepEqual(hash.digest(), other.digest());
    assert.equal(kernels.refLines?.index(text, 0, 40), undefined);
    assert.equal(counter.choices, 0);
  });

  it("choose once when it adds up, with the same results", () => {
    const { kernels, counter } = counted();
    const random = seeded(1);
    for (let i = 0; i < 200; i++) {
      const bytes = random.bytes(random.int(400));
      const stream = NATIVE.deflate(bytes);
      const { data, consumed } = kernels.inflate(stream, 0, bytes.length);
      assert.deepEqual(data, bytes);
      assert.equal(consumed, stream.length);
    }
    assert.equal(counter.choices, 1);
    assert.equal(kernels.label, "wasm");
    assert.ok(kernels.packWalker !== undefined);
    assert.equal(counter.choices, 1);
  });
});
