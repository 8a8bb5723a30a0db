/**
 * Makes one block of a reftable: records with shared prefixes and restarts,
 * as git lays them out. Pure: records in, bytes out.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import type { Kernels } from "../../../kernels/types.ts";
import { BLOCK } from "./block.ts";

/** The restart table counts in 16 bits. */
const MAX_RESTARTS = 65_535;

/** What a {@linkcode BlockWriter} is made from. */
export interface BlockWriterInit {
  /** No block is longer; log blocks are so long before they are deflated. */
  readonly blockSize: number;
  /** A record that is spelt in full comes so often. */
  readonly restartInterval: number;
  /** For log blocks. */
  readonly kernels: Pick<Kernels, "deflate">;
}

/** One record. */
export interface BlockRecord {
  /** Its key, a binary string that is not empty. */
  readonly key: string;
  /** The three bits beside the key's length. */
  readonly extra: number;
  /** What follows the key. */
  readonly value: Uint8Array;
}

/** A block under construction, over one buffer that is used again. */
export class BlockWriter {
  readonly #init: BlockWriterInit;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #head = 0;
  #at = 0;
  #restarts: number[] = [];
  #entries = 0;
  #last = "";

  /** Nothing is begun yet. */
  constructor(init: BlockWriterInit) {
    this.#init = init;
    this.#bytes = new Uint8Array(init.blockSize);
  }

  /** How many records there are. */
  get entries(): number {
    return this.#entries;
  }

  /** The last key. */
  get last(): string {
    return this.#last;
  }

  /** Begins a block; `head` bytes before it are the file's header. */
  begin(type: number, head: number): void {
    this.#bytes.fill(0);
    this.#bytes[head] = type;
    this.#head = head;
    this.#at = head + 4;
    this.#restarts = [];
    this.#entries = 0;
    this.#last = "";
  }

  /** Adds a record; false where it does not fit, and nothing has changed. */
  add(record: BlockRecord): boolean {
    const { key, extra, value } = record;
    const isDue = this.#entries % this.#init.restartInterval === 0;
    const shared = isDue ? 0 : sharedLength(this.#last, key);
    const suffix = key.length - shared;
    // As in git, every key that shares nothing is a restart.
    const isRestart = shared === 0 && this.#restarts.length < MAX_RESTARTS;
    const packed = suffix * 8 + extra;
    const size = varintLength(shared) + varintLength(packed) + suffix +
      value.length;
    const restarts = this.#restarts.length + (isRestart ? 1 : 0);
    if (size + 2 + 3 * restarts > this.#init.blockSize - this.#at) return false;
    if (isRestart) this.#restarts.push(this.#at);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#at, shared);
    at = writeVarint(bytes, at, packed);
    for (let i = shared; i < key.length; i++) bytes[at++] = key.charCodeAt(i);
    bytes.set(value, at);
    this.#at = at + value.length;
    this.#last = key;
    this.#entries++;
    return true;
  }

  /**
   * Ends the block and gives its bytes, room for the file's header before
   * them. They stay as they are until the next block begins.
   */
  finish(): Uint8Array {
    const bytes = this.#bytes;
    let at = this.#at;
    for (const restart of this.#restarts) {
      writeUint24(bytes, at, restart);
      at += 3;
    }
    bytes[at++] = this.#restarts.length >> 8;
    bytes[at++] = this.#restarts.length & 255;
    const head = this.#head;
    writeUint24(bytes, head + 1, at);
    if (bytes[head] !== BLOCK.log) return bytes.subarray(0, at);
    const packed = this.#init.kernels.deflate(bytes.subarray(head + 4, at));
    const whole = new Uint8Array(head + 4 + packed.length);
    whole.set(bytes.subarray(0, head + 4));
    whole.set(packed, head + 4);
    return whole;
  }
}

/** How many bytes a varint takes. */
export function varintLength(value: number): number {
  let length = 1;
  let rest = Math.floor(value / 128);
  for (; rest > 0; rest = Math.floor((rest - 1) / 128)) length++;
  return length;
}

/** Writes a varint as `Cursor.varint` reads it; gives where it ends. */
export function writeVarint(
  into: Uint8Array,
  at: number,
  value: number,
): number {
  const end = at + varintLength(value);
  let rest = value;
  let next = end - 1;
  into[next] = rest % 128;
  for (rest = Math.floor(rest / 128); rest > 0;) {
    rest--;
    into[--next] = 0x80 | (rest % 128);
    rest = Math.floor(rest / 128);
  }
  return end;
}

/** Writes a 24-bit number. */
export function writeUint24(
  into: Uint8Array,
  at: number,
  value: number,
): void {
  into[at] = value >> 16;
  into[at + 1] = value >> 8 & 255;
  into[at + 2] = value & 255;
}

function sharedLength(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}
