/**
 * Reads what an entry of a stored pack inflates to, in pieces.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";
import type { InflateStream, Kernels } from "../../kernels/types.ts";
import type { PackEntries } from "./entries.ts";
import type { StoredPack } from "./ports.ts";

const READ_BYTES = 64 * 1024;

/** Inflates entries that were scanned before. */
export class EntryStream {
  readonly #pack: StoredPack;
  readonly #entries: PackEntries;
  readonly #stream: InflateStream;
  readonly #buffer = new Uint8Array(READ_BYTES);

  /** Of one pack. */
  constructor(
    pack: StoredPack,
    entries: PackEntries,
    kernels: Pick<Kernels, "inflateStream">,
  ) {
    this.#pack = pack;
    this.#entries = entries;
    this.#stream = kernels.inflateStream();
  }

  /**
   * What the entry inflates to, its delta if it is one; each piece is lent
   * until the next is asked for. Throws StorageError "corrupt-pack" where the
   * pack cannot be read back.
   */
  *read(rank: number): Generator<Uint8Array, void, void> {
    const { offsets, heads, sizes } = this.#entries;
    let position = (offsets[rank] as number) + (heads[rank] as number);
    const buffer = this.#buffer;
    let at = 0;
    let end = 0;
    this.#stream.restart();
    for (;;) {
      const room = (sizes[rank] as number) + 1;
      const step = this.#stream.step(buffer, at, end, room);
      at += step.consumed;
      if (step.output.length > 0) yield step.output;
      if (step.state === "end") return;
      if (step.state === "output") continue;
      buffer.copyWithin(0, at, end);
      end -= at;
      at = 0;
      const count = this.#pack.readAt(buffer.subarray(end), position);
      if (count === 0) {
        // The last stream may want bytes behind it where no trailer is yet.
        buffer.fill(0, end, end + 16);
        if (end + 16 > READ_BYTES || this.#padded(rank)) {
          throw new StorageError(
            "corrupt-pack",
            "Cannot read the received pack: it ends too early",
          );
        }
        end += 16;
      }
      end += count;
      position += count;
    }
  }

  #paddedRank = -1;

  /** Whether this entry was padded before. */
  #padded(rank: number): boolean {
    const before = this.#paddedRank === rank;
    this.#paddedRank = rank;
    return before;
  }
}
