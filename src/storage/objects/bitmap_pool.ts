/**
 * The bitmap that a repository's ports offer now, opened once and shared by
 * all stores that have its packs, until its files change.
 *
 * As commit-graphs, bitmaps are checked against their own checksums when they
 * are opened, which git does not: it costs one pass of a native hash, and a
 * bit that flipped on the disk then costs time instead of objects.
 *
 * @module
 */

import { equalBytes, toHex } from "../../core/bytes.ts";
import { messageOf, StorageError } from "../../core/errors.ts";
import type { ObjectFormat } from "../../core/oid.ts";
import type { Kernels } from "../../kernels/types.ts";
import { BitmapIndex, type TypeBitmaps } from "../../pack/bitmap_index.ts";
import { PACK_INDEX_HEAD_BYTES, packIndexRows } from "../../pack/index.ts";
import { MultiPackIndex } from "../../pack/multi_pack_index.ts";
import { ReverseIndex } from "../../pack/reverse_index.ts";
import type {
  BitmapScan,
  BitmapStore,
  StoredFile,
  StoredMultiPackBitmap,
  StoredPack,
} from "../ports.ts";
import { openIndex } from "./open_index.ts";
import type { OpenedPack } from "./opened_pack.ts";

/** Bytes of one file: bitmaps of some hundred million objects. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
/** What a file about so many objects may take: git's take a tenth of it. */
const limitFor = (objects: number): number =>
  Math.min(MAX_FILE_BYTES, 16 * 1024 * 1024 + 64 * objects);

/** Bits that stand for entries of one pack. */
export interface BitmapPart {
  /** The pack. */
  readonly pack: OpenedPack;
  /** The first of the bits. */
  readonly start: number;
  /** The one after the last. */
  readonly end: number;
  /**
   * The rank of each bit's entry in its pack, counted from `start`; absent
   * where they are the pack's entries one by one.
   */
  readonly ranks?: Int32Array;
}

/** A bitmap that fits the packs that are there. */
export interface OpenedBitmap {
  /** What names it in a log. */
  readonly name: string;
  /** The file. */
  readonly index: BitmapIndex;
  /** What its bits stand for. */
  readonly parts: readonly BitmapPart[];
  /** The raw ids of its commits, by row. */
  readonly commits: Uint8Array;
  /** The kinds of the objects, by bit. */
  readonly types: TypeBitmaps;
}

/** A pack in use, and where it came from. */
export interface PoolPack {
  /** As it is in use. */
  readonly opened: OpenedPack;
  /** As it is stored. */
  readonly stored: StoredPack;
}

/** Opens a repository's bitmap. */
export class BitmapPool {
  readonly #port: BitmapStore | undefined;
  readonly #format: ObjectFormat;
  readonly #kernels: Pick<Kernels, "hash">;
  readonly #warn: (message: string) => void;
  #stamp = "";
  /** The names of the packs that were there when it was opened, or not. */
  #packs: readonly string[] = [];
  #bitmap: OpenedBitmap | undefined;

  /** Reads nothing yet. */
  constructor(
    port: BitmapStore | undefined,
    format: ObjectFormat,
    kernels: Pick<Kernels, "hash">,
    warn: (message: string) => void,
  ) {
    this.#port = port;
    this.#format = format;
    this.#kernels = kernels;
    this.#warn = warn;
  }

  /**
   * The bitmap now of some of `packs`, which stand in the order of searching,
   * or `undefined` where there is none that can be used; what is broken is
   * told. Costs one scan of the port where nothing changed.
   */
  get(packs: readonly PoolPack[]): OpenedBitmap | undefined {
    if (this.#port === undefined) return undefined;
    const scan = this.#port.scan();
    if (scan.stamp === this.#stamp && this.#isCurrent(packs)) {
      return this.#bitmap;
    }
    this.#stamp = scan.stamp;
    this.#packs = packs.map((each) => each.opened.name);
    this.#bitmap = undefined;
    if (scan.stamp !== "") this.#bitmap = this.#open(scan, packs);
    return this.#bitmap;
  }

  /** Stops using `bitmap`, which was found to be corrupt as `error` says. */
  reject(bitmap: OpenedBitmap, error: StorageError): void {
    if (this.#bitmap !== bitmap) return;
    this.#bitmap = undefined;
    this.#warn(`${bitmap.name}: ${messageOf(error)}`);
  }

  #isCurrent(packs: readonly PoolPack[]): boolean {
    if (this.#stamp === "") return true;
    if (this.#bitmap === undefined) {
      return packs.length === this.#packs.length &&
        packs.every((each, i) => each.opened.name === this.#packs[i]);
    }
    const opened = new Set(packs.map((each) => each.opened));
    return this.#bitmap.parts.every((part) => opened.has(part.pack));
  }

  /** pack-bitmap.c: open_bitmap; the first that can be used. */
  #open(
    scan: BitmapScan,
    packs: readonly PoolPack[],
  ): OpenedBitmap | undefined {
    for (const each of scan.multiPacks) {
      const opened = this.#attempt(
        each.index.name,
        () => this.#openMulti(each, packs),
      );
      if (opened !== undefined) return opened;
    }
    for (const pack of packs) {
      // A bitmap goes by places: where no checksum says that an id belongs to
      // its place (index version 1), it would hide a damaged one.
      if (!pack.opened.hasCrcs) continue;
      const file = scan.packs.get(pack.stored.path ?? "");
      const opened = file && this.#attempt(
        file.name,
        () => this.#openSingle(file, pack),
      );
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  #attempt(
    name: string,
    open: () => OpenedBitmap | undefined,
  ): OpenedBitmap | undefined {
    try {
      return open();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#warn(`${name}: ${messageOf(error)}`);
      return undefined;
    }
  }

  #openSingle(file: StoredFile, pack: PoolPack): OpenedBitmap | undefined {
    const { opened, stored } = pack;
    const bytes = file.read(limitFor(opened.count));
    if (bytes === undefined) return undefined;
    const bitmap = this.#checked(
      new BitmapIndex(bytes, this.#format, opened.count),
    );
    if (!opened.open()) throw unusable("its pack is gone");
    const trailer = trailerOf(opened, this.#format);
    if (!equalBytes(bitmap.packChecksum(), trailer)) {
      throw unusable("it is of another pack");
    }
    return {
      name: file.name,
      index: bitmap,
      parts: [{ pack: opened, start: 0, end: opened.count }],
      commits: this.#commitIdsOf(bitmap, stored, trailer),
      types: bitmap.types(),
    };
  }

  /**
   * The ids of the commits that a pack's bitmap has, by row, read from the
   * pack's index, which must be that of the pack whose checksum is `trailer`.
   */
  #commitIdsOf(
    bitmap: BitmapIndex,
    stored: StoredPack,
    trailer: Uint8Array,
  ): Uint8Array {
    const file = openIndex(stored);
    if (file === undefined) throw unusable("its pack is gone");
    try {
      const raw = this.#format.rawLength;
      const head = new Uint8Array(PACK_INDEX_HEAD_BYTES);
      const length = file.readAt(head, 0);
      const { idsAt, stride } = packIndexRows(
        head.subarray(0, length),
        bitmap.objectCount,
        { size: file.size, rawLength: raw },
      );
      const named = new Uint8Array(raw);
      file.readAt(named, file.size - 2 * raw);
      if (!equalBytes(named, trailer)) throw unusable("its pack changed");
      const ids = new Uint8Array(bitmap.count * raw);
      for (let row = 0; row < bitmap.count; row++) {
        const id = ids.subarray(row * raw, (row + 1) * raw);
        file.readAt(id, idsAt + bitmap.position(row) * stride);
      }
      return ids;
    } finally {
      file.close();
    }
  }

  /** pack-bitmap.c: open_midx_bitmap_1. */
  #openMulti(
    stored: StoredMultiPackBitmap,
    packs: readonly PoolPack[],
  ): OpenedBitmap | undefined {
    const total = packs.reduce((sum, { opened }) => sum + opened.count, 0);
    const bytes = stored.index.read(limitFor(total));
    if (bytes === undefined) return undefined;
    const multi = this.#checked(new MultiPackIndex(bytes, this.#format));
    const checksum = multi.checksum();
    const file = stored.bitmap(toHex(checksum));
    const bitmapBytes = file.read(limitFor(multi.count));
    if (bitmapBytes === undefined) return undefined;
    const bitmap = this.#checked(
      new BitmapIndex(bitmapBytes, this.#format, multi.count),
    );
    if (!equalBytes(bitmap.packChecksum(), checksum)) {
      throw unusable("it is of another multi-pack-index");
    }
    const order = multi.order() ?? this.#reverseOrder(stored, multi);
    return {
      name: file.name,
      index: bitmap,
      parts: partsOf(multi, order, packsByNumber(multi, stored.prefix, packs)),
      commits: multiCommitIds(bitmap, multi, this.#format.rawLength),
      types: bitmap.types(),
    };
  }

  #reverseOrder(
    stored: StoredMultiPackBitmap,
    multi: MultiPackIndex,
  ): Uint32Array {
    const checksum = multi.checksum();
    const bytes = stored.reverse(toHex(checksum)).read(
      limitFor(multi.count),
    );
    if (bytes === undefined) {
      throw unusable("it is missing its reverse index");
    }
    const reverse = this.#checked(
      new ReverseIndex(bytes, this.#format, multi.count),
    );
    if (!equalBytes(reverse.packChecksum(), checksum)) {
      throw unusable("its reverse index is of another multi-pack-index");
    }
    return reverse.order();
  }

  #checked<T extends { readonly bytes: Uint8Array; checksum(): Uint8Array }>(
    file: T,
  ): T {
    const hash = this.#kernels.hash(this.#format);
    hash.update(file.bytes.subarray(0, -this.#format.rawLength));
    if (!equalBytes(hash.digest(), file.checksum())) {
      throw unusable("a file does not match its checksum");
    }
    return file;
  }
}

/** The ids of the commits that a multi-pack bitmap has, by row. */
function multiCommitIds(
  bitmap: BitmapIndex,
  multi: MultiPackIndex,
  rawLength: number,
): Uint8Array {
  const ids = new Uint8Array(bitmap.count * rawLength);
  for (let row = 0; row < bitmap.count; row++) {
    const at = multi.rawAt(bitmap.position(row));
    ids.set(multi.bytes.subarray(at, at + rawLength), row * rawLength);
  }
  return ids;
}

/** The checksum at the end of a pack that is open. */
function trailerOf(pack: OpenedPack, format: ObjectFormat): Uint8Array {
  const trailer = new Uint8Array(format.rawLength);
  // An empty pack has no last entry to end.
  if (pack.count > 0) pack.readAt(trailer, pack.end(pack.count - 1));
  return trailer;
}

/** The packs that a multi-pack-index counts. */
function packsByNumber(
  multi: MultiPackIndex,
  prefix: string,
  packs: readonly PoolPack[],
): OpenedPack[] {
  const byPath = new Map(packs.map((each) => [each.stored.path, each.opened]));
  return multi.packNames.map((name) => {
    const path = `${prefix}${name.replace(/\.idx$/, "")}`;
    const pack = byPath.get(path);
    if (pack === undefined || !pack.open()) {
      throw unusable(`its pack '${name}' is gone`);
    }
    return pack;
  });
}

/**
 * What the bits of a multi-pack bitmap stand for: the objects of one pack
 * after those of another, each pack's by ascending offsets.
 */
function partsOf(
  multi: MultiPackIndex,
  order: Uint32Array,
  packs: readonly OpenedPack[],
): BitmapPart[] {
  const parts: BitmapPart[] = [];
  const met = new Set<number>();
  const count = order.length;
  for (let start = 0; start < count;) {
    const number = multi.pack(order[start] as number);
    const pack = packs[number] as OpenedPack;
    if (met.has(number)) throw unusable("its packs are mixed");
    met.add(number);
    const ranks = new Int32Array(Math.min(pack.count, count - start));
    let end = start;
    let rank = 0;
    for (; end < count; end++) {
      const position = order[end] as number;
      if (multi.pack(position) !== number) break;
      const offset = multi.offset(position);
      while (rank < pack.count && pack.offset(rank) < offset) rank++;
      if (rank === pack.count || pack.offset(rank) !== offset) {
        throw unusable("its packs have other objects");
      }
      ranks[end - start] = rank++;
    }
    parts.push(
      end - start === pack.count
        ? { pack, start, end }
        : { pack, start, end, ranks: ranks.subarray(0, end - start) },
    );
    start = end;
  }
  return parts;
}

function unusable(reason: string): StorageError {
  return new StorageError("corrupt-bitmap", `Cannot use bitmap: ${reason}`);
}
