/**
 * Kernels compiled from `wasm/assembly`: an inflater that takes about half the
 * time of the runtimes' own for objects of a few kilobytes, and a SHA-1 that
 * detects collisions. What it does not do better is left to the native kernels.
 *
 * @module
 */

import { type Inflated, KernelError, type Kernels } from "../types.ts";
import { wasmCreateDelta } from "./delta_create.ts";
import { growTo, WasmFactory } from "./instance.ts";
import { wasmRefLines } from "./ref_lines.ts";
import { wasmArrangeIndex } from "./pack_index.ts";
import { sha1dcMaker } from "./sha1dc.ts";
import { wasmPackWalker } from "./walker.ts";

// Larger objects are inflated natively, which gains with size.
const MAX_OUTPUT_BYTES = 512 * 1024;
const INPUT_BYTES = 640 * 1024;
// What is hashed at once: it stays in the processor's cache.
const HASHED_BYTES = 64 * 1024;
// Room behind input and output that the module may touch: inflate.ts.
const SLACK_BYTES = 64;

// The statuses of assembly/inflate.ts.
const OK = 0;
const FAULTS: readonly (readonly [code: string, message: string])[] = [
  ["", ""],
  ["truncated", "unexpected end of file"],
  ["corrupt", "invalid zlib stream"],
  ["too-long", "inflates to more bytes than was said"],
  ["too-short", "inflates to fewer bytes than was said"],
];

/**
 * Kernels that inflate in wasm, and hash objects there where that detects
 * collisions, and do the rest as `rest` does. Compiles the
 * module, which takes about a millisecond, and takes 1.3 MiB.
 */
export function wasmKernels(rest: Kernels): Kernels {
  const factory = new WasmFactory();
  const wasm = factory.make();
  const base = (wasm.heapStart() + 15) & ~15;
  const output = base + INPUT_BYTES + SLACK_BYTES;
  const end = output + MAX_OUTPUT_BYTES + SLACK_BYTES;
  growTo(wasm, end);
  // Made after the last growth, which would detach it.
  const memory = new Uint8Array(wasm.memory.buffer);
  const sha1dc = sha1dcMaker(wasm, { memory, at: base, length: HASHED_BYTES });

  /** Inflates to `output`; the status, and how much of the input was taken. */
  const run = (
    input: Uint8Array,
    at: number,
    size: number,
    extent: "whole" | "prefix",
  ): { readonly status: number; readonly length: number } => {
    // A stream that expands its content is rare, and taken again by `rest`.
    const most = Math.min(INPUT_BYTES, size + (size >>> 3) + 1024);
    const length = Math.min(input.length - at, most);
    memory.set(
      length === input.length ? input : input.subarray(at, at + length),
      base,
    );
    const status = wasm.inflate(
      base,
      base + length,
      output,
      output + size,
      extent === "whole" ? 1 : 0,
    );
    return { status, length };
  };

  return {
    ...rest,
    label: "wasm",
    refLines: wasmRefLines(wasm, memory, {
      input: base,
      inputBytes: INPUT_BYTES,
      output,
      outputBytes: MAX_OUTPUT_BYTES,
    }),
    arrangeIndex: (columns) =>
      wasmArrangeIndex(factory, { wasm, start: base, end }, columns),
    applyDelta(source, delta, limit): Uint8Array<ArrayBuffer> {
      const deltaAt = output - SLACK_BYTES - delta.length;
      const sourceEnd = base + source.length + SLACK_BYTES;
      if (sourceEnd > deltaAt) return rest.applyDelta(source, delta, limit);
      memory.set(source, base);
      memory.set(delta, deltaAt);
      const deltaEnd = deltaAt + delta.length;
      const size = Number(wasm.resultSize(deltaAt, deltaEnd, source.length));
      const end = output + size;
      if (
        size < 0 || size > Math.min(limit, MAX_OUTPUT_BYTES) ||
        wasm.applyDelta(base, source.length, deltaEnd, output, end) === 0
      ) {
        // The rare ones, and every error.
        return rest.applyDelta(source, delta, limit);
      }
      return memory.slice(output, end);
    },
    createDelta: wasmCreateDelta(factory, rest),
    objectHash: (format) =>
      format.name === "sha1" ? sha1dc() : rest.objectHash(format),
    packWalker: (init) => wasmPackWalker(factory, init),
    inflate(input, at, size): Inflated {
      if (size > MAX_OUTPUT_BYTES) return rest.inflate(input, at, size);
      const { status, length } = run(input, at, size, "whole");
      if (status === OK) {
        return {
          data: memory.slice(output, output + size),
          consumed: wasm.inputEnd() - base,
        };
      }
      const [code, message] = FAULTS[status] as readonly [string, string];
      if (code === "truncated" && at + length < input.length) {
        return rest.inflate(input, at, size);
      }
      throw new KernelError(code, message);
    },
    inflatePrefix(input, at, size): Uint8Array {
      if (size > MAX_OUTPUT_BYTES) return rest.inflatePrefix(input, at, size);
      const { status } = run(input, at, size, "prefix");
      if (status === OK) return memory.slice(output, wasm.outputEnd());
      return rest.inflatePrefix(input, at, size);
    },
  };
}
