/**
 * Makes objects of deltas, family by family: entries are inflated where the
 * caller has put their bytes, applied to the content that they are based on,
 * and hashed four at a time.
 *
 * The caller says in which order, by nodes: which level's content a delta is
 * based on, at which level its own stays for others. Contents lie one behind
 * another in the arena; what no level holds is garbage once it is hashed.
 *
 * It does the ordinary case alone: what is broken or too large it leaves out,
 * with all that is based on it, and its caller finds out why.
 */

import { applyDelta, resultSize } from "./delta";
import { inflate } from "./inflate";
import { sha1Many } from "./sha1dc_lanes";

const OK: i32 = 0;

// A node: where its bytes start and end, what they inflate to; then, in bytes,
// the level it is based on (0: an object that is stored whole), the level that
// its content is kept at (0: at none), how many levels are in use after it,
// its kind.
const NODE_BYTES: usize = 16;
// A result: the node, where its content is (0: left out), its size.
const RESULT_BYTES: usize = 12;
// As sha1dc_lanes.ts has it.
const JOB_BYTES: usize = 16;
const DIGEST_BYTES: usize = 20;
/** Room in front of each content for an object's header. */
const HEAD_BYTES: usize = 32;
/** Room behind each content, which the inflater and copies may touch. */
const SLACK_BYTES: usize = 64;

const MAX_LEVELS: u32 = 64;
/** Of each level where its content is (0: left out), and its size. */
const levels: usize = memory.data(65 * 8, 16);

let arena: usize = 0;
let arenaEnd: usize = 0;
let scratch: usize = 0;
let scratchBytes: u32 = 0;
let results: usize = 0;
let maxResults: u32 = 0;
let jobs: usize = 0;
let digests: usize = 0;
let flushBytes: u32 = 0;

let top: usize = 0;
let inUse: u32 = 0;
let resultCount: u32 = 0;

/** Sets where everything lies, and after how many bytes `runNodes` returns. */
export function configureNodes(
  arenaAt: usize,
  arenaSize: usize,
  scratchAt: usize,
  scratchSize: u32,
  resultsAt: usize,
  resultsRoom: u32,
  jobsAt: usize,
  digestsAt: usize,
  bytes: u32,
): void {
  arena = arenaAt;
  arenaEnd = arenaAt + arenaSize;
  scratch = scratchAt;
  scratchBytes = scratchSize;
  results = resultsAt;
  maxResults = resultsRoom;
  jobs = jobsAt;
  digests = digestsAt;
  flushBytes = bytes;
  top = arenaAt;
  inUse = 0;
}

/** How many results the last call gave. */
export function nodeResults(): u32 {
  return resultCount;
}

/** Moves the contents that levels hold to the start of the arena. */
function compact(): void {
  top = arena;
  for (let level: u32 = 1; level <= inUse; level++) {
    const entry = levels + (<usize> level << 3);
    const at = <usize> load<u32>(entry);
    if (at == 0) continue;
    const size = <usize> load<u32>(entry, 4);
    const to = top + HEAD_BYTES;
    if (to != at) memory.copy(to, at, size);
    store<u32>(entry, <u32> to);
    top = ended(to, size);
  }
}

/** Where the next content may start behind one. */
@inline
function ended(at: usize, size: usize): usize {
  return (at + size + SLACK_BYTES + 15) & ~15;
}

/** Whether there is room for a content of `size` bytes. */
@inline
function hasRoom(size: u64): bool {
  return <u64> top + size + HEAD_BYTES + SLACK_BYTES + 16 <= <u64> arenaEnd;
}

function note(node: u32, at: usize, size: u32): void {
  const entry = results + <usize> resultCount * RESULT_BYTES;
  store<u32>(entry, node);
  store<u32>(entry, <u32> at, 4);
  store<u32>(entry, size, 8);
  resultCount++;
}

/**
 * Goes on with the nodes from `from` on, up to `count`; gives the one to go on
 * with. Results are valid until the next call, which forgets contents that no
 * level holds. `maxObject` bounds what is made.
 */
export function runNodes(
  nodes: usize,
  from: u32,
  count: u32,
  maxObject: u32,
): u32 {
  compact();
  resultCount = 0;
  let made: u64 = 0;
  for (let i = from; i < count; i++) {
    if (made >= <u64> flushBytes || resultCount >= maxResults) return i;
    const node = nodes + <usize> i * NODE_BYTES;
    const input = <usize> load<u32>(node);
    const inputEnd = <usize> load<u32>(node, 4);
    const size = load<u32>(node, 8);
    const baseLevel = <u32> load<u8>(node, 12);
    const level = <u32> load<u8>(node, 13);
    const after = <u32> load<u8>(node, 14);
    if (baseLevel > MAX_LEVELS || level > MAX_LEVELS || after > MAX_LEVELS) {
      return i;
    }
    const entry = levels + (<usize> level << 3);
    let content: usize = 0;
    let length: u32 = size;
    if (baseLevel == 0) {
      if (input != 0 && !hasRoom(size) && made > 0) return i;
      if (input != 0 && hasRoom(size)) {
        const at = top + HEAD_BYTES;
        if (inflate(input, inputEnd, at, at + size, true) == OK) content = at;
      }
    } else {
      const base = <usize> load<u32>(levels + (<usize> baseLevel << 3));
      if (base != 0 && input != 0 && size <= scratchBytes) {
        const baseSize = <usize> load<u32>(
          levels + (<usize> baseLevel << 3),
          4,
        );
        const deltaEnd = scratch + size;
        const status = inflate(input, inputEnd, scratch, deltaEnd, true);
        const result = status == OK
          ? resultSize(scratch, deltaEnd, baseSize)
          : -1;
        if (result >= 0 && result <= <i64> maxObject) {
          if (!hasRoom(<u64> result)) {
            // Once more, where garbage can make room.
            if (made > 0) return i;
          } else {
            const at = top + HEAD_BYTES;
            length = <u32> result;
            if (applyDelta(base, baseSize, deltaEnd, at, at + length)) {
              content = at;
            }
          }
        }
      }
      note(i, content, length);
    }
    inUse = after;
    if (level != 0) {
      store<u32>(entry, <u32> content);
      store<u32>(entry, length, 4);
    }
    if (content != 0) {
      top = ended(content, length);
      made += length;
    }
  }
  return count;
}

// "commit ", "tree ", "blob " and "tag ", little-endian, and their lengths.
@inline
function wordOf(kind: u32): u64 {
  if (kind == 1) return 0x2074696d6d6f63;
  if (kind == 2) return 0x2065657274;
  return kind == 3 ? 0x20626f6c62 : 0x20676174;
}

@inline
function wordBytes(kind: u32): usize {
  return kind == 1 ? 7 : kind == 4 ? 4 : 5;
}

/** Writes the header of an object in front of it; where that starts. */
function writeHead(at: usize, kind: u32, size: u32): usize {
  let to = at - 1;
  store<u8>(to, 0);
  let rest = size;
  do {
    store<u8>(--to, <u8> (0x30 + rest % 10));
    rest /= 10;
  } while (rest != 0);
  const word = wordOf(kind);
  const bytes = wordBytes(kind);
  to -= bytes;
  for (let i: usize = 0; i < bytes; i++) {
    store<u8>(to + i, <u8> (word >> (<u64> i << 3)));
  }
  return to;
}

/**
 * Hashes what the last call has made: the digest of each result goes to the
 * same place in the caller's digests. Whether any was made to collide.
 */
export function hashResults(nodes: usize): bool {
  let count: u32 = 0;
  for (let i: u32 = 0; i < resultCount; i++) {
    const entry = results + <usize> i * RESULT_BYTES;
    const at = <usize> load<u32>(entry, 4);
    if (at == 0) continue;
    const size = load<u32>(entry, 8);
    const kind = <u32> load<u8>(
      nodes + <usize> load<u32>(entry) * NODE_BYTES,
      15,
    );
    const start = writeHead(at, kind, size);
    const job = jobs + <usize> count * JOB_BYTES;
    store<u32>(job, <u32> start);
    store<u32>(job, <u32> (at - start) + size, 4);
    store<u32>(job, <u32> (digests + <usize> i * DIGEST_BYTES), 8);
    store<u32>(job, 0, 12);
    count++;
  }
  sha1Many(jobs, count);
  let any = false;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(jobs + <usize> i * JOB_BYTES, 12) != 0) any = true;
  }
  return any;
}

/** Forgets what levels hold. */
export function endNodes(): void {
  inUse = 0;
}
