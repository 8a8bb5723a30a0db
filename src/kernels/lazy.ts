/**
 * Kernels that are chosen when they are needed. Choosing compiles the wasm
 * module and checks it, which takes longer than listing the refs of a small
 * repository does: until the work adds up it is done in plain TypeScript.
 *
 * @module
 */

import { NATIVE } from "./native/kernels.ts";
import { inflate, inflatePrefix } from "./reference/inflate.ts";
import { arrangeIndex } from "./reference/pack_index.ts";
import type { Kernels, RefLines } from "./types.ts";

/** A pack index of more entries is worth the choosing. */
const SMALL_INDEX = 2048;
/** A file of refs of more bytes is. */
const SMALL_REFS_BYTES = 64 * 1024;
/** Bytes that are inflated before the choosing. */
const SPARE_BYTES = 16 * 1024;
/** What one more stream costs beside its bytes. */
const STREAM_BYTES = 128;

/**
 * The kernels that `choose` gives. It is called at most once, by the call with
 * which the work comes to more than a little.
 */
export function lazyKernels(choose: () => Kernels): Kernels {
  return new LazyKernels(choose);
}

class LazyKernels implements Kernels {
  readonly #choose: () => Kernels;
  #chosen: Kernels | undefined;
  #spare = SPARE_BYTES;

  constructor(choose: () => Kernels) {
    this.#choose = choose;
  }

  get label(): string {
    return this.#kernels.label;
  }

  get packWalker(): Exclude<Kernels["packWalker"], undefined> {
    return this.#kernels.packWalker as Exclude<
      Kernels["packWalker"],
      undefined
    >;
  }

  get packScanner(): Exclude<Kernels["packScanner"], undefined> {
    return this.#kernels.packScanner as Exclude<
      Kernels["packScanner"],
      undefined
    >;
  }

  get familyMaker(): Exclude<Kernels["familyMaker"], undefined> {
    return this.#kernels.familyMaker as Exclude<
      Kernels["familyMaker"],
      undefined
    >;
  }

  readonly refLines: RefLines = {
    index: (bytes, start, hexLength) =>
      this.#chosen === undefined && bytes.length <= SMALL_REFS_BYTES
        ? undefined
        : this.#kernels.refLines?.index(bytes, start, hexLength),
    // Asked only for what `index` has taken: there they are.
    encode: (run, hexLength, form) =>
      (this.#kernels.refLines as RefLines).encode(run, hexLength, form),
  };

  readonly arrangeIndex: Kernels["arrangeIndex"] = (columns) =>
    this.#chosen === undefined && columns.positions.length <= SMALL_INDEX
      ? arrangeIndex(columns)
      : this.#kernels.arrangeIndex(columns);

  readonly inflate: Kernels["inflate"] = (input, at, size) =>
    this.#isSmall(size)
      ? inflate(input, at, size)
      : this.#kernels.inflate(input, at, size);

  readonly inflatePrefix: Kernels["inflatePrefix"] = (input, at, size) =>
    this.#isSmall(size)
      ? inflatePrefix(input, at, size)
      : this.#kernels.inflatePrefix(input, at, size);

  readonly inflateStream: Kernels["inflateStream"] = () =>
    this.#kernels.inflateStream();

  readonly hash: Kernels["hash"] = (format) => NATIVE.hash(format);

  readonly deflate: Kernels["deflate"] = (data) => this.#kernels.deflate(data);

  readonly crc32: Kernels["crc32"] = (bytes, seed) =>
    this.#kernels.crc32(bytes, seed);

  readonly countGoodCrcs: Kernels["countGoodCrcs"] = (...args) =>
    this.#kernels.countGoodCrcs(...args);

  readonly objectHash: Kernels["objectHash"] = (format) =>
    this.#kernels.objectHash(format);

  readonly applyDelta: Kernels["applyDelta"] = (base, delta, limit) =>
    this.#kernels.applyDelta(base, delta, limit);

  readonly createDelta: Kernels["createDelta"] = (base, target, limit) =>
    this.#kernels.createDelta(base, target, limit);

  get #kernels(): Kernels {
    return this.#chosen ??= this.#choose();
  }

  /** Whether so many bytes more are still little; takes note of them. */
  #isSmall(bytes: number): boolean {
    if (this.#chosen !== undefined) return false;
    this.#spare -= bytes + STREAM_BYTES;
    return this.#spare >= 0;
  }
}
