/**
 * The wasm side of resolving deltas: lays out its memory, hands over batches
 * and reads what they came to.
 *
 * @module
 */

import type { FamilyMaker, FamilyNode, MadeObjects } from "../types.ts";
import { growTo, type WasmExports, type WasmFactory } from "./instance.ts";
import { writeAttackTables } from "./sha1dc.ts";

// The sizes of assembly/resolve.ts.
const NODE_BYTES = 16;
const RESULT_BYTES = 12;
const JOB_BYTES = 16;
const DIGEST_BYTES = 20;
const SLACK_BYTES = 64;

const MAX_NODES = 8192;
const MAX_RESULTS = 2048;
/** Compressed bytes of a batch, what is read between its entries included. */
const INPUT_BYTES = 4 * 1024 * 1024;
/** Larger deltas are left out. */
const SCRATCH_BYTES = 8 * 1024 * 1024;
/** Contents at levels, and those that were made. */
const ARENA_BYTES = 72 * 1024 * 1024;
/** What a step makes, but for its last object. */
const STEP_BYTES = 2 * 1024 * 1024;

/**
 * Makes a maker with an instance of its own. Of its 85 MiB it touches what the
 * objects take that it meets.
 */
export function wasmFamilyMaker(factory: WasmFactory): FamilyMaker {
  const wasm: WasmExports = factory.make();
  let end = wasm.heapStart();
  const place = (length: number): number => {
    const at = (end + 63) & ~63;
    end = at + length;
    return at;
  };
  const nodes = place(MAX_NODES * NODE_BYTES);
  const results = place(MAX_RESULTS * RESULT_BYTES);
  const jobs = place(MAX_RESULTS * JOB_BYTES);
  const digests = place(MAX_RESULTS * DIGEST_BYTES);
  const input = place(INPUT_BYTES + SLACK_BYTES);
  const scratch = place(SCRATCH_BYTES + SLACK_BYTES);
  const arena = place(ARENA_BYTES + SLACK_BYTES);
  growTo(wasm, end);
  // Made after the last growth, which would detach them.
  const memory = new Uint8Array(wasm.memory.buffer);
  const words = new Uint32Array(wasm.memory.buffer);
  writeAttackTables(wasm);
  wasm.configureNodes(
    arena,
    ARENA_BYTES,
    scratch,
    SCRATCH_BYTES,
    results,
    MAX_RESULTS,
    jobs,
    digests,
    STEP_BYTES,
  );

  const wordOf = (at: number, field: number): number =>
    words[results / 4 + at * (RESULT_BYTES / 4) + field] as number;
  let made = { count: 0, isAttacked: false };
  const view: MadeObjects = {
    get count() {
      return made.count;
    },
    get isAttacked() {
      return made.isAttacked;
    },
    nodeOf: (at) => wordOf(at, 0),
    sizeOf: (at) => wordOf(at, 1) === 0 ? -1 : wordOf(at, 2),
    contentOf(at) {
      const start = wordOf(at, 1);
      return memory.subarray(start, start + wordOf(at, 2));
    },
    copyId(at, into, position) {
      const start = digests + at * DIGEST_BYTES;
      into.set(memory.subarray(start, start + DIGEST_BYTES), position);
    },
  };
  let next = 0;
  let count = 0;

  return {
    input: memory.subarray(input, input + INPUT_BYTES),
    maxNodes: MAX_NODES,
    setNode(index: number, node: FamilyNode): void {
      const at = (nodes + index * NODE_BYTES) / 4;
      words[at] = 0;
      words[at + 2] = node.size;
      words[at + 3] = node.base | (node.level << 8) | (node.after << 16) |
        (node.kind << 24);
    },
    place(index, start, stop): void {
      const at = (nodes + index * NODE_BYTES) / 4;
      words[at] = input + start;
      words[at + 1] = input + stop;
    },
    begin(nodeCount): void {
      next = 0;
      count = nodeCount;
    },
    run(mode, maxObjectBytes, take): boolean {
      if (next >= count) return false;
      const most = Math.min(maxObjectBytes, ARENA_BYTES);
      next = wasm.runNodes(nodes, next, count, most);
      made = {
        count: wasm.nodeResults(),
        isAttacked: mode === "hash" && wasm.hashResults(nodes) !== 0,
      };
      take(view);
      return true;
    },
    end: () => wasm.endNodes(),
  };
}
