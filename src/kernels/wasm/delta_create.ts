/**
 * Deltas made in wasm, in an instance of its own that is made with the first.
 *
 * @module
 */

import { DELTA_BYTES_MIN } from "../reference/delta.ts";
import type { Kernels } from "../types.ts";
import { growTo, type WasmExports, type WasmFactory } from "./instance.ts";

/** Larger contents are rare, and left to the other kernels. */
const MAX_BYTES = 16 * 1024 * 1024;
/** An instance that grew beyond this is let go after use. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Behind base and target, where the module may read. */
const SLACK_BYTES = 16;
const BLOCK_BYTES = 16;

/** `Kernels.createDelta` in wasm; what is too large is done as `rest` does. */
export function wasmCreateDelta(
  factory: WasmFactory,
  rest: Kernels,
): Kernels["createDelta"] {
  let kept: WasmExports | undefined;
  return (base, target, limit) => {
    if (base.length > MAX_BYTES || target.length > MAX_BYTES) {
      return rest.createDelta(base, target, limit);
    }
    const wasm = kept ?? factory.make();
    const blocks = Math.floor(base.length / BLOCK_BYTES);
    const bits = Math.max(4, 33 - Math.clz32(blocks));
    // No more than if all were inserted.
    const most = target.length + (target.length >> 6) + 32;
    const room = Math.max(0, Math.min(limit, most));
    const first = aligned(wasm.heapStart());
    const next = first + (4 << bits);
    const baseAt = aligned(next + 4 * (blocks + 1));
    const targetAt = aligned(baseAt + base.length + SLACK_BYTES);
    const output = aligned(targetAt + target.length + SLACK_BYTES);
    growTo(wasm, output + room);
    const memory = new Uint8Array(wasm.memory.buffer);
    memory.set(base, baseAt);
    memory.set(target, targetAt);
    wasm.indexBase(baseAt, base.length, first, bits, next);
    const size = wasm.createDelta(
      ...[baseAt, base.length, targetAt, target.length] as const,
      ...[first, bits, next, output, room] as const,
    );
    kept = memory.length <= KEPT_BYTES ? wasm : undefined;
    return size < DELTA_BYTES_MIN
      ? undefined
      : memory.slice(output, output + size);
  };
}

function aligned(address: number): number {
  return (address + 15) & ~15;
}
