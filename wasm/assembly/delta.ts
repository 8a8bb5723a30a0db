/**
 * Applying git's deltas, from memory to memory.
 *
 * Hostile input is expected: nothing outside the base is copied, nothing is
 * written more than 16 bytes beyond the result.
 */

let cursor: usize = 0;
let failed: bool = false;

/** The most copies that are noted, and how each is: result, base, size. */
export const MAX_COPIES: u32 = 4096;
export const COPY_BYTES: usize = 12;

const copies: usize = memory.data(4096 * 12, 16);
let copyCount: u32 = 0;

/** Where the copies of the last delta are noted. */
@inline
export function copiesAt(): usize {
  return copies;
}

/** How many were noted; none where there were more than fit. */
@inline
export function copiesNoted(): u32 {
  return copyCount <= MAX_COPIES ? copyCount : 0;
}

function readSize(end: usize): u64 {
  let size: u64 = 0;
  let shift: u32 = 0;
  while (cursor < end && shift < 56) {
    const byte = <u64> load<u8>(cursor++);
    size |= (byte & 127) << shift;
    if (byte < 128) return size;
    shift += 7;
  }
  failed = true;
  return 0;
}

/** The sizes at the head of a delta: result size, or -1 if it is malformed. */
export function resultSize(delta: usize, end: usize, baseSize: usize): i64 {
  // delta.h: DELTA_SIZE_MIN.
  if (end < delta + 4) return -1;
  cursor = delta;
  failed = false;
  const base = readSize(end);
  const result = readSize(end);
  return failed || base != <u64> baseSize ? -1 : <i64> result;
}

/**
 * Applies the instructions of the delta whose head `resultSize` has read;
 * false if it is malformed or does not make exactly `outEnd - output` bytes.
 */
export function applyDelta(
  base: usize,
  baseSize: usize,
  end: usize,
  output: usize,
  outEnd: usize,
): bool {
  let at = cursor;
  let out = output;
  copyCount = 0;
  while (at < end) {
    const code = <u32> load<u8>(at++);
    if (code < 128) {
      if (code == 0 || at + code > end || out + code > outEnd) return false;
      copy(out, at, code);
      out += code;
      at += code;
      continue;
    }
    let offset: u32 = 0;
    let size: u32 = 0;
    if (code & 1) offset = <u32> load<u8>(at++);
    if (code & 2) offset |= <u32> load<u8>(at++) << 8;
    if (code & 4) offset |= <u32> load<u8>(at++) << 16;
    if (code & 8) offset |= <u32> load<u8>(at++) << 24;
    if (code & 16) size = <u32> load<u8>(at++);
    if (code & 32) size |= <u32> load<u8>(at++) << 8;
    if (code & 64) size |= <u32> load<u8>(at++) << 16;
    if (size == 0) size = 0x10000;
    if (
      at > end || <u64> offset + size > <u64> baseSize || out + size > outEnd
    ) {
      return false;
    }
    copy(out, base + offset, size);
    if (copyCount < MAX_COPIES) {
      const note = copies + <usize> copyCount * COPY_BYTES;
      store<u32>(note, <u32> (out - output));
      store<u32>(note, offset, 4);
      store<u32>(note, size, 8);
    }
    copyCount++;
    out += size;
  }
  return out == outEnd;
}

@inline
function copy(to: usize, from: usize, size: u32): void {
  if (size > 128) {
    memory.copy(to, from, size);
    return;
  }
  let done: u32 = 0;
  while (done < size) {
    store<u64>(to + done, load<u64>(from + done));
    done += 8;
  }
}
