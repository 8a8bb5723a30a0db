/**
 * The wasm pack walker: lays out its memory, hands over batches and reads
 * their results.
 *
 * @module
 */

import type { PackWalker, PackWalkerInit } from "../types.ts";
import { growTo, type WasmExports, type WasmFactory } from "./instance.ts";
import { WalkerIds } from "./walker_ids.ts";

// The sizes of assembly/walker.ts.
const WINDOW_BYTES = 256 * 1024 + 64 * 1024 + 64;
const SCRATCH_BYTES = 8 * 1024 * 1024 + 4096;
const SEGMENT_BYTES = 16;
const WINDOW_KEY_BYTES = 16;

const MAX_WINDOWS = 24;
/** Each half of the cache of resolved objects. */
const HALF_BYTES = 16 * 1024 * 1024;
/** Trees per call, and room for what one call gives: at most 1 MiB. */
const BATCH = 1024;
const OUT_NUMBERS = 256 * 1024;
/** Headers per call. */
const HEADERS = 65_536;

/**
 * Makes a walker. Beside a copy of the ids and their table it takes at most
 * 65 MiB, less where the packs are small or hold no large trees.
 */
export function wasmPackWalker(
  factory: WasmFactory,
  init: PackWalkerInit,
): PackWalker {
  const { packs } = init;
  const slots = packs.at(-1)?.end ?? 0;
  let bytes = 0;
  for (const pack of packs) bytes += pack.dataEnd;
  const windows = Math.min(MAX_WINDOWS, Math.ceil(bytes / 262_144) + 1);

  const wasm: WasmExports = factory.make((segment, position, into, length) =>
    packs[segment]?.read(memory.subarray(into, into + length), position) ?? 0
  );
  let end = wasm.heapStart();
  const place = (length: number): number => {
    const at = (end + 63) & ~63;
    end = at + length;
    return at;
  };
  const ids = new WalkerIds(init, place);
  const offsets = place(slots * 8);
  const cached = place(slots * 4);
  const seenWords = (slots >>> 5) + 1;
  const seenAt = place(seenWords * 4);
  const segments = place(packs.length * SEGMENT_BYTES);
  const windowKeys = place(windows * WINDOW_KEY_BYTES);
  const trees = place(BATCH * 4);
  const out = place(OUT_NUMBERS * 4);
  const scratch = place(SCRATCH_BYTES);
  const largeEntry = place(SCRATCH_BYTES);
  const windowsAt = place(windows * WINDOW_BYTES);
  const halves = place(HALF_BYTES * 2 + 4096);
  growTo(wasm, end);
  // Made after the one growth, which would detach it.
  const memory = new Uint8Array(wasm.memory.buffer);
  const numbers = new Int32Array(wasm.memory.buffer);
  const floats = new Float64Array(wasm.memory.buffer);
  ids.write(wasm);
  packs.forEach((pack, i) => {
    numbers[(segments + i * SEGMENT_BYTES) / 4] = pack.start;
    numbers[(segments + i * SEGMENT_BYTES) / 4 + 1] = pack.end;
    floats[(segments + i * SEGMENT_BYTES) / 8 + 1] = pack.dataEnd;
    floats.set(pack.offsets, offsets / 8 + pack.start);
  });
  wasm.configure(
    init.rawLength,
    slots,
    offsets,
    cached,
    segments,
    packs.length,
    windowsAt,
    windowKeys,
    windows,
    halves,
    HALF_BYTES,
    scratch,
    largeEntry,
  );

  return {
    expandTrees(batch, seen, take): number {
      for (let start = 0; start < batch.length;) {
        const part = batch.subarray(start, start + BATCH);
        numbers.set(part, trees / 4);
        // Bases are entries of packs: numbers beyond those do not matter.
        const words = Math.min(seen.length, seenWords);
        numbers.set(seen.subarray(0, words), seenAt / 4);
        const done = wasm.expandTrees(
          trees,
          part.length,
          seenAt,
          words,
          out,
          OUT_NUMBERS,
        );
        let at = out / 4;
        for (let i = 0; i < done; i++) {
          const count = numbers[at] as number;
          const base = (numbers[at + 1] as number) - 1;
          at += 2;
          if (count < 0) {
            take(start + i, undefined, -1);
          } else {
            take(start + i, numbers.subarray(at, at + count), base);
            at += count;
          }
        }
        start += done;
      }
      return wasm.takeWork();
    },
    commitsFrom(slot, most, take): number {
      const count = wasm.commitsFrom(slot, most, out, OUT_NUMBERS);
      let at = out / 4;
      for (let i = 0; i < count; i++) {
        const low = (numbers[at + 1] as number) >>> 0;
        const high = (numbers[at + 2] as number) >>> 0;
        const parents = at + 4 + (numbers[at + 3] as number);
        take(
          slot + i,
          numbers[at] as number,
          high * 2 ** 32 + low,
          numbers.subarray(at + 4, parents),
        );
        at = parents;
      }
      return count;
    },
    headersFrom(slot, most, take): number {
      const types = out + HEADERS * 4;
      const asked = Math.min(most, HEADERS);
      const count = wasm.headersFrom(slot, asked, types, out);
      take(
        memory.subarray(types, types + count),
        numbers.subarray(out / 4, out / 4 + count),
      );
      return count;
    },
  };
}
