/**
 * Bytes as the core handles them: hex, binary strings, comparison, joining.
 * Not a general toolbox: only what more than one room needs.
 *
 * A *binary string* holds one byte per character (code units 0 to 255), as
 * ref names, paths and config values are kept, since none need be UTF-8.
 *
 * @module
 */

const HEX: string[] = [];
// By indexes: what is called so often, a closure or an iterator, is compiled
// at every start.
for (let value = 0; value < 256; value++) {
  HEX.push(
    "0123456789abcdef"[value >>> 4] as string +
      "0123456789abcdef"[value & 15],
  );
}

/** An array that nothing is stored in. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** The lower-case hex text of `bytes[start, end)`. */
export function toHex(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): string {
  let text = "";
  for (let i = start; i < end; i++) text += HEX[bytes[i] as number];
  return text;
}

/** The four lower-case hex digits of a number below 2^16. */
export function hexOf16(value: number): string {
  return (HEX[value >>> 8] as string) + (HEX[value & 255] as string);
}

/** The value of one ASCII hex digit, of either case; -1 for anything else. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * The bytes that hex text of even length stands for, or `undefined` where it
 * is not hex.
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 2 !== 0) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = hexDigit(text.charCodeAt(2 * i));
    const low = hexDigit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/** The bytes of a binary string; a code unit above 255 loses its high bits. */
export function fromBinary(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The binary string of `bytes[start, end)`. */
export function toBinary(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): string {
  if (end - start <= 64) {
    let text = "";
    for (let i = start; i < end; i++) {
      text += String.fromCharCode(bytes[i] as number);
    }
    return text;
  }
  const parts: string[] = [];
  for (let i = start; i < end; i += 8192) {
    const part = bytes.subarray(i, Math.min(end, i + 8192));
    // Not spread, which asks an iterator for each byte: 7 times as slow.
    parts.push(
      String.fromCharCode.apply(null, part as unknown as number[]),
    );
  }
  return parts.join("");
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The text with its ASCII letters made small. */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** The UTF-8 bytes of `text`. */
export function fromUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function toUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A binary string of the UTF-8 bytes of `text`: "é" becomes "\xc3\xa9". */
export function utf8ToBinary(text: string): string {
  return toBinary(fromUtf8(text));
}

/** A text of a binary string's bytes read as UTF-8. */
export function binaryToUtf8(text: string): string {
  return toUtf8(fromBinary(text));
}

/** All of `parts` in one new array. */
export function concatBytes(
  parts: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Below zero, zero or above: the order of `a` and `b` as `memcmp` sees it. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** The unsigned big-endian 32-bit number at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

/** Writes an unsigned big-endian 32-bit number at `at`. */
export function writeUint32(
  bytes: Uint8Array,
  at: number,
  value: number,
): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/**
 * Text that came from outside, made safe for one line of a log or an error
 * message: control bytes and non-ASCII ones become `\xNN`, and what is longer
 * than `limit` characters is cut.
 */
export function printable(text: string, limit = 200): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}...` : text;
  // deno-lint-ignore no-control-regex
  return cut.replace(/[\x00-\x1f\x7f-\uffff]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 256
      ? `\\x${HEX[code]}`
      : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The bytes as words, without the last few; none where they do not align. */
export function wordsOf(
  { buffer, byteOffset, length }: Uint8Array,
): Int32Array {
  const isAligned = byteOffset % 4 === 0;
  return new Int32Array(
    buffer,
    isAligned ? byteOffset : 0,
    isAligned ? length >>> 2 : 0,
  );
}
