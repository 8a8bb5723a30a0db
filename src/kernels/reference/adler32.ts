/**
 * The checksum that ends a zlib stream.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1950#section-9
 * @module
 */

/** Adler-32 of `bytes`. */
export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  // 3800 additions stay below 2^31: 3800 * 3801 / 2 * 255 + 65521 * 3800.
  for (let start = 0; start < bytes.length; start += 3800) {
    const end = Math.min(bytes.length, start + 3800);
    for (let i = start; i < end; i++) {
      low += bytes[i] as number;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}
