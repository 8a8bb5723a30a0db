/**
 * Files with a user to each line, "name:secret": what passwords and tokens have
 * in common. What stands behind the colon is never repeated to anybody.
 *
 * @module
 */

import { printable, utf8ToBinary } from "../../core/bytes.ts";
import { UsageError } from "../../core/errors.ts";

/** One line of such a file. */
export interface UserLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The user's name. */
  readonly user: string;
  /** What stands behind the first colon. */
  readonly secret: string;
}

/** Larger files are not read. */
export const MAX_USER_FILE_BYTES: number = 4 * 1024 * 1024;
/** Longer names are no names. */
export const MAX_USER_BYTES = 255;

/** What rules say for others than users. */
const RESERVED: readonly string[] = ["anyone", "users", "nobody"];

/**
 * The lines of `file`, without comments and empty ones; they may end in CRLF.
 * `remedy` is what a UsageError tells to do about a line that is none.
 */
export function parseUserLines(
  bytes: Uint8Array,
  file: string,
  remedy: string,
): readonly UserLine[] {
  const lines: UserLine[] = [];
  let number = 0;
  for (const raw of decode(bytes, file).split("\n")) {
    number++;
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (/^[ \t]*(?:#.*)?$/.test(line)) continue;
    const colon = line.indexOf(":");
    const user = line.slice(0, Math.max(0, colon));
    const fault = colon < 0 ? "no colon" : faultOfUser(user);
    if (fault !== undefined) throw badLine(file, number, fault, remedy);
    lines.push({ number, user, secret: line.slice(colon + 1) });
  }
  return lines;
}

/** The error for a line of such a file, with the command that would help. */
export function badLine(
  file: string,
  number: number,
  fault: string,
  remedy: string,
): UsageError {
  return new UsageError(
    "user-file",
    `${printable(file, 4096)}:${number}: ${fault}\nhint: ${remedy}`,
  );
}

function faultOfUser(user: string): string | undefined {
  if (user === "") return "no user name";
  if (utf8ToBinary(user).length > MAX_USER_BYTES) return "a user name too long";
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x1f\x7f]/.test(user)) return "a control character in a user name";
  return RESERVED.includes(user) || user.startsWith("@")
    ? `no user can be called '${printable(user)}': rules mean others by it`
    : undefined;
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new UsageError("user-file", `${printable(file, 4096)}: not UTF-8`, {
      cause,
    });
  }
}
