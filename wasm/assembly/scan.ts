/**
 * Scans the entries of a pack that is taken in, many per call: their headers
 * are read, their data inflated, whole objects hashed with collision detection.
 *
 * It does the ordinary case alone: what is large, odd or broken ends a call in
 * front of it, and is its caller's. What it did stands in columns, whose
 * addresses are the caller's: see src/kernels/wasm/pack_scanner.ts.
 */

import { inflate, inputEnd } from "./inflate";
import { sha1Finish, sha1Start, sha1Update } from "./sha1dc";

const OK: i32 = 0;
const TRUNCATED: i32 = 1;

const OFS_DELTA: u32 = 6;
const REF_DELTA: u32 = 7;

// Why a call ended before what it was given did.
const STOP_OTHER: u32 = 0;
const STOP_INPUT: u32 = 1;
const STOP_FULL: u32 = 2;

let stop: u32 = STOP_OTHER;

let width: u32 = 20;
let hashes: bool = true;
let ends: usize = 0;
let heads: usize = 0;
let types: usize = 0;
let sizes: usize = 0;
let distances: usize = 0;
let names: usize = 0;
let contentsAt: usize = 0;
let contents: usize = 0;
let contentsEnd: usize = 0;

/** Sets the width of ids, whether they are made here, where everything lies. */
export function configureScan(
  rawLength: u32,
  makesIds: bool,
  endsAt: usize,
  headsAt: usize,
  typesAt: usize,
  sizesAt: usize,
  distancesAt: usize,
  namesAt: usize,
  contentsAtAt: usize,
  contentsFrom: usize,
  contentsTo: usize,
): void {
  width = rawLength;
  hashes = makesIds;
  ends = endsAt;
  heads = headsAt;
  types = typesAt;
  sizes = sizesAt;
  distances = distancesAt;
  names = namesAt;
  contentsAt = contentsAtAt;
  contents = contentsFrom;
  contentsEnd = contentsTo;
}

/** Why the last call went no further: 1 input, 2 room for contents, 0 else. */
export function scanStop(): u32 {
  return stop;
}

/** Writes "blob 123" and a NUL; returns where they end. */
function writeHeader(at: usize, type: u32, size: u32): usize {
  if (type == 1) {
    store<u32>(at, 0x6d6d6f63); // "comm"
    store<u16>(at, 0x7469, 4); // "it"
    at += 6;
  } else if (type == 2) {
    store<u32>(at, 0x65657274); // "tree"
    at += 4;
  } else if (type == 3) {
    store<u32>(at, 0x626f6c62); // "blob"
    at += 4;
  } else {
    store<u16>(at, 0x6174); // "ta"
    store<u8>(at, 0x67, 2); // "g"
    at += 3;
  }
  store<u8>(at++, 0x20);
  let digits: u32 = 1;
  for (let rest = size / 10; rest > 0; rest /= 10) digits++;
  let rest = size;
  for (let i = digits; i > 0; i--) {
    store<u8>(at + i - 1, <u8> (0x30 + rest % 10));
    rest /= 10;
  }
  at += digits;
  store<u8>(at++, 0);
  return at;
}

function endWith(reason: u32): void {
  stop = reason;
}

/**
 * Scans up to `most` entries that lie between `input` and `end`, those that
 * inflate to more than `maxSize` bytes left out. Returns how many.
 */
export function scanEntries(
  input: usize,
  end: usize,
  most: u32,
  maxSize: u32,
): u32 {
  let at = input;
  let out = contents;
  let row: u32 = 0;
  stop = STOP_OTHER;
  for (; row < most; row++) {
    let next = at;
    if (next >= end) {
      endWith(STOP_INPUT);
      break;
    }
    let byte = <u32> load<u8>(next++);
    const type = (byte >> 4) & 7;
    let size: u64 = byte & 15;
    let shift: u64 = 4;
    // The fifth byte of a size is beyond what is done here.
    while ((byte & 0x80) != 0 && next < end && shift < 32) {
      byte = <u32> load<u8>(next++);
      size |= <u64> (byte & 0x7f) << shift;
      shift += 7;
    }
    if ((byte & 0x80) != 0) {
      endWith(next < end ? STOP_OTHER : STOP_INPUT);
      break;
    }
    if (type == 0 || type == 5 || size > <u64> maxSize) break;
    let distance: u64 = 0;
    const name = names + <usize> row * width;
    if (type == OFS_DELTA) {
      if (next >= end) {
        endWith(STOP_INPUT);
        break;
      }
      byte = <u32> load<u8>(next++);
      distance = byte & 0x7f;
      while ((byte & 0x80) != 0 && next < end && distance < (1 << 45)) {
        byte = <u32> load<u8>(next++);
        distance = ((distance + 1) << 7) + (byte & 0x7f);
      }
      if ((byte & 0x80) != 0) {
        endWith(next < end ? STOP_OTHER : STOP_INPUT);
        break;
      }
    } else if (type == REF_DELTA) {
      if (next + <usize> width > end) {
        endWith(STOP_INPUT);
        break;
      }
      memory.copy(name, next, width);
      next += width;
    }
    const isDelta = type >= OFS_DELTA;
    // The longest header takes 18 bytes.
    if (out + 32 + <usize> size > contentsEnd) {
      endWith(out == contents ? STOP_OTHER : STOP_FULL);
      break;
    }
    const data = isDelta ? out : writeHeader(out, type, <u32> size);
    const status = inflate(next, end, data, data + <usize> size, true);
    if (status != OK) {
      endWith(status == TRUNCATED ? STOP_INPUT : STOP_OTHER);
      break;
    }
    if (!isDelta) {
      if (hashes) {
        sha1Start();
        sha1Update(out, data + <usize> size - out);
        if (sha1Finish(name)) break;
      }
      store<u32>(contentsAt + (<usize> row << 2), <u32> data);
      out = data + <usize> size;
    }
    store<u8>(heads + row, <u8> (next - at));
    store<u8>(types + row, <u8> type);
    store<u32>(sizes + (<usize> row << 2), <u32> size);
    store<f64>(distances + (<usize> row << 3), <f64> distance);
    at = inputEnd();
    store<u32>(ends + (<usize> row << 2), <u32> (at - input));
  }
  if (row == most) stop = STOP_FULL;
  return row;
}
