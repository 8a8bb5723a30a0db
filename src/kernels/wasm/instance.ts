/**
 * Instances of the wasm module: compiled once for all that are made.
 *
 * @module
 */

import { KernelError } from "../types.ts";
import { WASM_BASE64 } from "./module.ts";

/** The exports of the module; addresses and sizes are in bytes. */
export interface WasmExports {
  readonly memory: WebAssembly.Memory;
  inflate(
    input: number,
    inEnd: number,
    output: number,
    outEnd: number,
    whole: number,
  ): number;
  startStream(): void;
  continueStream(
    input: number,
    inEnd: number,
    window: number,
    from: number,
    outEnd: number,
  ): number;
  configureScan(
    rawLength: number,
    makesIds: number,
    ...addresses: number[]
  ): void;
  scanEntries(
    input: number,
    end: number,
    most: number,
    maxSize: number,
  ): number;
  scanStop(): number;
  indexRefs(
    input: number,
    end: number,
    isLast: number,
    hexLength: number,
    base: number,
    out: number,
    room: number,
  ): number;
  encodeRefs(
    input: number,
    end: number,
    hexLength: number,
    form: number,
    out: number,
    ids: number,
  ): number;
  refsInputEnd(): number;
  refsOutputEnd(): number;
  inputEnd(): number;
  outputEnd(): number;
  configureIds(...addresses: number[]): void;
  configure(...addresses: number[]): void;
  expandTrees(
    trees: number,
    count: number,
    seen: number,
    seenWords: number,
    out: number,
    room: number,
  ): number;
  commitsFrom(slot: number, most: number, out: number, room: number): number;
  headersFrom(slot: number, most: number, types: number, bases: number): number;
  takeWork(): number;
  startIds(): void;
  addIds(
    at: number,
    count: number,
    width: number,
    shift: number,
    fanOut: number,
  ): void;
  endIds(buckets: number, fanOut: number): number;
  readOffsets(
    words: number,
    begin: number,
    end: number,
    large: number,
    largeCount: number,
    hasLarge: number,
    keys: number,
    wide: number,
  ): number;
  keyBits(): number;
  countDigits(
    keys: number,
    begin: number,
    end: number,
    wide: number,
    shift: number,
    mask: number,
    counters: number,
  ): void;
  sumDigits(counters: number, mask: number): void;
  scatter(
    keys: number,
    begin: number,
    end: number,
    wide: number,
    shift: number,
    mask: number,
    counters: number,
    from: number,
    to: number,
  ): void;
  orderKeys(
    keys: number,
    begin: number,
    end: number,
    wide: number,
    positions: number,
    offsets: number,
  ): void;
  invert(positions: number, begin: number, end: number, ranks: number): void;
  resultSize(delta: number, end: number, baseSize: number): bigint;
  applyDelta(
    base: number,
    baseSize: number,
    end: number,
    output: number,
    outEnd: number,
  ): number;
  indexBase(
    base: number,
    size: number,
    first: number,
    bits: number,
    next: number,
  ): void;
  createDelta(
    base: number,
    baseSize: number,
    target: number,
    targetSize: number,
    first: number,
    bits: number,
    next: number,
    output: number,
    limit: number,
  ): number;
  sha1Context(): number;
  sha1ContextBytes(): number;
  sha1Tables(): number;
  sha1Start(): void;
  sha1Update(from: number, length: number): void;
  sha1Finish(out: number): number;
  sha1Attacks(): number;
  configureFamilies(
    firsts: number,
    nexts: number,
    arena: number,
    arenaSize: number,
  ): void;
  endFamilies(): void;
  walkFamilies(roots: number, count: number, out: number, room: number): number;
  familyRootsDone(): number;
  familyBytes(): number;
  isInFamily(): number;
  sha1Many(jobs: number, count: number): void;
  configureNodes(...addresses: number[]): void;
  runNodes(
    nodes: number,
    from: number,
    count: number,
    maxObject: number,
  ): number;
  nodeResults(): number;
  hashResults(nodes: number): number;
  endNodes(): void;
  heapStart(): number;
}

/** Reads bytes of a pack for the module: see assembly/walker.ts. */
export type Fill = (
  segment: number,
  position: number,
  into: number,
  length: number,
) => number;

/** Makes instances of one compiled module. */
export class WasmFactory {
  readonly #module: WebAssembly.Module;

  /** Compiles the module, which takes about a millisecond. */
  constructor() {
    const text = atob(WASM_BASE64.replaceAll("\n", ""));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    this.#module = new WebAssembly.Module(bytes);
  }

  /** A new instance, with memory of its own. */
  make(fill: Fill = () => 0): WasmExports {
    const instance = new WebAssembly.Instance(this.#module, {
      env: {
        fill,
        abort(): never {
          throw new KernelError("corrupt", "wasm kernel aborted");
        },
      },
    });
    return instance.exports as unknown as WasmExports;
  }
}

const PAGE_BYTES = 65_536;

/** Makes the memory of `wasm` reach `end`; views made before are detached. */
export function growTo(wasm: WasmExports, end: number): void {
  const pages = Math.ceil(end / PAGE_BYTES);
  const have = wasm.memory.buffer.byteLength / PAGE_BYTES;
  if (pages > have) wasm.memory.grow(pages - have);
}
