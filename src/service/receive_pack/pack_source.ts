/**
 * The bytes of a push behind its commands: what the packets' reader took in
 * too much, and then the connection's.
 *
 * @module
 */

import type { PackInput } from "../../storage/writes.ts";
import type { Conversation } from "../conversation.ts";

/** What is read and dropped behind a refusal, at most. */
const DRAIN_BYTES = 256 * 1024 * 1024;
const DRAIN_MS = 30_000;
const DRAIN_CHUNK = 256 * 1024;

/** Reads a pack. */
export class PackSource implements PackInput {
  readonly #conversation: Conversation;
  #buffered: Uint8Array | undefined;
  #count = 0;
  #isAtEnd = false;

  /** Reads nothing yet: packets may still be read before the first byte is. */
  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** Bytes that were read. */
  get count(): number {
    return this.#count;
  }

  /** As {@linkcode PackInput.read}. */
  async read(into: Uint8Array): Promise<number> {
    const buffered = this.#buffered ??= this.#conversation.reader
      .takeBuffered();
    let count: number;
    if (buffered.length > 0) {
      count = Math.min(buffered.length, into.length);
      into.set(buffered.subarray(0, count));
      this.#buffered = buffered.subarray(count);
    } else if (this.#isAtEnd) {
      return 0;
    } else {
      const { connection, signal } = this.#conversation.context;
      count = await connection.read(into, signal);
      if (count === 0) this.#isAtEnd = true;
    }
    this.#count += count;
    return count;
  }

  /** The first `length` bytes, which are read again; fewer at the end. */
  async peek(length: number): Promise<Uint8Array> {
    const head = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const count = await this.read(head.subarray(have));
      if (count === 0) break;
      have += count;
    }
    const rest = this.#buffered as Uint8Array;
    const joined = new Uint8Array(have + rest.length);
    joined.set(head.subarray(0, have));
    joined.set(rest, have);
    this.#buffered = joined;
    this.#count -= have;
    return head.subarray(0, have);
  }

  /**
   * Reads on to the end of input and drops it, so that a client which is still
   * sending gets to read our answer. Ends early beyond some bytes and some
   * time; never rejects.
   */
  async drain(): Promise<void> {
    const { signal, clock } = this.#conversation.context;
    const end = clock.monotonic() + DRAIN_MS;
    const waste = new Uint8Array(DRAIN_CHUNK);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DRAIN_MS)]);
    try {
      this.#buffered = new Uint8Array(0);
      for (let total = 0; total < DRAIN_BYTES && !this.#isAtEnd;) {
        if (clock.monotonic() >= end) return;
        const count = await this.#conversation.context.connection.read(
          waste,
          limit,
        );
        if (count === 0) return;
        total += count;
      }
    } catch {
      // Reset, or too slow: the connection is closed next.
    }
  }
}
