/**
 * What is said of packs that are broken or too large, in git's words where git
 * has some.
 *
 * @module
 */

import { ProtocolError, RefusedError } from "../../core/errors.ts";

/**
 * The pack ends before it should. Codes: "pack-header" here and below for what
 * git finds before it starts `index-pack`, whose words stand behind "unpack ".
 */
export function earlyEnd(): ProtocolError {
  return new ProtocolError("early-eof", "early EOF");
}

/** builtin/receive-pack.c: parse_pack_header. */
export function badHeader(state: string): ProtocolError {
  return new ProtocolError("pack-header", state);
}

/** builtin/index-pack.c: bad_object. */
export function badObject(offset: number, state: string): ProtocolError {
  return new ProtocolError(
    "bad-pack",
    `pack has bad object at offset ${offset}: ${state}`,
  );
}

/** Something else about the pack. */
export function badPack(message: string): ProtocolError {
  return new ProtocolError("bad-pack", message);
}

/** builtin/index-pack.c: conclude_pack. */
export function unresolvedDeltas(count: number): ProtocolError {
  return new ProtocolError(
    "unresolved-deltas",
    `pack has ${count} unresolved ${count === 1 ? "delta" : "deltas"}`,
  );
}

/** builtin/index-pack.c: sha1_object. */
export function collisionFound(id: string): ProtocolError {
  return new ProtocolError("collision", `SHA1 COLLISION FOUND WITH ${id} !`);
}

/** A limit on what the pack comes to was passed. */
export function beyondLimit(message: string): RefusedError {
  return new RefusedError("pack-limit", message);
}

/** An object takes more bytes than it may. */
export function objectTooLarge(size: number, most: number): RefusedError {
  return beyondLimit(`pack has an object of ${size} bytes, more than ${most}`);
}

/** An object that deltas are based on takes more than it may. */
export function baseTooLarge(size: number, most: number): RefusedError {
  return beyondLimit(
    `pack has a delta of an object of ${size} bytes, more than ${most}`,
  );
}

/** builtin/index-pack.c: use. */
export function inputTooLarge(limit: number): RefusedError {
  return beyondLimit(
    `pack exceeds maximum allowed size (${humanBytes(limit)})`,
  );
}

/** A number of bytes as strbuf.c: strbuf_humanise_bytes writes it. */
export function humanBytes(bytes: number): string {
  if (bytes > 2 ** 30) {
    const rest = Math.floor((bytes % 2 ** 30) / 10_737_419);
    return `${Math.floor(bytes / 2 ** 30)}.${two(rest)} GiB`;
  }
  if (bytes > 2 ** 20) return scaled(bytes + 5243, 2 ** 20, "MiB");
  if (bytes > 2 ** 10) return scaled(bytes + 5, 2 ** 10, "KiB");
  return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
}

function scaled(bytes: number, unit: number, name: string): string {
  const rest = Math.floor(((bytes % unit) * 100) / unit);
  return `${Math.floor(bytes / unit)}.${two(rest)} ${name}`;
}

function two(value: number): string {
  return `${value}`.padStart(2, "0");
}
