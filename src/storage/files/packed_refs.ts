/**
 * The `packed-refs` file: checked whole once, then kept as its bytes and one
 * offset for each ref, so that a million refs cost their bytes and 4 MB. Pure:
 * bytes in, records out.
 *
 * @see https://git-scm.com/docs/git-pack-refs
 * @module
 */

import { fromBinary, printable, toBinary } from "../../core/bytes.ts";
import { StorageError } from "../../core/errors.ts";
import type { ObjectFormat, Oid } from "../../core/oid.ts";
import type { RefName } from "../../core/ref_name.ts";
import { type Kernels, MAX_RUN_BYTES } from "../../kernels/types.ts";
import type { RefRecord, RefRun } from "../types.ts";
import { isSafeBadName } from "./loose_ref_value.ts";

const NEWLINE = 0x0a;
const CARET = 0x5e;
const HEADER = "# pack-refs with:";

/** Longest name that is kept: `core/ref_name.ts` has the same limit. */
const MAX_NAME = 4096;

// What a byte of a ref name needs (refs.c: refname_disposition).
const PLAIN = 0;
const FORBIDDEN = 1;
const DOT = 2;
const SLASH = 3;
const BRACE = 4;
const END = 5;
// Filled without a call for each byte: a short session is over in 10 ms.
const DISPOSITION = new Uint8Array(256);
DISPOSITION.fill(FORBIDDEN, 0, 0x21);
for (const byte of fromBinary("~^:?*[\\\x7f")) DISPOSITION[byte] = FORBIDDEN;
DISPOSITION[NEWLINE] = END;
DISPOSITION[0x2e] = DOT;
DISPOSITION[0x2f] = SLASH;
DISPOSITION[0x7b] = BRACE;

const IS_HEX = new Uint8Array(256);
for (const byte of fromBinary("0123456789abcdefABCDEF")) IS_HEX[byte] = 1;

/** So much is made text at a time. */
const PIECE_BYTES = 16_384;
const DECODER = new TextDecoder();

/** What the header says about refs without a peeled line. */
type Peeling = "none" | "tags" | "fully";

/** The refs of one `packed-refs` file, in the byte order of their names. */
export class PackedRefs {
  readonly #bytes: Uint8Array;
  readonly #starts: Int32Array;
  readonly #hexLength: number;
  readonly #peeling: Peeling;
  readonly #isPlain: boolean;
  #isAscii: boolean | undefined;
  /** Names that git's rules refuse; they are left out. */
  readonly badNames: readonly string[];

  /** Use {@linkcode parsePackedRefs}. */
  constructor(init: {
    readonly bytes: Uint8Array;
    readonly starts: Int32Array;
    readonly hexLength: number;
    readonly peeling: Peeling;
    readonly badNames: readonly string[];
    readonly isPlain?: boolean;
  }) {
    this.#bytes = init.bytes;
    this.#starts = init.starts;
    this.#hexLength = init.hexLength;
    this.#peeling = init.peeling;
    this.#isPlain = init.isPlain ?? false;
    this.badNames = init.badNames;
  }

  /** How many refs there are. */
  get size(): number {
    return this.#starts.length;
  }

  /** The index of the first ref whose name is not below `name`. */
  lowerBound(name: string): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The ref `name`, if it is here. */
  get(name: string): RefRecord | undefined {
    const index = this.lowerBound(name);
    if (index === this.#starts.length || this.#compare(index, name) !== 0) {
      return undefined;
    }
    return this.record(index);
  }

  /** The index of the first ref from `index` on without the prefix. */
  endOf(index: number, prefix: string): number {
    let low = index;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.startsWith(middle, prefix)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether every line is as git writes it, and tells what its ref peels to. */
  get hasRuns(): boolean {
    return this.#isPlain && this.#peeling === "fully";
  }

  /** The refs from `index` to before `end`, where there are runs. */
  *runs(index: number, end: number): Generator<RefRun, void, void> {
    const starts = this.#starts;
    const startOf = (i: number): number => starts[i] ?? this.#bytes.length;
    while (index < end) {
      const from = startOf(index);
      let low = index + 1;
      let high = end;
      while (low < high) {
        const middle = (low + high + 1) >>> 1;
        if (startOf(middle) - from <= MAX_RUN_BYTES) low = middle;
        else high = middle - 1;
      }
      yield { bytes: this.#bytes.subarray(from, startOf(low)) };
      index = low;
    }
  }

  /** Whether the name at `index` starts with `prefix`. */
  startsWith(index: number, prefix: string): boolean {
    const at = this.#nameStart(index);
    for (let i = 0; i < prefix.length; i++) {
      if (this.#bytes[at + i] !== prefix.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The ref at `index`, which must be below the size. */
  record(index: number): RefRecord {
    const at = this.#starts[index] as number;
    const end = this.#bytes.indexOf(NEWLINE, at);
    return this.#toRecord(toBinary(this.#bytes, at, end), end);
  }

  /**
   * The refs from `index` on whose names start with `prefix`. Text is made in
   * pieces of many refs, which takes a fifth of the time of single ones.
   */
  *list(index: number, prefix: string): Generator<RefRecord, void, void> {
    let piece = "";
    let from = 0;
    for (let i = index; i < this.#starts.length; i++) {
      if (!this.startsWith(i, prefix)) return;
      const at = this.#starts[i] as number;
      let end = at < from ? -1 : piece.indexOf("\n", at - from);
      if (end < 0) {
        from = at;
        piece = this.#piece(at);
        end = piece.indexOf("\n");
      }
      // A line longer than a piece is made alone.
      if (end < 0) yield this.record(i);
      else yield this.#toRecord(piece.slice(at - from, end), from + end);
    }
  }

  /** The binary string of some bytes from `at` on. */
  #piece(at: number): string {
    const end = Math.min(this.#bytes.length, at + PIECE_BYTES);
    const piece = this.#bytes.subarray(at, end);
    // Of ASCII alone the decoder makes what a binary string is.
    this.#isAscii ??= isAscii(this.#bytes);
    return this.#isAscii ? DECODER.decode(piece) : toBinary(piece);
  }

  /** The record of a line whose newline is at `end`. */
  #toRecord(line: string, end: number): RefRecord {
    const oid = line.slice(0, this.#hexLength).toLowerCase() as Oid;
    const name = line.slice(this.#hexLength + 1) as RefName;
    if (this.#bytes[end + 1] === CARET) {
      return { name, oid, peeled: this.#oid(end + 2) };
    }
    const isKnown = this.#peeling === "fully" ||
      (this.#peeling === "tags" && name.startsWith("refs/tags/"));
    return isKnown ? { name, oid, peeled: null } : { name, oid };
  }

  #oid(at: number): Oid {
    return toBinary(this.#bytes, at, at + this.#hexLength)
      .toLowerCase() as Oid;
  }

  #nameStart(index: number): number {
    return (this.#starts[index] as number) + this.#hexLength + 1;
  }

  /** The order of the name at `index` and `name`. */
  #compare(index: number, name: string): number {
    const at = this.#nameStart(index);
    for (let i = 0; i < name.length; i++) {
      const byte = this.#bytes[at + i] as number;
      if (byte === NEWLINE) return -1;
      const difference = byte - name.charCodeAt(i);
      if (difference !== 0) return difference;
    }
    return this.#bytes[at + name.length] === NEWLINE ? 0 : 1;
  }
}

/** No refs. */
export const NO_PACKED_REFS: PackedRefs = new PackedRefs({
  bytes: new Uint8Array(0),
  starts: new Int32Array(0),
  hexLength: 40,
  peeling: "none",
  badNames: [],
});

/**
 * Checks and indexes a `packed-refs` file of less than 2^31 bytes, which is
 * kept. Refs outside `refs/` are left out, as listings never show them. Throws
 * StorageError "bad-packed-refs" with git's words (packed-backend.c). With
 * `kernels` for it most files are indexed in a fifth of the time.
 */
export function parsePackedRefs(
  bytes: Uint8Array,
  path: string,
  format: ObjectFormat,
  kernels: Pick<Kernels, "refLines"> = {},
): PackedRefs {
  const hexLength = format.hexLength;
  const { peeling, start } = parseHeader(bytes, path);
  const plain = kernels.refLines?.index(bytes, start, hexLength);
  if (plain !== undefined) {
    return new PackedRefs({
      bytes,
      starts: plain,
      hexLength,
      peeling,
      badNames: [],
      isPlain: true,
    });
  }
  const badNames: string[] = [];
  let starts = new Int32Array(Math.ceil((bytes.length - start) / 90) + 16);
  let count = 0;
  let isSorted = true;
  let previous = -1;
  for (let at = start; at < bytes.length;) {
    const nameStart = recordName(bytes, at, path, hexLength);
    const end = scanName(bytes, nameStart);
    if (end >= bytes.length || end < -bytes.length) {
      throw unterminated(bytes, at, path);
    }
    const eol = end < 0 ? ~end : end;
    const isListed = bytes[nameStart + 4] === 0x2f && // "refs/"
      bytes[nameStart] === 0x72 && bytes[nameStart + 1] === 0x65 &&
      bytes[nameStart + 2] === 0x66 && bytes[nameStart + 3] === 0x73;
    if (end < 0) {
      badNames.push(badName(bytes, nameStart, eol));
    } else if (isListed) {
      if (count === starts.length) {
        const wider = new Int32Array(count * 2);
        wider.set(starts);
        starts = wider;
      }
      starts[count++] = at;
      if (previous >= 0 && !isAscending(bytes, previous, nameStart)) {
        isSorted = false;
      }
      previous = nameStart;
    }
    at = skipPeeled(bytes, eol + 1, path, hexLength);
  }
  let used = starts.slice(0, count);
  if (!isSorted) used = sortStarts(bytes, used, hexLength);
  return new PackedRefs({ bytes, starts: used, hexLength, peeling, badNames });
}

/** Whether no byte has its high bit set. */
function isAscii(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes;
  const words = byteOffset % 4 === 0 ? length >>> 2 : 0;
  const wide = new Uint32Array(buffer, words === 0 ? 0 : byteOffset, words);
  let bits = 0;
  for (let i = 0; i < words; i++) bits |= wide[i] as number;
  for (let i = words * 4; i < length; i++) bits |= bytes[i] as number;
  return (bits & 0x80808080) === 0;
}

function parseHeader(
  bytes: Uint8Array,
  path: string,
): { readonly peeling: Peeling; readonly start: number } {
  if (bytes[0] !== 0x23) return { peeling: "none", start: 0 };
  const end = bytes.indexOf(NEWLINE);
  if (end < 0) throw unterminated(bytes, 0, path);
  const line = toBinary(bytes, 0, end);
  if (!line.startsWith(HEADER)) throw unexpected(bytes, 0, path);
  const traits = line.slice(HEADER.length).split(" ");
  // "sorted" is not believed: the order is looked at in any case.
  const peeling = traits.includes("fully-peeled")
    ? "fully"
    : traits.includes("peeled")
    ? "tags"
    : "none";
  return { peeling, start: end + 1 };
}

/** Where the name of the record at `at` starts, once its id is checked. */
function recordName(
  bytes: Uint8Array,
  at: number,
  path: string,
  hexLength: number,
): number {
  const end = at + hexLength;
  for (let i = at; i < end; i++) {
    // Beyond the end there is `undefined`, which is no index of the table.
    if (IS_HEX[bytes[i] as number] !== 1) throw unexpected(bytes, at, path);
  }
  const separator = bytes[end];
  if (separator !== 0x20 && separator !== 0x09 && separator !== 0x0d) {
    throw unexpected(bytes, at, path);
  }
  return end + 1;
}

/**
 * The end of the name at `start`: where its newline is, or that place's
 * complement if the name breaks git's rules (refs.c: check_refname_format).
 */
function scanName(bytes: Uint8Array, start: number): number {
  const length = bytes.length;
  let isGood = true;
  let previous = 0x2f;
  let at = start;
  for (; at < length; at++) {
    const byte = bytes[at] as number;
    const kind = DISPOSITION[byte] as number;
    if (kind !== PLAIN) {
      if (kind === END) break;
      if (kind === DOT) {
        if (previous === 0x2e || previous === 0x2f) isGood = false;
      } else if (kind === SLASH) {
        if (previous === 0x2f || endsInLock(bytes, start, at)) isGood = false;
      } else if (kind === FORBIDDEN || previous === 0x40) {
        isGood = false;
      }
    }
    previous = byte;
  }
  if (
    previous === 0x2e || previous === 0x2f || endsInLock(bytes, start, at) ||
    (at === start + 1 && previous === 0x40) || at - start > MAX_NAME
  ) isGood = false;
  return isGood ? at : ~at;
}

function endsInLock(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= 5 && bytes[end - 1] === 0x6b &&
    bytes[end - 2] === 0x63 && bytes[end - 3] === 0x6f &&
    bytes[end - 4] === 0x6c && bytes[end - 5] === 0x2e;
}

function badName(bytes: Uint8Array, start: number, end: number): string {
  const name = toBinary(bytes, start, end);
  if (!isSafeBadName(name)) {
    throw new StorageError(
      "bad-packed-refs",
      `packed refname is dangerous: ${printable(name)}`,
    );
  }
  return name;
}

/** Whether the name at `a` is below the one at `b`; both end in a newline. */
function isAscending(bytes: Uint8Array, a: number, b: number): boolean {
  for (let i = 0;; i++) {
    const left = bytes[a + i] as number;
    const right = bytes[b + i] as number;
    // No byte of a good name is below the newline.
    if (left !== right) return left < right;
    if (left === NEWLINE) return false;
  }
}

function skipPeeled(
  bytes: Uint8Array,
  at: number,
  path: string,
  hexLength: number,
): number {
  if (bytes[at] !== CARET) return at;
  const end = at + 1 + hexLength;
  for (let i = at + 1; i < end; i++) {
    if (IS_HEX[bytes[i] as number] !== 1) throw unexpected(bytes, at, path);
  }
  if (bytes[end] !== NEWLINE) throw unexpected(bytes, at, path);
  return end + 1;
}

/** Offsets in the order of their names; of equal names the first stays. */
function sortStarts(
  bytes: Uint8Array,
  starts: Int32Array,
  hexLength: number,
): Int32Array<ArrayBuffer> {
  const named = Array.from(starts, (start, index) => {
    const from = start + hexLength + 1;
    const name = toBinary(bytes, from, bytes.indexOf(NEWLINE, from));
    return { name, start, index };
  });
  named.sort((a, b) =>
    a.name < b.name ? -1 : a.name > b.name ? 1 : a.index - b.index
  );
  return Int32Array.from(
    named.filter((each, i) => each.name !== named[i - 1]?.name),
    (each) => each.start,
  );
}

function unterminated(
  bytes: Uint8Array,
  at: number,
  path: string,
): StorageError {
  return new StorageError(
    "bad-packed-refs",
    `unterminated line in ${path}: ${excerpt(bytes, at, bytes.length)}`,
  );
}

function unexpected(bytes: Uint8Array, at: number, path: string): StorageError {
  const end = bytes.indexOf(NEWLINE, at);
  if (end < 0) return unterminated(bytes, at, path);
  return new StorageError(
    "bad-packed-refs",
    `unexpected line in ${path}: ${excerpt(bytes, at, end)}`,
  );
}

/** packed-backend.c: lines of 80 bytes and more are cut at 75. */
function excerpt(bytes: Uint8Array, start: number, end: number): string {
  return end - start < 80
    ? printable(toBinary(bytes, start, end))
    : `${printable(toBinary(bytes, start, start + 75))}...`;
}
