/**
 * The hot loops as values: every implementation of one of these functions is
 * held to `reference/` by one contract suite, and is passed on in contexts,
 * never looked up in a global.
 *
 * @module
 */

import { GitsrvError } from "../core/errors.ts";
import type { ObjectFormat } from "../core/oid.ts";

/**
 * A kernel refused its input. Codes: "truncated" (more input could help),
 * "corrupt", "too-long" (the output would exceed the size that was said),
 * "too-short" (the output is smaller than was said), "collision" (the message
 * is half of a collision of SHA-1).
 */
export class KernelError extends GitsrvError {
  override readonly name = "KernelError";
}

/** What inflating one zlib stream gave. */
export interface Inflated {
  /** The output: exactly the size that was asked for; the caller owns it. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** How many input bytes the stream took, its checksum included. */
  readonly consumed: number;
}

/** One zlib stream at a time, inflated in pieces, in constant memory. */
export interface InflateStream {
  /** Begins with a stream; what was under way is forgotten. */
  restart(): void;
  /**
   * Goes on with the input from `at` to before `end`, and gives at most `room`
   * bytes (and at most as many as it likes). Input that was not taken is to
   * come again, with more behind it where the state is "input": up to 16 bytes
   * behind the stream may be needed, which packs have. Throws KernelError
   * "corrupt".
   */
  step(
    input: Uint8Array,
    at: number,
    end: number,
    room: number,
  ): InflateStep;
}

/** What a step of an {@linkcode InflateStream} came to. */
export interface InflateStep {
  /** How many input bytes it took. */
  readonly consumed: number;
  /** What it gave; a view, valid until the next step of any stream. */
  readonly output: Uint8Array;
  /**
   * "input": it needs more than it was given; "output": there may be more to
   * give; "end": the stream has ended, and its checksum is right.
   */
  readonly state: "input" | "output" | "end";
}

/** Scans the entries of packs that come in, many per call. */
export interface PackScanner {
  /**
   * Scans up to `most` entries that lie whole between `at` and `end`. What is
   * larger than it likes, odd or broken ends the call in front of it: that is
   * the caller's. The columns are valid until these kernels scan again.
   */
  scan(
    bytes: Uint8Array,
    at: number,
    end: number,
    most: number,
  ): ScannedEntries;
}

/** Columns of scanned entries. */
export interface ScannedEntries {
  /** How many there are. */
  readonly count: number;
  /**
   * Why there are no more: "input": the next one does not end before `end`;
   * "full": ask again; "other": the next one is not scanned here.
   */
  readonly stop: "input" | "full" | "other";
  /** Where each ends, counted from the first one's start. */
  readonly ends: Uint32Array;
  /** Bytes before each entry's compressed data. */
  readonly heads: Uint8Array;
  /** The type in each: 1 to 4, 6 or 7. */
  readonly types: Uint8Array;
  /** What each inflates to. */
  readonly sizes: Uint32Array;
  /** How far the base of a delta by offset is. */
  readonly distances: Float64Array;
  /** Raw ids: the names of whole objects, and those of bases. */
  readonly names: Uint8Array;
  /** Where in `contents` each whole object's content starts. */
  readonly contentsAt: Uint32Array;
  /** Has the contents of the whole objects. */
  readonly contents: Uint8Array;
}

/** A running hash. */
export interface Hash {
  /** Hashes more bytes; they are not kept. */
  update(bytes: Uint8Array): void;
  /** The raw digest, 20 or 32 bytes; the hash takes no more after this. */
  digest(): Uint8Array<ArrayBuffer>;
}

/** The kernels of part 1; all synchronous, none keeps what it was given. */
export interface Kernels {
  /** Which implementation this is, for logs and benches. */
  readonly label: string;
  /**
   * Inflates the zlib stream that starts at `input[at]` and whose output must
   * be exactly `size` bytes; input after the stream is left alone (packs have
   * no lengths before their streams). Throws a KernelError; never writes or
   * allocates more than `size` plus a constant.
   *
   * @see https://www.rfc-editor.org/rfc/rfc1950
   */
  inflate(input: Uint8Array, at: number, size: number): Inflated;
  /**
   * Inflates at most `size` bytes of output and stops: for object headers in
   * loose objects, whose size is inside. A shorter stream gives less output.
   */
  inflatePrefix(input: Uint8Array, at: number, size: number): Uint8Array;
  /** Makes an inflater of streams in pieces; to be kept and used again. */
  inflateStream(): InflateStream;
  /** One zlib stream of `data`. */
  deflate(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** CRC-32 (ISO-HDLC) of `bytes`, going on from `seed` (0 at first). */
  crc32(bytes: Uint8Array, seed?: number): number;
  /**
   * How many of the first entries have the CRC-32 that they should: they lie
   * side by side in `bytes` from `at` on, `lengths` and `crcs` tell of each. An
   * entry that ends beyond `bytes` has not. Made for thousands of small ones.
   */
  countGoodCrcs(
    bytes: Uint8Array,
    at: number,
    lengths: Uint32Array,
    crcs: Uint32Array,
  ): number;
  /**
   * Starts a hash of the format, SHA-1 or SHA-256: for trailers and names that
   * we make, not for objects.
   */
  hash(format: ObjectFormat): Hash;
  /**
   * Starts the hash that gives an object its id. Where the format is SHA-1 and
   * the bytes were made to collide, `digest` throws KernelError "collision".
   *
   * @see https://marc-stevens.nl/research/papers/C13-S.pdf
   */
  objectHash(format: ObjectFormat): Hash;
  /**
   * Applies a git delta: returns the result, a new array. Throws KernelError
   * "corrupt" unless the sizes in the delta are those of `base` and of the
   * result, and every copy lies in the base; "too-long" if the result would
   * exceed `limit` bytes, before anything is allocated.
   *
   * @see https://git-scm.com/docs/gitformat-pack#_deltified_representation
   */
  applyDelta(
    base: Uint8Array,
    delta: Uint8Array,
    limit: number,
  ): Uint8Array<ArrayBuffer>;
  /** Lines of `packed-refs`, where these kernels have that. */
  readonly refLines?: RefLines;
  /**
   * Puts a pack index's columns into the order in which they are used. Throws
   * KernelError "corrupt" where an offset is outside the table of large ones,
   * or above 2^53 - 1.
   */
  arrangeIndex(columns: IndexColumns): IndexVerdict;
  /**
   * A git delta that makes `target` of `base`, or `undefined` where what it
   * finds takes more than `limit` bytes, or fewer than four, which git takes
   * for no delta. Its time is linear in both.
   */
  createDelta(
    base: Uint8Array,
    target: Uint8Array,
    limit: number,
  ): Uint8Array<ArrayBuffer> | undefined;
  /** Makes what resolves families of deltas, where these kernels have it. */
  readonly familyMaker?: () => FamilyMaker;
  /** Makes a walker, where these kernels have one. */
  readonly packWalker?: (init: PackWalkerInit) => PackWalker;
  /** The scanner of packs that come in, where these kernels have one. */
  readonly packScanner?: (format: ObjectFormat) => PackScanner;
}

/**
 * What stands in a packet for a ref that is known to peel: nothing more, the
 * `peeled:` of `ls-refs`, or a packet of its own as in the advertisement.
 */
export type PeeledForm = "none" | "attribute" | "packet";

/**
 * Lines of a `packed-refs` file as they stand in most: lower-case ids, names
 * that keep git's rules and lie below `refs/`, in ascending order.
 */
export interface RefLines {
  /**
   * Where each record starts, from `start` to the end of the file; `undefined`
   * where anything is not as it is in most files.
   */
  index(
    bytes: Uint8Array,
    start: number,
    hexLength: number,
  ): Int32Array<ArrayBuffer> | undefined;
  /**
   * Packets of the records `run`, at most {@linkcode MAX_RUN_BYTES} of bytes
   * that `index` has taken, and the raw ids of the refs in a row. Both are
   * views, valid until these kernels are called again.
   */
  encode(
    run: Uint8Array,
    hexLength: number,
    form: PeeledForm,
  ): { readonly packets: Uint8Array; readonly ids: Uint8Array };
}

/** Most bytes of records that {@linkcode RefLines.encode} takes. */
export const MAX_RUN_BYTES: number = 64 * 1024;

/**
 * The columns of a pack index. A *position* is a place in the order of its
 * ids, a *rank* one in the order of its offsets.
 */
export interface IndexColumns {
  /** Bytes of a raw id: 20 or 32. */
  readonly rawLength: number;
  /** The raw ids by position. */
  readonly ids: Uint8Array;
  /**
   * The offsets by position, big-endian words. May lie where `positions` are
   * to be.
   */
  readonly words: Uint8Array;
  /**
   * 64-bit offsets, big-endian: a word with the high bit is a row here. Absent
   * where words are offsets as they are (version 1).
   */
  readonly large?: Uint8Array;
  /** Gets a fan-out over the ids' first bits: 2^n + 1 places for n bits. */
  readonly fanOut: Uint32Array;
  /** Gets the offsets by rank; doubles where there are large ones. */
  readonly offsets: Uint32Array | Float64Array;
  /** Gets the positions by rank. Equal offsets stay in order. */
  readonly positions: Uint32Array;
  /** Gets the ranks by position. */
  readonly ranks: Uint32Array;
}

/** What {@linkcode Kernels.arrangeIndex} found out about the ids. */
export interface IndexVerdict {
  /** Whether they ascend. If not, the fan-out is of no use. */
  readonly isSorted: boolean;
  /** Whether some stand next to themselves. */
  readonly hasRepeats: boolean;
}

/** One pack as a {@linkcode PackWalker} sees it. */
export interface WalkedPack {
  /** The slot of its first entry. */
  readonly start: number;
  /** The slot after that of its last entry. */
  readonly end: number;
  /** Where its entries end: the position of its trailer. */
  readonly dataEnd: number;
  /** Where each slot's entry starts. */
  readonly offsets: Uint32Array | Float64Array;
  /** Reads its bytes from `position` on; the count, 0 where that fails. */
  read(into: Uint8Array, position: number): number;
}

/** Ids in ascending order, as a {@linkcode PackWalker} searches them. */
export interface SortedIds {
  /** The raw ids by position, each as little-endian words. */
  readonly ids: Int32Array;
  /** As {@linkcode IndexColumns.fanOut}. */
  readonly fanOut: Uint32Array;
  /** What is to be added to `numbers`. */
  readonly start: number;
  /** The objects' numbers by position, without `start`. */
  readonly numbers: Int32Array | Uint32Array;
}

/** What a {@linkcode PackWalker} is made over; everything is copied. */
export interface PackWalkerInit {
  /** Bytes of a raw id. */
  readonly rawLength: number;
  /** Where ids are looked for first. */
  readonly sorted: readonly SortedIds[];
  /** Further raw ids by row, each as little-endian words. */
  readonly ids: Int32Array;
  /** Their numbers by row. */
  readonly numbers: Int32Array;
  /** The open-addressing table over them: rows plus one, 0 is free. */
  readonly table: Int32Array;
  /** How far a mixed hash is shifted to be a place in the table. */
  readonly shift: number;
  /** The seed of the hash. */
  readonly seed: number;
  /** The packs, in the order of their slots, from slot 0 on without gaps. */
  readonly packs: readonly WalkedPack[];
}

/**
 * A walk through families of trees: each tree that is stored whole and,
 * depth first, the deltas of it. Each is inflated and resolved once.
 */
export interface FamilyWalk {
  /**
   * By slot: the first of the deltas based on the entry there, plus one, or 0;
   * with {@linkcode APART}, trees based on it are given whole. To be filled
   * before the first step; each slot is named once at most in both arrays.
   */
  readonly firsts: Int32Array;
  /** By slot: the next delta based on the same entry, plus one, or 0. */
  readonly nexts: Int32Array;
  /**
   * Goes on, first with the family under way, then with those of `roots`,
   * slots of trees that are stored whole. `take` gets the rows of the trees
   * that were made, a view valid during the call: of each the slot, how many
   * entries follow, the base whose entries are left out or -1, and the entries
   * as in {@linkcode PackWalker.expandTrees}. Trees that are not for it have
   * no row. A step makes about 2 MiB at most.
   */
  step(roots: Int32Array, take: (rows: Int32Array) => void): FamilyStep;
}

/** How far a step of a {@linkcode FamilyWalk} came. */
export interface FamilyStep {
  /** How many of the roots were begun: not to be given again. */
  readonly roots: number;
  /** Bytes of objects that were made. */
  readonly bytes: number;
  /** Whether a family is under way: another step is due, roots or not. */
  readonly isInFamily: boolean;
}

/** The flag of {@linkcode FamilyWalk.firsts}. */
export const APART = 1 << 31;

/**
 * Reads trees and commits where they lie in packs, many per call. It does the
 * ordinary case alone: what it leaves out its caller reads one by one, with
 * every check and every error.
 */
export interface PackWalker {
  /**
   * The entries of each of `trees`, in order: `take` gets the index of the
   * tree in `trees`, a view of its entries, each twice the number and plus 1
   * for a tree, gitlinks left out; and the base: the tree that has further
   * entries of this one, which are left out here, or -1. A base is in the set
   * `seen`, a bitmap by numbers. The entries are `undefined` for a tree that
   * was left out. The view is valid during the call. Returns how many bytes of
   * objects it had to make.
   */
  expandTrees(
    trees: Int32Array,
    seen: Uint32Array,
    take: (
      index: number,
      entries: Int32Array | undefined,
      base: number,
    ) => void,
  ): number;
  /**
   * The commits that lie at `slot` and behind it, up to `most` of them or the
   * first entry that is none: `take` gets slot, tree, time and a view of the
   * parents, valid during the call. Returns how many.
   */
  commitsFrom(
    slot: number,
    most: number,
    take: (
      slot: number,
      tree: number,
      time: number,
      parents: Int32Array,
    ) => void,
  ): number;
  /**
   * The headers of the entries from `slot` on, up to `most` of them or the end
   * of their pack: `take` gets views of their types, 0 for those that were left
   * out, and of the bases of those that are deltas: slots of the same pack for
   * deltas by offset, numbers for those by name. Returns how many, at least
   * one; 0 where `slot` is in no pack.
   */
  headersFrom(
    slot: number,
    most: number,
    take: (types: Uint8Array, bases: Int32Array) => void,
  ): number;
  /** Begins a walk through families, whose links are empty; ends the last. */
  families(): FamilyWalk;
}

/**
 * Makes objects of deltas, many per call: see {@linkcode FamilyMaker.run}. It
 * takes the ordinary case alone and leaves out what is broken or too large,
 * with all that is based on it.
 *
 * Contents that others are based on are kept at *levels*, 1 to 64. Its memory
 * is bounded, whatever it is given.
 */
export interface FamilyMaker {
  /** Room for the compressed bytes of the nodes of a batch. */
  readonly input: Uint8Array;
  /** Most nodes of a batch. */
  readonly maxNodes: number;
  /** Sets a node of the next batch: it is left out unless it is placed. */
  setNode(index: number, node: FamilyNode): void;
  /** Says from where to where the node's compressed bytes are in the input. */
  place(index: number, start: number, end: number): void;
  /** Begins a batch of so many nodes, which goes on with the last one's levels. */
  begin(count: number): void;
  /**
   * Makes some of the batch, two or three megabytes or one large object, and
   * gives them to `take`; the views are valid during the call. With "hash" they
   * get SHA-1 ids. False once the batch is done and nothing was made.
   */
  run(
    mode: "hash" | "make",
    maxObjectBytes: number,
    take: (made: MadeObjects) => void,
  ): boolean;
  /** Forgets what levels hold. */
  end(): void;
}

/** One entry for a {@linkcode FamilyMaker}. */
export interface FamilyNode {
  /** What its bytes inflate to: less than 2^32. */
  size: number;
  /** The level that it is a delta of; 0: it is an object stored whole. */
  base: number;
  /** The level that its content is kept at; 0: nothing is based on it. */
  level: number;
  /** How many levels are in use behind it. */
  after: number;
  /** Its kind. */
  kind: number;
}

/** What a step of a {@linkcode FamilyMaker} made. */
export interface MadeObjects {
  /** How many deltas it came by. */
  readonly count: number;
  /** Whether one of them was made to collide: then all ids are in doubt. */
  readonly isAttacked: boolean;
  /** The index of the node of one. */
  nodeOf(at: number): number;
  /** Its size, or -1 where it was left out. */
  sizeOf(at: number): number;
  /** A view of its content. */
  contentOf(at: number): Uint8Array;
  /** Copies its id, in the mode "hash". */
  copyId(at: number, into: Uint8Array, position: number): void;
}
