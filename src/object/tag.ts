/**
 * What walks and listings need of an annotated tag: its target and its name.
 *
 * @module
 */

import { toBinary } from "../core/bytes.ts";
import { StorageError } from "../core/errors.ts";
import { type ObjectFormat, type Oid, parseOid } from "../core/oid.ts";
import { type Kind, kindOf } from "./kind.ts";

/** An annotated tag's head. */
export interface TagLinks {
  /** The object it tags. */
  readonly target: Oid;
  /** The kind that it says its target has. */
  readonly kind: Kind;
  /** The name after "tag ", a binary string. */
  readonly name: string;
}

// tag.c: parse_tag_buffer keeps the type in 20 bytes.
const TYPE_MAX = 19;

/**
 * Parses a tag with the tolerance of tag.c: parse_tag_buffer. Throws
 * StorageError "corrupt-object".
 */
export function parseTag(data: Uint8Array, format: ObjectFormat): TagLinks {
  const { hexLength } = format;
  if (data.length < hexLength + 24) throw corrupt("tag is too short");
  const target = parseOid(toBinary(data, 7, 7 + hexLength), format);
  const typeAt = 7 + hexLength + 1;
  if (
    toBinary(data, 0, 7) !== "object " || target === undefined ||
    data[typeAt - 1] !== 0x0a
  ) {
    throw corrupt("bad object line in tag");
  }
  if (toBinary(data, typeAt, typeAt + 5) !== "type ") {
    throw corrupt("bad type line in tag");
  }
  const typeEnd = data.indexOf(0x0a, typeAt + 5);
  if (typeEnd < 0 || typeEnd - typeAt - 5 > TYPE_MAX) {
    throw corrupt("bad type line in tag");
  }
  const type = toBinary(data, typeAt + 5, typeEnd);
  const kind = kindOf(type);
  if (kind === undefined) throw corrupt("unknown tag type in tag");
  const tagAt = typeEnd + 1;
  const tagEnd = data.indexOf(0x0a, tagAt);
  if (
    tagAt + 4 >= data.length ||
    toBinary(data, tagAt, tagAt + 4) !== "tag " || tagEnd < 0
  ) {
    throw corrupt("bad tag line in tag");
  }
  return { target, kind, name: toBinary(data, tagAt + 4, tagEnd) };
}

function corrupt(message: string): StorageError {
  return new StorageError("corrupt-object", message);
}
