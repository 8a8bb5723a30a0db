/**
 * Where an archive's bytes go: into side-band packets, as they are or
 * compressed on the way.
 *
 * @module
 */

import { writeLength } from "../../pktline/packet.ts";
import { SIDE_BAND_64K_MAX } from "../../pktline/side_band.ts";
import type { PacketWriter } from "../../pktline/writer.ts";

/** Takes bytes. What it is given may be overwritten once it has returned. */
export interface ArchiveSink {
  /** Takes bytes; where it returns a promise, nothing may come before it. */
  put(bytes: Uint8Array): Promise<void> | undefined;
  /** Sends what is left. */
  end(): Promise<void>;
  /** Lets go of everything after a failure. Never throws. */
  abandon(): void;
}

/** Four packets to a write, as for packs. */
const SLOTS = 4;
const SLOT_BYTES = SIDE_BAND_64K_MAX + 5;

/** Packets of band 1. */
export class BandSink implements ArchiveSink {
  readonly #writer: PacketWriter;
  readonly #buffer = new Uint8Array(SLOT_BYTES * SLOTS);
  /** Where the next byte goes; behind a packet's head where one begins. */
  #at = 5;
  #start = 0;

  /** A sink into `writer`, which may be used beside it. */
  constructor(writer: PacketWriter) {
    this.#writer = writer;
  }

  put(bytes: Uint8Array): Promise<void> | undefined {
    const taken = this.#take(bytes);
    return taken === bytes.length
      ? undefined
      : this.#putRest(bytes.subarray(taken));
  }

  async end(): Promise<void> {
    if (this.#at > this.#start + 5) this.#close();
    if (this.#start > 0) await this.#send();
  }

  abandon(): void {}

  async #putRest(bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      await this.#send();
      rest = rest.subarray(this.#take(rest));
    }
  }

  /** Copies what there is room for; returns how much that was. */
  #take(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this.#start < this.#buffer.length) {
      const room = this.#start + SLOT_BYTES - this.#at;
      const part = bytes.subarray(taken, taken + room);
      this.#buffer.set(part, this.#at);
      this.#at += part.length;
      taken += part.length;
      if (part.length === room) this.#close();
    }
    return taken;
  }

  /** Ends the packet under way. */
  #close(): void {
    writeLength(this.#buffer, this.#start, this.#at - this.#start);
    this.#buffer[this.#start + 4] = 1;
    this.#start = this.#at;
    this.#at += 5;
  }

  async #send(): Promise<void> {
    await this.#writer.sendRaw(this.#buffer.subarray(0, this.#start));
    this.#start = 0;
    this.#at = 5;
  }
}
