/**
 * The wasm pack walker: lays out its memory, hands over batches and reads
 * their results.
 *
 * @module
 */

import type { FamilyWalk, PackWalker, PackWalkerInit } from "../types.ts";
import { growTo, type WasmExports, type WasmFactory } from "./instance.ts";
import { WalkerIds } from "./walker_ids.ts";

// The sizes of assembly/walker.ts.
const WINDOW_BYTES = 256 * 1024 + 64 * 1024 + 64;
const SCRATCH_BYTES = 8 * 1024 * 1024 + 4096;
const SEGMENT_BYTES = 16;
const WINDOW_KEY_BYTES = 16;

const MAX_WINDOWS = 32;
/** Each half of the cache of resolved objects. */
const HALF_BYTES = 16 * 1024 * 1024;
/** Trees per call, and room for what one call gives: at most 1 MiB. */
const BATCH = 1024;
const OUT_NUMBERS = 256 * 1024;
/** Headers per call. */
const HEADERS = 65_536;
/** Room for the bases that a walk through a family comes down by. */
const ARENA_BYTES = 32 * 1024 * 1024;

/**
 * Makes a walker. Beside a copy of the ids and their table it takes at most
 * 68 MiB, less where the packs are small or hold no large trees; a walk
 * through families takes 8 bytes for each entry more, and up to 32 MiB, of
 * which it touches what the longest chain takes.
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
  // Growth detaches them.
  let memory = new Uint8Array(wasm.memory.buffer);
  let numbers = new Int32Array(wasm.memory.buffer);
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

  let families: FamilyWalk | undefined;
  const makeFamilies = (): FamilyWalk => {
    const firsts = place(slots * 4);
    const nexts = place(slots * 4);
    const arena = place(ARENA_BYTES + 4096);
    growTo(wasm, end);
    memory = new Uint8Array(wasm.memory.buffer);
    numbers = new Int32Array(wasm.memory.buffer);
    wasm.configureFamilies(firsts, nexts, arena, ARENA_BYTES);
    return {
      firsts: numbers.subarray(firsts / 4, firsts / 4 + slots),
      nexts: numbers.subarray(nexts / 4, nexts / 4 + slots),
      step(roots, take) {
        const part = roots.subarray(0, BATCH);
        numbers.set(part, trees / 4);
        const at = out / 4;
        const length = wasm.walkFamilies(
          trees,
          part.length,
          out,
          OUT_NUMBERS,
        );
        take(numbers.subarray(at, at + length));
        return {
          roots: wasm.familyRootsDone(),
          bytes: wasm.familyBytes(),
          isInFamily: wasm.isInFamily() !== 0,
        };
      },
    };
  };

  return {
    families(): FamilyWalk {
      families ??= makeFamilies();
      families.firsts.fill(0);
      families.nexts.fill(0);
      wasm.endFamilies();
      return families;
    },
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
