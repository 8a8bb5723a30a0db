/**
 * What a reftable's header and footer say. Pure.
 *
 * @see https://git-scm.com/docs/reftable
 * @module
 */

import { equalBytes, readUint32 } from "../../../core/bytes.ts";
import { type ObjectFormat, SHA1, SHA256 } from "../../../core/oid.ts";
import type { Kernels } from "../../../kernels/types.ts";
import { BLOCK } from "./block.ts";
import { badTable, readUint24 } from "./cursor.ts";

/** So many bytes from a file's start tell all that its start can. */
export const HEAD_BYTES = 29;

/** The longest footer. */
export const MAX_FOOTER_BYTES = 72;

/** How every table starts: "REFT". */
export const MAGIC = 0x52454654;

/** What headers of version 2 call the formats of ids: "sha1", "s256". */
export const HASH_IDS: ReadonlyMap<number, ObjectFormat> = new Map([
  [0x73686131, SHA1],
  [0x73323536, SHA256],
]);

/** Where a table's parts are. */
export interface TableShape {
  /** The format of its ids. */
  readonly format: ObjectFormat;
  /** 24 or 28. */
  readonly headerLength: number;
  /** Blocks start at multiples of this; 0 where they are not aligned. */
  readonly blockSize: number;
  /** The end of what ref blocks and their index take; 0 if there are none. */
  readonly refsEnd: number;
  /** Where the root of the ref index is; 0 if there is none. */
  readonly indexAt: number;
  /** Where the log blocks start, if {@linkcode TableShape.hasLogs}. */
  readonly logsAt: number;
  /** Where the root of their index is; 0 if there is none. */
  readonly logIndexAt: number;
  /** Whether there are log blocks; they may start at 0. */
  readonly hasLogs: boolean;
  /** The end of everything but the footer. */
  readonly blocksEnd: number;
  /** The least update index of its records. */
  readonly minUpdateIndex: number;
  /** The largest one. */
  readonly maxUpdateIndex: number;
}

/**
 * Reads a table's shape from its first bytes (up to
 * {@linkcode HEAD_BYTES}), its last ones (up to
 * {@linkcode MAX_FOOTER_BYTES}) and its size. Throws StorageError
 * "bad-reftable".
 */
export function readShape(
  head: Uint8Array,
  tail: Uint8Array,
  size: number,
  options: {
    readonly path: string;
    readonly kernels: Pick<Kernels, "crc32">;
  },
): TableShape {
  const { path, kernels } = options;
  if (head.length < 5 || readUint32(head, 0) !== MAGIC) {
    throw badTable(path, "it does not start as one");
  }
  const version = head[4] as number;
  if (version !== 1 && version !== 2) {
    throw badTable(path, `its version ${version} is unknown`);
  }
  const headerLength = version === 1 ? 24 : 28;
  const footerLength = headerLength + 44;
  if (size < headerLength + footerLength || tail.length < footerLength) {
    throw badTable(path, "it is too short");
  }
  const footer = tail.subarray(tail.length - footerLength);
  const header = head.subarray(0, headerLength);
  if (!equalBytes(footer.subarray(0, headerLength), header)) {
    throw badTable(path, "its end does not repeat its start");
  }
  const checked = footer.subarray(0, footerLength - 4);
  if (kernels.crc32(checked) !== readUint32(footer, footerLength - 4)) {
    throw badTable(path, "the checksum of its footer is wrong");
  }
  const format = version === 1 ? SHA1 : HASH_IDS.get(readUint32(head, 24));
  if (format === undefined) throw badTable(path, "its hash is unknown");
  const place = (index: number): number =>
    readPlace(footer, headerLength + 8 * index, path);
  const blocksEnd = size - footerLength;
  const hasRefs = blocksEnd > headerLength && head[headerLength] === BLOCK.ref;
  const isLog = head[headerLength] === BLOCK.log;
  if (blocksEnd > headerLength && !hasRefs && !isLog) {
    throw badTable(path, "its first block is of the wrong type");
  }
  const [indexAt, objects, objectIndex, logs, logIndex] = [0, 1, 2, 3, 4]
    .map(place) as [number, number, number, number, number];
  const starts = [Math.floor(objects / 32), objectIndex, logs, logIndex];
  const refsEnd = Math.min(blocksEnd, ...starts.filter((at) => at > 0));
  if (hasRefs && (refsEnd <= headerLength || indexAt >= refsEnd)) {
    throw badTable(path, "its sections are out of order");
  }
  return {
    format,
    headerLength,
    blockSize: readUint24(head, 5),
    refsEnd: hasRefs ? refsEnd : 0,
    indexAt: hasRefs ? indexAt : 0,
    logsAt: logs,
    logIndexAt: logIndex,
    hasLogs: isLog || logs > 0,
    blocksEnd,
    minUpdateIndex: readPlace(footer, 8, path),
    maxUpdateIndex: readPlace(footer, 16, path),
  };
}

/** The 64-bit number at `at`. */
function readPlace(bytes: Uint8Array, at: number, path: string): number {
  const value = readUint32(bytes, at) * 2 ** 32 + readUint32(bytes, at + 4);
  if (!Number.isSafeInteger(value)) {
    throw badTable(path, "a number is too large");
  }
  return value;
}
