/**
 * The wasm scanner of packs that come in: lays out its memory and hands over
 * pieces of a pack.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels, PackScanner, ScannedEntries } from "../types.ts";
import { growTo, type WasmFactory } from "./instance.ts";
import { writeAttackTables } from "./sha1dc.ts";

/** As much of a pack as one call looks at. */
const INPUT_BYTES = 256 * 1024;
/** Entries of one call. */
const ROWS = 4096;
/** Larger objects, and deltas, are the caller's. */
const MAX_SIZE = 512 * 1024;
/** What the whole objects of one call come to. */
const CONTENTS_BYTES = 2 * 1024 * 1024;
// Room behind input and output that the module may touch: inflate.ts.
const SLACK_BYTES = 64;

/** Letters in the names of the kinds: commit, tree, blob, tag. */
const KIND_LENGTHS = [0, 6, 4, 4, 3];

const STOPS = ["other", "input", "full"] as const;

/**
 * Makes a scanner, which takes some 3 MiB. SHA-1 is made in the module, with
 * detection of collisions; the hashes of other formats by `rest`.
 */
export function wasmPackScanner(
  factory: WasmFactory,
  rest: Pick<Kernels, "objectHash">,
  format: ObjectFormat,
): PackScanner {
  const wasm = factory.make();
  const width = format.rawLength;
  const makesIds = format.name === "sha1";
  let end = wasm.heapStart();
  const place = (length: number): number => {
    const at = (end + 63) & ~63;
    end = at + length;
    return at;
  };
  const input = place(INPUT_BYTES + SLACK_BYTES);
  const ends = place(ROWS * 4);
  const heads = place(ROWS);
  const types = place(ROWS);
  const sizes = place(ROWS * 4);
  const distances = place(ROWS * 8);
  const names = place(ROWS * width);
  const contentsAt = place(ROWS * 4);
  const contents = place(CONTENTS_BYTES + SLACK_BYTES);
  growTo(wasm, end);
  if (makesIds) writeAttackTables(wasm);
  wasm.configureScan(
    width,
    makesIds ? 1 : 0,
    ends,
    heads,
    types,
    sizes,
    distances,
    names,
    contentsAt,
    contents,
    contents + CONTENTS_BYTES,
  );
  const buffer = wasm.memory.buffer;
  const memory = new Uint8Array(buffer);
  const columns = {
    ends: new Uint32Array(buffer, ends, ROWS),
    heads: new Uint8Array(buffer, heads, ROWS),
    types: new Uint8Array(buffer, types, ROWS),
    sizes: new Uint32Array(buffer, sizes, ROWS),
    distances: new Float64Array(buffer, distances, ROWS),
    names: new Uint8Array(buffer, names, ROWS * width),
    contentsAt: new Uint32Array(buffer, contentsAt, ROWS),
    contents: memory,
  };

  /** Names the whole objects among the first `count` rows. */
  const hash = (count: number): void => {
    for (let row = 0; row < count; row++) {
      if ((columns.types[row] as number) > 4) continue;
      const at = columns.contentsAt[row] as number;
      const size = columns.sizes[row] as number;
      // Its header lies in front of its content: "blob 123" and a NUL.
      const kind = KIND_LENGTHS[columns.types[row] as number] as number;
      const from = at - kind - `${size}`.length - 2;
      const hash = rest.objectHash(format);
      hash.update(memory.subarray(from, at + size));
      columns.names.set(hash.digest(), row * width);
    }
  };

  return {
    scan(bytes, at, end, most): ScannedEntries {
      const length = Math.min(end - at, INPUT_BYTES);
      memory.set(bytes.subarray(at, at + length), input);
      const count = wasm.scanEntries(
        input,
        input + length,
        Math.min(most, ROWS),
        MAX_SIZE,
      );
      if (!makesIds) hash(count);
      let stop = STOPS[wasm.scanStop()] as ScannedEntries["stop"];
      // What it was not shown is there still.
      if (stop === "input" && length < end - at) {
        stop = count > 0 ? "full" : "other";
      }
      return { count, stop, ...columns };
    },
  };
}
