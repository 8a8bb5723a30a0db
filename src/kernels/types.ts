/**
 * The hot loops as values: every implementation of one of these functions is
 * held to `reference/` by one contract suite, and is passed on in contexts,
 * never looked up in a global.
 *
 * @module
 */

import { GitsrvError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";

/**
 * A kernel refused its input. Codes: "truncated" (more input could help),
 * "corrupt", "too-long" (the output would exceed the size that was said),
 * "too-short" (the output is smaller than was said).
 */
export class KernelError extends GitsrvError {
  override readonly name = "KernelError";
}

/** What inflating one zlib stream gave. */
export interface Inflated {
  /** The output: exactly the size that was asked for; the caller owns it. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** How many input bytes the stream took, its checksum included. */
  readonly consumed: number;
}

/** A running hash. */
export interface Hash {
  /** Hashes more bytes; they are not kept. */
  update(bytes: Uint8Array): void;
  /** The raw digest, 20 or 32 bytes; the hash takes no more after this. */
  digest(): Uint8Array<ArrayBuffer>;
}

/** The kernels of part 1; all synchronous, none keeps what it was given. */
export interface Kernels {
  /** Which implementation this is, for logs and benches. */
  readonly label: string;
  /**
   * Inflates the zlib stream that starts at `input[at]` and whose output must
   * be exactly `size` bytes; input after the stream is left alone (packs have
   * no lengths before their streams). Throws a KernelError; never writes or
   * allocates more than `size` plus a constant.
   *
   * @see https://www.rfc-editor.org/rfc/rfc1950
   */
  inflate(input: Uint8Array, at: number, size: number): Inflated;
  /**
   * Inflates at most `size` bytes of output and stops: for object headers in
   * loose objects, whose size is inside. A shorter stream gives less output.
   */
  inflatePrefix(input: Uint8Array, at: number, size: number): Uint8Array;
  /** One zlib stream of `data`. */
  deflate(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** CRC-32 (ISO-HDLC) of `bytes`, going on from `seed` (0 at first). */
  crc32(bytes: Uint8Array, seed?: number): number;
  /** Starts a hash of the format: SHA-1 or SHA-256. */
  hash(format: ObjectFormat): Hash;
  /**
   * Applies a git delta: returns the result, a new array. Throws KernelError
   * "corrupt" unless the sizes in the delta are those of `base` and of the
   * result, and every copy lies in the base; "too-long" if the result would
   * exceed `limit` bytes, before anything is allocated.
   *
   * @see https://git-scm.com/docs/gitformat-pack#_deltified_representation
   */
  applyDelta(
    base: Uint8Array,
    delta: Uint8Array,
    limit: number,
  ): Uint8Array<ArrayBuffer>;
}
