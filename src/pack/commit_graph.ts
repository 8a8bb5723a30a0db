/**
 * Commit-graph files: the trees, parents, times and generation numbers of many
 * commits as tables, alone or as a chain of layers. Not for Bloom filters of
 * changed paths, which serving has no use for.
 *
 * Opening checks the frame: sizes, order, bounds of every table. What stands
 * in the tables is checked where it is read, so that opening costs the same
 * for a million commits as for one.
 *
 * @see https://git-scm.com/docs/gitformat-commit-graph
 * @module
 */

import { compareBytes, readUint32 } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { NumberList } from "../core/number_list.ts";
import type { ObjectFormat } from "../core/oid.ts";
import {
  checkHeader,
  type Chunk,
  countIds,
  needChunk,
  readChunks,
  readUint64,
} from "./chunk_table.ts";

const SIGNATURE = 0x43475048;
const HEADER_BYTES = 8;
const FAN_OUT_BYTES = 1024;
const NO_PARENT = 0x70000000;
const HIGH_BIT = 0x80000000;

const FAN_OUT = 0x4f494446; // OIDF
const IDS = 0x4f49444c; // OIDL
const COMMITS = 0x43444154; // CDAT
const EDGES = 0x45444745; // EDGE
const BASES = 0x42415345; // BASE
const GENERATIONS = 0x47444132; // GDA2
const OVERFLOW = 0x47444f32; // GDO2

const ABSENT: Chunk = { at: 0, size: 0 };

/** One file; positions in it are places in the order of the ids. */
export class CommitGraphLayer {
  /** The file: the fields that end in `At` are places in it. */
  readonly bytes: Uint8Array;
  /** How many commits it has. */
  readonly count: number;
  /** How many layers it says are below it. */
  readonly baseCount: number;
  /** Whether it has corrected commit dates (generation numbers v2). */
  readonly hasCorrectedTimes: boolean;
  /** Where the ids start. */
  readonly idsAt: number;
  /** Where the rows of commits start. */
  readonly rowsAt: number;
  readonly #rawLength: number;
  readonly #fanOutAt: number;
  readonly #edges: Chunk;
  readonly #basesAt: number;
  readonly #generationsAt: number;
  readonly #overflow: Chunk;

  /**
   * Opens a file; `bytes` is kept, and its checksum is not looked at. Throws
   * StorageError "corrupt-commit-graph", also for another version or hash.
   */
  constructor(bytes: Uint8Array, format: ObjectFormat) {
    const raw = format.rawLength;
    checkHeader(
      bytes,
      { format, signature: SIGNATURE, headerBytes: HEADER_BYTES },
      corrupt,
    );
    const chunks = readChunks(bytes, {
      count: bytes[6] as number,
      tableAt: HEADER_BYTES,
      dataEnd: bytes.length - raw,
    }, corrupt);
    const need = (id: number, size: number, name: string): Chunk =>
      needChunk(chunks.get(id), { size, name }, corrupt);
    this.bytes = bytes;
    this.#rawLength = raw;
    this.#fanOutAt = need(FAN_OUT, FAN_OUT_BYTES, "fan-out").at;
    const count = countIds(bytes, this.#fanOutAt, corrupt);
    this.count = count;
    this.baseCount = bytes[7] as number;
    this.idsAt = need(IDS, count * raw, "ids").at;
    this.rowsAt = need(COMMITS, count * (raw + 16), "commits").at;
    this.#basesAt = this.baseCount === 0
      ? 0
      : need(BASES, this.baseCount * raw, "base graphs").at;
    this.#edges = chunks.get(EDGES) ?? ABSENT;
    this.hasCorrectedTimes = chunks.has(GENERATIONS);
    this.#generationsAt = this.hasCorrectedTimes
      ? need(GENERATIONS, count * 4, "generations").at
      : 0;
    this.#overflow = chunks.get(OVERFLOW) ?? ABSENT;
  }

  /** The checksum at the file's end, which is its name in a chain. */
  checksum(): Uint8Array {
    return this.bytes.subarray(-this.#rawLength);
  }

  /** Whether the file says that exactly `layers` are below it, in order. */
  isAbove(layers: readonly CommitGraphLayer[]): boolean {
    const raw = this.#rawLength;
    return layers.length === this.baseCount && layers.every((layer, i) => {
      const at = this.#basesAt + i * raw;
      const named = this.bytes.subarray(at, at + raw);
      return compareBytes(named, layer.checksum()) === 0;
    });
  }

  /** The position of the id whose raw bytes stand at `at`, or -1. */
  find(raw: Uint8Array, at: number): number {
    const { bytes, idsAt } = this;
    const length = this.#rawLength;
    const first = raw[at] as number;
    let high = readUint32(bytes, this.#fanOutAt + 4 * first);
    let low = first === 0
      ? 0
      : readUint32(bytes, this.#fanOutAt + 4 * (first - 1));
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = idsAt + middle * length;
      let i = 0;
      while (i < length && bytes[row + i] === raw[at + i]) i++;
      if (i === length) return middle;
      if ((bytes[row + i] as number) < (raw[at + i] as number)) {
        low = middle + 1;
      } else high = middle;
    }
    return -1;
  }

  /** The `index`th number of the list of further parents. */
  edge(index: number): number {
    if (index * 4 + 4 > this.#edges.size) {
      throw corrupt("has an edge outside its list");
    }
    return readUint32(this.bytes, this.#edges.at + index * 4);
  }

  /** By how many seconds a commit's corrected time is above its own. */
  timeOffset(position: number): number {
    const at = this.#generationsAt + 4 * position;
    const offset = readUint32(this.bytes, at);
    if (offset < HIGH_BIT) return offset;
    const place = (offset - HIGH_BIT) * 8;
    if (place + 8 > this.#overflow.size) {
      throw corrupt("has a generation outside its list");
    }
    return readUint64(this.bytes, this.#overflow.at + place);
  }
}

/** The layers of a graph as one; positions count from the base layer on. */
export class CommitGraph {
  /** How many commits it has. */
  readonly count: number;
  /** Positions of the parents of the commit that was read last. */
  readonly parents: NumberList = new NumberList();
  readonly #layers: readonly CommitGraphLayer[];
  /** The first position of each layer. */
  readonly #starts: readonly number[];
  readonly #rawLength: number;
  readonly #corrected: boolean;
  // Where `#seek` went: the layer, the row there, the first position above.
  #layer: CommitGraphLayer;
  #row = 0;
  #end = 0;

  /**
   * Joins layers, the base first. Throws StorageError "corrupt-commit-graph"
   * where one does not name exactly those below it.
   */
  constructor(layers: readonly CommitGraphLayer[], format: ObjectFormat) {
    const [base] = layers;
    if (base === undefined) throw corrupt("has no layers");
    const starts: number[] = [];
    let count = 0;
    for (const [i, layer] of layers.entries()) {
      if (!layer.isAbove(layers.slice(0, i))) {
        throw corrupt("does not match its chain");
      }
      starts.push(count);
      count += layer.count;
    }
    this.count = count;
    this.#layer = base;
    this.#layers = layers;
    this.#starts = starts;
    this.#rawLength = format.rawLength;
    // commit-graph.c: validate_mixed_generation_chain.
    this.#corrected = layers.every((layer) => layer.hasCorrectedTimes);
  }

  /** The position of the id whose raw bytes stand at `at`, or -1. */
  find(raw: Uint8Array, at: number): number {
    for (let i = this.#layers.length - 1; i >= 0; i--) {
      const position = (this.#layers[i] as CommitGraphLayer).find(raw, at);
      if (position >= 0) return position + (this.#starts[i] as number);
    }
    return -1;
  }

  /** Copies the raw id at `position` to the start of `into`. */
  readId(position: number, into: Uint8Array): void {
    this.#seek(position);
    const { bytes, idsAt } = this.#layer;
    copy(bytes, idsAt + this.#row * this.#rawLength, into, this.#rawLength);
  }

  /** Copies the raw id of the tree of the commit at `position`. */
  readTree(position: number, into: Uint8Array): void {
    const at = this.#seek(position) - this.#rawLength;
    copy(this.#layer.bytes, at, into, this.#rawLength);
  }

  /** The committer time of the commit at `position`: 34 bits, no more. */
  time(position: number): number {
    const at = this.#seek(position);
    return timeOf(this.#layer, at);
  }

  /**
   * Reads where the parents of the commit at `position` are, into
   * {@linkcode CommitGraph.parents}. Throws StorageError
   * "corrupt-commit-graph" where one is outside the graph, as git dies.
   */
  readParents(position: number): void {
    const at = this.#seek(position);
    const layer = this.#layer;
    const end = this.#end;
    const { parents } = this;
    parents.truncate(0);
    const first = readUint32(layer.bytes, at);
    if (first === NO_PARENT) return;
    parents.push(inGraph(first, end));
    const second = readUint32(layer.bytes, at + 4);
    if (second === NO_PARENT) return;
    if (second < HIGH_BIT) {
      parents.push(inGraph(second, end));
      return;
    }
    for (let index = second - HIGH_BIT;; index++) {
      const edge = layer.edge(index);
      parents.push(inGraph(edge % HIGH_BIT, end));
      if (edge >= HIGH_BIT) return;
    }
  }

  /**
   * The topological level (generation number v1) of the commit at `position`:
   * never above a child's; 0 where none was computed.
   */
  level(position: number): number {
    const at = this.#seek(position);
    return readUint32(this.#layer.bytes, at + 8) >>> 2;
  }

  /**
   * The generation number that git would use of the commit at `position`: its
   * corrected commit date (v2), or its level where a layer lacks those. Above
   * a child's where times of more than 34 bits were cut off. Throws
   * StorageError "corrupt-commit-graph" where it is outside its table.
   */
  generation(position: number): number {
    if (!this.#corrected) return this.level(position);
    const at = this.#seek(position);
    return timeOf(this.#layer, at) + this.#layer.timeOffset(this.#row);
  }

  /** Goes to a commit; where in its layer what follows its tree stands. */
  #seek(position: number): number {
    if (!(position >= 0 && position < this.count)) {
      throw new RangeError(`Cannot read commit ${position}: there are fewer`);
    }
    let i = this.#layers.length - 1;
    while ((this.#starts[i] as number) > position) i--;
    const layer = this.#layers[i] as CommitGraphLayer;
    const start = this.#starts[i] as number;
    this.#layer = layer;
    this.#row = position - start;
    this.#end = start + layer.count;
    return layer.rowsAt + this.#row * (this.#rawLength + 16) + this.#rawLength;
  }
}

function copy(
  from: Uint8Array,
  at: number,
  into: Uint8Array,
  length: number,
): void {
  for (let i = 0; i < length; i++) into[i] = from[at + i] as number;
}

function inGraph(position: number, end: number): number {
  if (position >= end) throw corrupt("has a parent outside itself");
  return position;
}

function timeOf(layer: CommitGraphLayer, at: number): number {
  const high = readUint32(layer.bytes, at + 8) & 3;
  return high * 2 ** 32 + readUint32(layer.bytes, at + 12);
}

function corrupt(state: string): StorageError {
  return new StorageError(
    "corrupt-commit-graph",
    `Cannot use commit-graph: it ${state}`,
  );
}
