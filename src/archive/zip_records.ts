/**
 * The little-endian records of zip archives, and the times in them.
 *
 * @module
 */

/** Bytes that are written one field after the other. */
export class LittleEndian {
  /** The bytes: zero where nothing was written yet. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  /** Room for `length` bytes. */
  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  /** One byte. */
  u8(value: number): this {
    this.bytes[this.#at++] = value;
    return this;
  }

  /** Two bytes; what is more of `value` is cut. */
  u16(value: number): this {
    return this.u8(value).u8(value >>> 8);
  }

  /** Four bytes; what is more of `value` is cut. */
  u32(value: number): this {
    return this.u16(value >>> 0).u16(value >>> 16);
  }

  /** Eight bytes of an integer that a number holds. */
  u64(value: number): this {
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  /** A binary string. */
  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i));
    return this;
  }
}

/** A time as DOS has it, in this machine's time zone. */
export interface DosTime {
  /** Year since 1980, month and day. */
  readonly date: number;
  /** Hour, minute, and every other second. */
  readonly time: number;
}

/** archive-zip.c: dos_time. Years before 1980 wrap around, as there. */
export function dosTime(seconds: number): DosTime {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return { date: 0, time: 0 };
  const date = at.getDate() + (at.getMonth() + 1) * 32 +
    (at.getFullYear() - 1980) * 512;
  const time = Math.floor(at.getSeconds() / 2) + at.getMinutes() * 32 +
    at.getHours() * 2048;
  return { date: date & 0xffff, time: time & 0xffff };
}
