/**
 * The body of a request, out of standard input.
 *
 * @module
 */

import type { Connection } from "../../core/host.ts";

/** How much is read at once. */
const PIECE_BYTES = 64 * 1024;

/**
 * So many bytes of what a source has, and never one more: the web server may
 * keep it open. Without a length all of it. What ends early ends the body,
 * too: the service finds out what is missing.
 */
export class CgiBody {
  /** The bytes. */
  readonly stream: ReadableStream<Uint8Array>;

  /** Reads nothing yet. */
  constructor(source: Pick<Connection, "read">, length: number | undefined) {
    let left = length ?? Infinity;
    this.stream = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const piece = new Uint8Array(Math.min(left, PIECE_BYTES));
        const count = left === 0 ? 0 : await source.read(piece);
        left -= count;
        if (count > 0) controller.enqueue(piece.subarray(0, count));
        if (count === 0 || left === 0) controller.close();
      },
    }, { highWaterMark: 0 });
  }
}
