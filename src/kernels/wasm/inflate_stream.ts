/**
 * Inflate in pieces in wasm, over an instance of its own: the tables of a
 * stream under way stay in the module.
 *
 * @module
 */

import { type InflateStep, type InflateStream, KernelError } from "../types.ts";
import { growTo, type WasmFactory } from "./instance.ts";

const INPUT_BYTES = 64 * 1024;
const OUTPUT_BYTES = 128 * 1024;
/** As far as copies reach back. */
const WINDOW_BYTES = 32 * 1024;
// Room behind input and output that the module may touch: inflate.ts.
const SLACK_BYTES = 64;

// The statuses of assembly/inflate.ts.
const OK = 0;
const TRUNCATED = 1;
const TOO_LONG = 3;

/** Makes an inflater: see `Kernels.inflateStream`. It takes 320 KiB. */
export function wasmInflateStream(factory: WasmFactory): InflateStream {
  const wasm = factory.make();
  const base = (wasm.heapStart() + 63) & ~63;
  const window = base + INPUT_BYTES + SLACK_BYTES;
  const outputEnd = window + WINDOW_BYTES + OUTPUT_BYTES;
  growTo(wasm, outputEnd + SLACK_BYTES);
  const memory = new Uint8Array(wasm.memory.buffer);
  /** Where the next byte of output goes. */
  let from = window;
  wasm.startStream();
  return {
    restart(): void {
      from = window;
      wasm.startStream();
    },
    step(input, at, end, room): InflateStep {
      if (from > window + WINDOW_BYTES) {
        memory.copyWithin(window, from - WINDOW_BYTES, from);
        from = window + WINDOW_BYTES;
      }
      const length = Math.min(end - at, INPUT_BYTES);
      memory.set(input.subarray(at, at + length), base);
      const status = wasm.continueStream(
        base,
        base + length,
        window,
        from,
        Math.min(outputEnd, from + room),
      );
      if (status !== OK && status !== TRUNCATED && status !== TOO_LONG) {
        throw new KernelError("corrupt", "invalid zlib stream");
      }
      const consumed = wasm.inputEnd() - base;
      const output = memory.subarray(from, wasm.outputEnd());
      from += output.length;
      if (status === OK) return { consumed, output, state: "end" };
      // What it was not shown is there still.
      const isShort = status === TRUNCATED && length === end - at;
      return { consumed, output, state: isShort ? "input" : "output" };
    },
  };
}
