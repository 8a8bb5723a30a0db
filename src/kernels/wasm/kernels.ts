/**
 * Kernels compiled from `wasm/assembly`: an inflater that takes about half the
 * time of the runtimes' own for objects of a few kilobytes, and a SHA-1 that
 * detects collisions. What it does not do better is left to the native kernels.
 *
 * @module
 */

import {
  type Inflated,
  KernelError,
  type Kernels,
  type PackScanner,
} from "../types.ts";
import { wasmCreateDelta } from "./delta_create.ts";
import { wasmInflateStream } from "./inflate_stream.ts";
import { growTo, WasmFactory } from "./instance.ts";
import { wasmRefLines } from "./ref_lines.ts";
import { wasmArrangeIndex } from "./pack_index.ts";
import { wasmPackScanner } from "./pack_scanner.ts";
import { sha1dcMaker } from "./sha1dc.ts";
import { wasmFamilyMaker } from "./family_maker.ts";
import { wasmPackWalker } from "./walker.ts";

// Measured: at 4 KiB the runtimes' zlib takes 1.2 times as long, at 16 KiB
// four fifths, at 64 KiB two thirds.
const INFLATED_MAX = 8 * 1024;
// What is hashed at once: it stays in the processor's cache.
const HASHED_BYTES = 64 * 1024;
// Input, and output, of what is not inflated.
const ROOM_BYTES = 512 * 1024;
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
 * collisions, and do the rest as `rest` does; objects of more than
 * `inflatedMax` bytes are inflated by `rest`, which gains with size. Compiles
 * the module, which takes about a millisecond.
 */
export function wasmKernels(
  rest: Kernels,
  inflatedMax: number = INFLATED_MAX,
): Kernels {
  const factory = new WasmFactory();
  const wasm = factory.make();
  const base = (wasm.heapStart() + 15) & ~15;
  // A stream that expands its content is rare, and taken again by `rest`.
  const mostInput = (size: number): number => size + (size >>> 3) + 1024;
  const inputRoom = Math.max(ROOM_BYTES, mostInput(inflatedMax));
  const outputRoom = Math.max(ROOM_BYTES, inflatedMax);
  const output = base + inputRoom + SLACK_BYTES;
  const end = output + outputRoom + SLACK_BYTES;
  growTo(wasm, end);
  // Made after the last growth, which would detach it.
  const memory = new Uint8Array(wasm.memory.buffer);
  const sha1dc = sha1dcMaker(wasm, { memory, at: base, length: HASHED_BYTES });

  const scanners = new Map<string, PackScanner>();

  /** Inflates to `output`; the status, and how much of the input was taken. */
  const run = (
    input: Uint8Array,
    at: number,
    size: number,
    extent: "whole" | "prefix",
  ): { readonly status: number; readonly length: number } => {
    const length = Math.min(input.length - at, mostInput(size));
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
      inputBytes: inputRoom,
      output,
      outputBytes: outputRoom,
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
        size < 0 || size > Math.min(limit, outputRoom) ||
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
    inflateStream: () => wasmInflateStream(factory),
    familyMaker: () => wasmFamilyMaker(factory),
    packWalker: (init) => wasmPackWalker(factory, init),
    packScanner(format): PackScanner {
      // It keeps nothing between two calls, so that one does for all packs.
      let scanner = scanners.get(format.name);
      if (scanner === undefined) {
        scanner = wasmPackScanner(factory, rest, format);
        scanners.set(format.name, scanner);
      }
      return scanner;
    },
    inflate(input, at, size): Inflated {
      if (size > inflatedMax) return rest.inflate(input, at, size);
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
      if (size > inflatedMax) return rest.inflatePrefix(input, at, size);
      const { status } = run(input, at, size, "prefix");
      if (status === OK) return memory.slice(output, wasm.outputEnd());
      return rest.inflatePrefix(input, at, size);
    },
  };
}
