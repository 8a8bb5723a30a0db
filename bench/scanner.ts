/**
 * An incremental pkt-line scanner that copies as little as it can: side-band
 * packets are handed on piece by piece out of the read buffer, text packets
 * whole. It is the bench's own, so that a fault in the product's codec cannot
 * hide in both ends. No I/O.
 *
 * @see https://git-scm.com/docs/protocol-common
 * @module
 */

/** What the scanner tells; ranges are valid during the call alone. */
export interface PacketSink {
  /** One whole packet with its payload in `buffer[start, end)`. */
  packet(buffer: Uint8Array, start: number, end: number): void;
  /** A part of the payload of a side-band packet, without its band byte. */
  piece(band: number, buffer: Uint8Array, start: number, end: number): void;
  /** A packet without payload: 0 flush, 1 delimiter, 2 response end. */
  special(kind: 0 | 1 | 2): void;
}

const MAX_PACKET = 65520;

/** Scans pkt-lines however the bytes are split. */
export class PacketScanner {
  /** True while packets are side-band ones; the sink may switch it. */
  sideband = false;
  readonly #sink: PacketSink;
  readonly #held = new Uint8Array(MAX_PACKET);
  #heldLength = 0;
  /** Bytes of the current packet still to come; -1 before its length. */
  #missing = -1;
  #band = 0;
  #lengthDigits = 0;
  #length = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @throws {RangeError} when a length is not one that a packet can have
   */
  push(buffer: Uint8Array, end: number = buffer.length): void {
    let at = 0;
    while (at < end) {
      if (this.#missing < 0) {
        at = this.#readLength(buffer, at, end);
      } else if (this.sideband) {
        at = this.#readSideband(buffer, at, end);
      } else {
        at = this.#readText(buffer, at, end);
      }
    }
  }

  #readLength(buffer: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.#lengthDigits < 4) {
      const digit = hexDigit(buffer[at] as number);
      if (digit < 0) {
        throw new RangeError(
          `Cannot read a packet length: byte ${buffer[at]} in it`,
        );
      }
      this.#length = this.#length * 16 + digit;
      this.#lengthDigits++;
      at++;
    }
    if (this.#lengthDigits < 4) return at;
    const length = this.#length;
    this.#lengthDigits = 0;
    this.#length = 0;
    if (length <= 2) this.#sink.special(length as 0 | 1 | 2);
    else if (length === 3 || length > MAX_PACKET) {
      throw new RangeError(`Cannot read a packet: length ${length}`);
    } else if (length === 4) this.#sink.packet(buffer, at, at);
    else {
      this.#missing = length - 4;
      this.#band = 0;
    }
    return at;
  }

  #readSideband(buffer: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#band === 0) {
      this.#band = buffer[at++] as number;
      this.#missing--;
    }
    const take = Math.min(this.#missing, end - at);
    if (take > 0) this.#sink.piece(this.#band, buffer, at, at + take);
    this.#missing -= take;
    if (this.#missing === 0) this.#missing = -1;
    return at + take;
  }

  #readText(buffer: Uint8Array, start: number, end: number): number {
    const take = Math.min(this.#missing, end - start);
    const whole = take === this.#missing;
    // Armed before the call: the sink may switch to side-band inside it.
    this.#missing = whole ? -1 : this.#missing - take;
    if (whole && this.#heldLength === 0) {
      this.#sink.packet(buffer, start, start + take);
      return start + take;
    }
    this.#held.set(buffer.subarray(start, start + take), this.#heldLength);
    this.#heldLength += take;
    if (whole) {
      const length = this.#heldLength;
      this.#heldLength = 0;
      this.#sink.packet(this.#held, 0, length);
    }
    return start + take;
  }
}

/** Frames one text line, as git does, with its newline. */
export function packetLine(text: string): string {
  const length = new TextEncoder().encode(text).length + 5;
  return `${length.toString(16).padStart(4, "0")}${text}\n`;
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  if (byte >= 97 && byte <= 102) return byte - 87;
  if (byte >= 65 && byte <= 70) return byte - 55;
  return -1;
}
