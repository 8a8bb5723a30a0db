/**
 * The bytes of a pack on their way: read as they come, lent for scanning,
 * hashed and handed on once they were understood.
 *
 * @module
 */

import type { ObjectFormat } from "../../core/oid.ts";
import type { Hash, Kernels } from "../../kernels/types.ts";
import { badPack, earlyEnd, inputTooLarge } from "./faults.ts";
import type { PackInput, PackSink } from "./ports.ts";

const FIRST_BYTES = 64 * 1024;
const MOST_BYTES = 1024 * 1024;

/** How a {@linkcode PackReader} is made. */
export interface PackReaderInit {
  /** Where bytes come from. */
  readonly input: PackInput;
  /** Where they go. */
  readonly sink: PackSink;
  /** The format, whose hash ends the pack. */
  readonly format: ObjectFormat;
  /** Hashes. */
  readonly kernels: Pick<Kernels, "hash">;
  /** Most bytes of the pack; 0: any number. */
  readonly maxBytes: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** Reads a pack; what was not consumed lies between `at` and `end`. */
export class PackReader {
  /** Where input lies. Another, and elsewhere in it, after more was read. */
  buffer: Uint8Array = new Uint8Array(FIRST_BYTES);
  /** The first byte that was not consumed. */
  at = 0;
  /** Where the input that is here ends. */
  end = 0;
  /** Where in the pack `at` is. */
  position = 0;
  readonly #init: PackReaderInit;
  readonly #hash: Hash;
  /** The first byte that was consumed and not handed on. */
  #kept = 0;

  /** A reader at the start of a pack. */
  constructor(init: PackReaderInit) {
    this.#init = init;
    this.#hash = init.kernels.hash(init.format);
  }

  /** Reads at least one byte more; throws at the end of input. */
  async more(): Promise<void> {
    this.#init.signal?.throwIfAborted();
    this.flush();
    if (this.end > this.buffer.length / 2) this.#makeRoom();
    const count = await this.#init.input.read(this.buffer.subarray(this.end));
    if (count === 0) throw earlyEnd();
    this.end += count;
  }

  #makeRoom(): void {
    const { length } = this.buffer;
    const waiting = this.buffer.subarray(this.at, this.end);
    // A buffer that was filled by few reads is worth a larger one.
    if (length < MOST_BYTES) this.buffer = new Uint8Array(length * 2);
    this.buffer.set(waiting);
    this.end = waiting.length;
    this.at = 0;
    this.#kept = 0;
  }

  /** Reads on until `count` bytes, few of them, are here. */
  async need(count: number): Promise<void> {
    while (this.end - this.at < count) await this.more();
  }

  /** Takes bytes for understood. */
  consume(count: number): void {
    this.at += count;
    this.position += count;
    const { maxBytes } = this.#init;
    if (maxBytes > 0 && this.position > maxBytes) {
      throw inputTooLarge(maxBytes);
    }
  }

  /** Hands on what was consumed. */
  flush(): void {
    if (this.#kept === this.at) return;
    const bytes = this.buffer.subarray(this.#kept, this.at);
    this.#hash.update(bytes);
    this.#init.sink.append(bytes);
    this.#kept = this.at;
  }

  /** Reads the pack's trailer, which is not handed on, and compares it. */
  async trailer(): Promise<Uint8Array<ArrayBuffer>> {
    const { rawLength } = this.#init.format;
    this.flush();
    await this.need(rawLength);
    const checksum = this.buffer.slice(this.at, this.at + rawLength);
    const own = this.#hash.digest();
    this.consume(rawLength);
    if (checksum.some((byte, i) => byte !== own[i])) {
      throw badPack("pack is corrupted (SHA1 mismatch)");
    }
    return checksum;
  }
}
