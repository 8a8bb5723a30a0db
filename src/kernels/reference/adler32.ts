/**
 * The checksum that ends a zlib stream.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1950#section-9
 * @module
 */

/** Adler-32 of `bytes`. */
export function adler32(bytes: Uint8Array): number {
  return addAdler32(1, bytes);
}

/** The Adler-32 `sum` (1 at first) with `bytes` more. */
export function addAdler32(sum: number, bytes: Uint8Array): number {
  let low = sum & 0xffff;
  let high = sum >>> 16;
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
