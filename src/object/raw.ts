/**
 * The framing that ids and loose objects share: a kind, a size and a NUL in
 * front of the content. No compression and no files.
 *
 * @see https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
 * @module
 */

import { fromBinary } from "../core/bytes.ts";
import { type ObjectFormat, type Oid, oidFromRaw } from "../core/oid.ts";
import type { Kernels } from "../kernels/types.ts";
import { type Kind, kindName, kindOf } from "./kind.ts";

/** An object's header, decoded. */
export interface ObjectHeader {
  /** Its kind. */
  readonly kind: Kind;
  /** Bytes of its content. */
  readonly size: number;
  /** Bytes of the header, its NUL included. */
  readonly length: number;
}

/** More bytes than any header takes (object-file.c: MAX_HEADER_LEN). */
export const OBJECT_HEADER_MAX = 32;

/** The header "blob 12\0" of an object. */
export function encodeObjectHeader(
  kind: Kind,
  size: number,
): Uint8Array<ArrayBuffer> {
  return fromBinary(`${kindName(kind)} ${size}\0`);
}

/**
 * Decodes the header at the start of `bytes`; `undefined` where it is none, as
 * object-file.c: parse_loose_header_extended: a known kind, one space, a size
 * in digits without a leading zero and below 2^53, a NUL.
 */
export function parseObjectHeader(bytes: Uint8Array): ObjectHeader | undefined {
  let at = 0;
  let name = "";
  while (at < bytes.length && bytes[at] !== 0x20) {
    if (at === OBJECT_HEADER_MAX) return undefined;
    name += String.fromCharCode(bytes[at++] as number);
  }
  const kind = kindOf(name);
  if (kind === undefined || at === bytes.length) return undefined;
  const first = ++at;
  let size = 0;
  for (; at < bytes.length; at++) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    if (size === 0 && at > first) return undefined;
    size = size * 10 + digit;
    if (size > Number.MAX_SAFE_INTEGER) return undefined;
  }
  if (at === first || bytes[at] !== 0) return undefined;
  return { kind, size, length: at + 1 };
}

/**
 * The id of an object: the hash of its header and content. Throws KernelError
 * "collision" for objects that were made to share their SHA-1 with another.
 */
export function objectId(
  kind: Kind,
  data: Uint8Array,
  format: ObjectFormat,
  kernels: Pick<Kernels, "objectHash">,
): Oid {
  const hash = kernels.objectHash(format);
  hash.update(encodeObjectHeader(kind, data.length));
  hash.update(data);
  return oidFromRaw(hash.digest(), 0, format);
}
