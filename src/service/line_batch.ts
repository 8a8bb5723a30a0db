/**
 * Many short packets of text, framed as one string and encoded at once: a
 * third of the cost of one by one, which counts for 100,000 refs.
 *
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import { LARGE_PACKET_DATA_MAX } from "../pktline/packet.ts";
import type { PacketWriter } from "../pktline/writer.ts";
import type { Pacer } from "./pacer.ts";

const BATCH_LENGTH = 32 * 1024;
/** Lines between two looks at the clock. */
const LINES_PER_LOOK = 256;

const LENGTHS: readonly string[] = Array.from(
  { length: 1024 },
  (_, n) => hex(n),
);
const encoder = new TextEncoder();

function hex(length: number): string {
  return length.toString(16).padStart(4, "0");
}

/** Gathers lines for a writer. */
export class LineBatch {
  #writer: PacketWriter;
  #pacer: Pacer;
  #text = "";
  #lines = 0;

  /** Lines for `writer`, at the pace of `pacer`. */
  constructor(writer: PacketWriter, pacer: Pacer) {
    this.#writer = writer;
    this.#pacer = pacer;
  }

  /** Whether it is time for {@linkcode LineBatch.relieve}. */
  get full(): boolean {
    return this.#text.length >= BATCH_LENGTH ||
      (this.#lines & (LINES_PER_LOOK - 1)) === 0 && this.#pacer.due;
  }

  /**
   * Adds a packet with the binary string `line`. Throws a RangeError for more
   * than {@linkcode LARGE_PACKET_DATA_MAX} bytes.
   */
  add(line: string): void {
    if (line.length > LARGE_PACKET_DATA_MAX) {
      throw new RangeError(`Cannot send packet: ${line.length} bytes`);
    }
    const length = line.length + 4;
    this.#text += (LENGTHS[length] ?? hex(length)) + line;
    this.#lines++;
  }

  /** Counts a line that is left out: many of them take their time as well. */
  pass(): void {
    this.#lines++;
  }

  /** Sends what was gathered if it is much, and lets others be served. */
  async relieve(): Promise<void> {
    this.flush();
    await this.#writer.relieve();
    if (this.#pacer.due) await this.#pacer.turn();
  }

  /** Hands everything to the writer. */
  flush(): void {
    if (this.#text === "") return;
    this.#writer.putRaw(encode(this.#text));
    this.#text = "";
  }
}

/** The bytes of a binary string, by the fast way where it is ASCII. */
function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  const { read, written } = encoder.encodeInto(text, bytes);
  const isAscii = read === text.length && written === text.length;
  return isAscii ? bytes : fromBinary(text);
}
