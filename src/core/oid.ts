/**
 * Object names: text at the border, where a parser brands them, and raw bytes
 * or small integers inside. The object format is a value, never a constant:
 * SHA-1 and SHA-256 repositories are served by the same code.
 *
 * @see https://git-scm.com/docs/hash-function-transition
 * @module
 */

import { fromHex, toHex } from "./bytes.ts";

/** The name of an object: 40 or 64 lower-case hex digits. */
export type Oid = string & { readonly __brand: "Oid" };

/** One of git's two object formats, and the sizes that follow from it. */
export interface ObjectFormat {
  /** As `extensions.objectFormat` and `object-format=` spell it. */
  readonly name: "sha1" | "sha256";
  /** Bytes of a raw object name: 20 or 32. */
  readonly rawLength: 20 | 32;
  /** Hex digits of an object name: 40 or 64. */
  readonly hexLength: 40 | 64;
  /** The all-zero name that stands for "no object". */
  readonly zero: Oid;
  /** The format's number in pack indexes and bitmaps' headers: 1 or 2. */
  readonly version: 1 | 2;
}

/** The object format of most repositories. */
export const SHA1: ObjectFormat = {
  name: "sha1",
  rawLength: 20,
  hexLength: 40,
  zero: "0".repeat(40) as Oid,
  version: 1,
};

/** The newer object format, `git init --object-format=sha256`. */
export const SHA256: ObjectFormat = {
  name: "sha256",
  rawLength: 32,
  hexLength: 64,
  zero: "0".repeat(64) as Oid,
  version: 2,
};

/** Both formats, by name. */
export const OBJECT_FORMATS: Readonly<Record<string, ObjectFormat>> = {
  sha1: SHA1,
  sha256: SHA256,
};

const SHAPES: Readonly<Record<string, RegExp>> = {
  sha1: /^[0-9a-fA-F]{40}$/,
  sha256: /^[0-9a-fA-F]{64}$/,
};

/**
 * The object name that `text` spells in `format`, or `undefined`. Upper-case
 * digits are accepted, as git's `get_oid_hex` does.
 */
export function parseOid(text: string, format: ObjectFormat): Oid | undefined {
  const shape = SHAPES[format.name] as RegExp;
  return shape.test(text) ? text.toLowerCase() as Oid : undefined;
}

/** The object name whose raw bytes stand at `at`. */
export function oidFromRaw(
  bytes: Uint8Array,
  at: number,
  format: ObjectFormat,
): Oid {
  return toHex(bytes, at, at + format.rawLength) as Oid;
}

/** The raw bytes of an object name: 20 or 32 of them. */
export function oidToRaw(oid: Oid): Uint8Array<ArrayBuffer> {
  const raw = fromHex(oid);
  if (raw === undefined) {
    throw new TypeError(`Cannot use oid "${oid}": not hex`);
  }
  return raw;
}

/** Whether `oid` is the all-zero name. */
export function isZeroOid(oid: Oid): boolean {
  return oid === SHA1.zero || oid === SHA256.zero;
}
