/**
 * The wasm kernel for lines of `packed-refs`: the windows in which a file
 * passes through its memory.
 *
 * @module
 */

import { MAX_RUN_BYTES, type PeeledForm, type RefLines } from "../types.ts";
import type { WasmExports } from "./instance.ts";

/** Where the kernel may work; it touches 64 bytes behind each part too. */
export interface RefLinesRoom {
  /** The address of the part for input. */
  readonly input: number;
  /** Its length. */
  readonly inputBytes: number;
  /** The address of the part for output, divisible by 4. */
  readonly output: number;
  /** Its length. */
  readonly outputBytes: number;
}

// Small enough that code which was compiled meanwhile is taken up soon.
const WINDOW_BYTES = 128 * 1024;

/** The numbers that assembly/refs.ts has for these. */
const FORMS: Readonly<Record<PeeledForm, number>> = {
  none: 0,
  attribute: 1,
  packet: 2,
};

/** The kernel in `memory`, all of which it may use between calls. */
export function wasmRefLines(
  wasm: WasmExports,
  memory: Uint8Array,
  room: RefLinesRoom,
): RefLines {
  const { input, output } = room;
  const window = Math.min(WINDOW_BYTES, room.inputBytes);
  const most = Math.min(room.outputBytes, 4 * WINDOW_BYTES) >>> 2;
  const numbers = new Int32Array(memory.buffer, output, most);
  // An id is less than a third of its record.
  const idsAt = input + MAX_RUN_BYTES + 64;
  return {
    index(bytes, start, hexLength) {
      let starts = new Int32Array(((bytes.length - start) >>> 6) + 16);
      let count = 0;
      for (let at = start; at < bytes.length;) {
        const length = Math.min(window, bytes.length - at);
        memory.set(bytes.subarray(at, at + length), input);
        const isLast = at + length === bytes.length;
        const found = wasm.indexRefs(
          input,
          input + length,
          isLast ? 1 : 0,
          hexLength,
          at,
          output,
          most,
        );
        // The last record is looked at again, for its order with the next.
        const again = at === start ? 0 : 1;
        if (found <= again) return undefined;
        const end = count + found - again;
        if (end > starts.length) {
          const wider = new Int32Array(Math.max(end, starts.length * 2));
          wider.set(starts.subarray(0, count));
          starts = wider;
        }
        starts.set(numbers.subarray(again, found), count);
        count = end;
        const next = at + wasm.refsInputEnd() - input;
        at = next === bytes.length ? next : starts[count - 1] as number;
      }
      return starts.slice(0, count);
    },

    encode(run, hexLength, form) {
      if (run.length > MAX_RUN_BYTES) {
        throw new RangeError(`Cannot encode ${run.length} bytes of refs`);
      }
      memory.set(run, input);
      const count = wasm.encodeRefs(
        input,
        input + run.length,
        hexLength,
        FORMS[form],
        output,
        idsAt,
      );
      return {
        packets: memory.subarray(output, wasm.refsOutputEnd()),
        ids: memory.subarray(idsAt, idsAt + count * (hexLength >>> 1)),
      };
    },
  };
}
