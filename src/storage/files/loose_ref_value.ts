/**
 * What a loose ref file says, and which badly named refs are merely skipped.
 * Pure.
 *
 * @module
 */

import { toBinary } from "../../core/bytes.ts";
import { isZeroOid, type ObjectFormat, parseOid } from "../../core/oid.ts";
import {
  isSafeRefName,
  parseRefName,
  type RefName,
} from "../../core/ref_name.ts";
import type { RawRef } from "../ref_snapshot.ts";

/**
 * The value in a loose ref file, or `undefined` where it is torn or garbage
 * (files-backend.c: parse_loose_ref_contents; an all-zero id is broken too).
 */
export function parseLooseRef(
  bytes: Uint8Array,
  format: ObjectFormat,
): RawRef | undefined {
  const text = toBinary(bytes).replace(/[ \t\r\n]+$/, "");
  // git holds it as a C string.
  const nul = text.indexOf("\0");
  const value = nul < 0 ? text : text.slice(0, nul);
  if (value.startsWith("ref:")) {
    return symrefTo(value.slice("ref:".length).replace(/^[ \t\r\n]+/, ""));
  }
  const oid = parseOid(value.slice(0, format.hexLength), format);
  const after = value.slice(format.hexLength, format.hexLength + 1);
  if (oid === undefined || !/^[ \t\r\n]?$/.test(after)) return undefined;
  return isZeroOid(oid) ? undefined : { oid };
}

/** A symref to what may be a ref name. */
export function symrefTo(name: string): { symref: RefName } | undefined {
  const symref = parseRefName(name);
  return symref !== undefined && isSafeRefName(symref) ? { symref } : undefined;
}

/**
 * Whether a name that breaks the rules is harmless as a path (refs.c:
 * refname_is_safe): git skips refs with such names and dies of others.
 */
export function isSafeBadName(name: string): boolean {
  if (!name.startsWith("refs/")) return /^[A-Z_]+$/.test(name);
  const rest = name.slice("refs/".length).split("/");
  return rest.every((part) => part !== "" && part !== "." && part !== "..");
}
