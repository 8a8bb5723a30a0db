/**
 * Side-band framing for bulk data: a ring of packets whose payloads are filled
 * in place, so that pack bytes are not copied to be framed.
 *
 * @see https://git-scm.com/docs/protocol-capabilities#_side_band_side_band_64k
 * @module
 */

import { LARGE_PACKET_MAX, writeLength } from "./packet.ts";

/** Payload bytes of one packet with the capability `side-band`. */
export const SIDE_BAND_MAX = 995;
/** Payload bytes of one packet with the capability `side-band-64k`. */
export const SIDE_BAND_64K_MAX: number = LARGE_PACKET_MAX - 5;

/** Fills bytes from a source: see {@linkcode SideBandFrames.fill}. */
export type FillBytes = (into: Uint8Array) => number;

/**
 * Several side-band packets side by side, sent in one write: four packets of
 * 64 KiB per write nearly double the rate of one.
 */
export class SideBandFrames {
  #buffer: Uint8Array<ArrayBuffer>;
  #payload: number;
  #slots: number;

  /** Room for `slots` packets of up to `payload` bytes each. */
  constructor(payload: number, slots: number) {
    this.#payload = payload;
    this.#slots = slots;
    this.#buffer = new Uint8Array((payload + 5) * slots);
  }

  /**
   * Fills packets of `band` from `source`, which writes into the array it is
   * given and returns the count: less than the array's length only at its
   * end. Returns the packets and whether the source has ended. The bytes stay
   * valid until the next call.
   */
  fill(
    band: 1 | 2 | 3,
    source: FillBytes,
  ): { readonly frames: Uint8Array; readonly ended: boolean } {
    let at = 0;
    for (let slot = 0; slot < this.#slots; slot++) {
      const start = at + 5;
      const count = source(
        this.#buffer.subarray(start, start + this.#payload),
      );
      if (count > 0) {
        writeLength(this.#buffer, at, count + 5);
        this.#buffer[at + 4] = band;
        at = start + count;
      }
      if (count < this.#payload) {
        return { frames: this.#buffer.subarray(0, at), ended: true };
      }
    }
    return { frames: this.#buffer.subarray(0, at), ended: false };
  }
}
