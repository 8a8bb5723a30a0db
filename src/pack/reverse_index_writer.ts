/**
 * Writes reverse indexes (.rev) of packs, in pieces.
 *
 * @see https://git-scm.com/docs/gitformat-pack#_pack_rev_files_have_the_format
 * @module
 */

import { writeUint32 } from "../core/bytes.ts";
import type { ObjectFormat } from "../core/oid.ts";
import { HashedPieces } from "./hashed_pieces.ts";
import type { IndexInit } from "./index_writer.ts";

/**
 * The reverse index of a pack whose ranks, in the order of their ids, are
 * `order`. Pieces are lent until the next one is asked for.
 */
export function* reverseIndexPieces(
  format: ObjectFormat,
  { order, checksum, kernels }: Omit<IndexInit, "largeFrom">,
): Generator<Uint8Array, void, void> {
  const positions = new Uint32Array(order.length);
  for (let position = 0; position < order.length; position++) {
    positions[order[position] as number] = position;
  }
  const file = new HashedPieces(format, kernels);
  const head = [0x52494458, 1, format.version]; // RIDX
  yield* file.rows(head.length, 4, (bytes, at, row) => {
    writeUint32(bytes, at, head[row] as number);
  });
  yield* file.rows(positions.length, 4, (bytes, at, row) => {
    writeUint32(bytes, at, positions[row] as number);
  });
  yield file.end(checksum);
}
