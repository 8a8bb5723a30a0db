/**
 * Arranging the columns of a pack index in wasm: with code that was never run
 * before, as when a server opens its first repository, a fraction of the time
 * that plain TypeScript takes.
 *
 * @module
 */

import {
  arrangeIndex as plainArrangeIndex,
  outsideTable,
  wildOffset,
} from "../reference/pack_index.ts";
import type { IndexColumns, IndexVerdict } from "../types.ts";
import { growTo, type WasmExports, type WasmFactory } from "./instance.ts";

// The verdicts of assembly/pack_index.ts.
const UNSORTED = 1;
const REPEATED = 2;
const OUTSIDE_TABLE = 1;
const WILD = 2;

/** Ids are checked in pieces of so many bytes, which stay in cache. */
const CHUNK_BYTES = 128 * 1024;
/** Entries that one call of the module goes over. */
const STEP = 16_384;
const MIN_DIGIT_BITS = 8;
const MAX_DIGIT_BITS = 16;

/** Memory that may be used between two calls of anything else. */
export interface Scratch {
  /** The instance. */
  readonly wasm: WasmExports;
  /** Where it begins, a multiple of 16. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** Where things are put. */
interface Places {
  /** Keys by position; in the end ranks by position. */
  readonly keys: number;
  /** Positions in some order; in the end the offsets. */
  readonly first: number;
  /** Positions in some order; also ids, piece by piece. */
  readonly second: number;
  /** Counters of digits. */
  readonly counters: number;
  /** The table of large offsets. */
  readonly large: number;
}

/**
 * As Kernels.arrangeIndex says. What does not fit into `scratch` gets an
 * instance of its own for the time of the call: 12 bytes for each entry, 20
 * and the table where there are large offsets.
 */
export function wasmArrangeIndex(
  factory: WasmFactory,
  scratch: Scratch,
  columns: IndexColumns,
): IndexVerdict {
  const count = columns.positions.length;
  const keyBytes = columns.offsets.BYTES_PER_ELEMENT;
  let end = 0;
  const place = (length: number): number => {
    const at = end;
    end = (end + length + 15) & ~15;
    return at;
  };
  // Beyond that, addresses are no 32-bit words.
  if (count >= 2 ** 26) return plainArrangeIndex(columns);
  const fanOutBytes = columns.fanOut.length * 4;
  const places: Places = {
    keys: place(Math.max(count * keyBytes, fanOutBytes)),
    first: place(count * keyBytes),
    counters: place(4 << digitBits(count)),
    large: place(columns.large?.length ?? 0),
    second: place(Math.max(count * 4, CHUNK_BYTES)),
  };
  let { wasm, start } = scratch;
  if (start + end > scratch.end) {
    wasm = factory.make();
    start = (wasm.heapStart() + 15) & ~15;
    growTo(wasm, start + end);
  }
  const moved: Places = {
    keys: start + places.keys,
    first: start + places.first,
    second: start + places.second,
    counters: start + places.counters,
    large: start + places.large,
  };
  sortOffsets(wasm, columns, moved);
  return fanOutIds(wasm, columns, moved.keys, moved.second);
}

function digitBits(count: number): number {
  const bits = 32 - Math.clz32(count);
  return Math.min(MAX_DIGIT_BITS, Math.max(MIN_DIGIT_BITS, bits));
}

function sortOffsets(
  wasm: WasmExports,
  columns: IndexColumns,
  places: Places,
): void {
  const { words, large, offsets, positions, ranks } = columns;
  const { keys, counters } = places;
  const { buffer } = wasm.memory;
  const count = positions.length;
  const isWide = offsets instanceof Float64Array ? 1 : 0;
  const memory = new Uint8Array(buffer);
  // Narrow keys are made in place.
  const wordsAt = isWide === 1 ? places.second : keys;
  memory.set(words, wordsAt);
  if (large !== undefined) memory.set(large, places.large);
  inSteps(count, (begin, end) => {
    const status = wasm.readOffsets(
      wordsAt,
      begin,
      end,
      places.large,
      (large?.length ?? 0) / 8,
      large === undefined ? 0 : 1,
      keys,
      isWide,
    );
    if (status === OUTSIDE_TABLE) throw outsideTable();
    if (status === WILD) throw wildOffset();
  });
  // At least one pass: it makes the positions.
  const bits = Math.max(1, wasm.keyBits());
  const passes = Math.ceil(bits / digitBits(count));
  const digit = Math.ceil(bits / passes);
  const mask = 2 ** digit - 1;
  let from = 0;
  // So that the last pass ends in `second`.
  let to = passes % 2 === 0 ? places.first : places.second;
  for (let shift = 0; shift < bits; shift += digit) {
    memory.fill(0, counters, counters + 4 * (mask + 1));
    inSteps(count, (begin, end) => {
      wasm.countDigits(keys, begin, end, isWide, shift, mask, counters);
    });
    wasm.sumDigits(counters, mask);
    inSteps(count, (begin, end) => {
      wasm.scatter(
        ...[keys, begin, end, isWide, shift, mask] as const,
        ...[counters, from, to] as const,
      );
    });
    from = to;
    to = from === places.first ? places.second : places.first;
  }
  const { first, second } = places;
  inSteps(count, (begin, end) => {
    wasm.orderKeys(keys, begin, end, isWide, second, first);
  });
  inSteps(count, (begin, end) => wasm.invert(second, begin, end, keys));
  offsets.set(
    isWide === 1
      ? new Float64Array(buffer, first, count)
      : new Uint32Array(buffer, first, count),
  );
  positions.set(new Uint32Array(buffer, second, count));
  ranks.set(new Uint32Array(buffer, keys, count));
}

function inSteps(
  count: number,
  step: (begin: number, end: number) => void,
): void {
  for (let begin = 0; begin < count; begin += STEP) {
    step(begin, Math.min(count, begin + STEP));
  }
}

function fanOutIds(
  wasm: WasmExports,
  columns: IndexColumns,
  fanOutAt: number,
  chunkAt: number,
): IndexVerdict {
  const { rawLength, ids, fanOut } = columns;
  const memory = new Uint8Array(wasm.memory.buffer);
  const buckets = fanOut.length - 1;
  const shift = 32 - Math.log2(buckets);
  const step = Math.floor(CHUNK_BYTES / rawLength) * rawLength;
  const end = columns.positions.length * rawLength;
  wasm.startIds();
  for (let at = 0; at < end; at += step) {
    const length = Math.min(step, end - at);
    memory.set(ids.subarray(at, at + length), chunkAt);
    wasm.addIds(chunkAt, length / rawLength, rawLength, shift, fanOutAt);
  }
  const verdict = wasm.endIds(buckets, fanOutAt);
  fanOut.set(new Uint32Array(wasm.memory.buffer, fanOutAt, fanOut.length));
  return {
    isSorted: (verdict & UNSORTED) === 0,
    hasRepeats: (verdict & REPEATED) !== 0,
  };
}
