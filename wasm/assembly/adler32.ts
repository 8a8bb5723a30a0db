/** Adler-32: RFC 1950, section 9. */

/** Adler-32 of `length` bytes at `from`. */
export function adler32(from: usize, length: usize): u32 {
  return addAdler32(1, from, length);
}

/** The Adler-32 `sum`, 1 at first, with `length` bytes more. */
export function addAdler32(sum: u32, from: usize, length: usize): u32 {
  let low: u32 = sum & 0xffff;
  let high: u32 = sum >> 16;
  let at = from;
  let left = length;
  while (left > 0) {
    // zlib's NMAX: the most bytes before a 32-bit sum could overflow.
    let block: usize = left < 5552 ? left : 5552;
    left -= block;
    while (block >= 8) {
      const word = load<u64>(at);
      low += <u32> (word & 255);
      high += low;
      low += <u32> (word >> 8) & 255;
      high += low;
      low += <u32> (word >> 16) & 255;
      high += low;
      low += <u32> (word >> 24) & 255;
      high += low;
      low += <u32> (word >> 32) & 255;
      high += low;
      low += <u32> (word >> 40) & 255;
      high += low;
      low += <u32> (word >> 48) & 255;
      high += low;
      low += <u32> (word >> 56);
      high += low;
      at += 8;
      block -= 8;
    }
    while (block > 0) {
      low += <u32> load<u8>(at++);
      high += low;
      block--;
    }
    low %= 65521;
    high %= 65521;
  }
  return (high << 16) | low;
}
