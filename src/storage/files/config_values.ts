/**
 * Values of configuration as booleans and integers, with git's grammar and
 * git's complaints.
 *
 * @module
 */

import { StorageError } from "../../core/errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};

const MAX_INT = 2 ** 31 - 1;
const TRUE: ReadonlySet<string> = new Set(["true", "yes", "on"]);
const FALSE: ReadonlySet<string> = new Set(["", "false", "no", "off"]);

// strtoimax with base 0: sign, then hexadecimal, octal or decimal.
const NUMBER = /^[ \t\n\v\f\r]*([+-]?)(?:0x([0-9a-f]+)|(0[0-7]*)|([1-9]\d*))/i;

/**
 * The boolean that a value means (config.c: git_config_bool); `undefined`
 * stands for a key without "=". Throws StorageError "bad-config".
 */
export function parseBoolean(key: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  const word = value.toLowerCase();
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  const number = readNumber(value, MAX_INT);
  if (typeof number === "number") return number !== 0;
  throw new StorageError(
    "bad-config",
    `bad boolean config value '${value}' for '${key}'`,
  );
}

/**
 * The integer that a value means, with its unit, up to `limit` in magnitude;
 * beyond 2^53 - 1 it is out of range in any case. Throws StorageError
 * "bad-config" (config.c: die_bad_number).
 */
export function parseInteger(
  key: string,
  value: string | undefined,
  limit: number = Number.MAX_SAFE_INTEGER,
): number {
  const number = readNumber(value ?? "", limit);
  if (typeof number === "number") return number;
  throw new StorageError(
    "bad-config",
    `bad numeric config value '${value ?? ""}' for '${key}': ${number}`,
  );
}

/** `parseInteger` within a C `int`, as for `core.repositoryFormatVersion`. */
export function parseInt32(key: string, value: string | undefined): number {
  return parseInteger(key, value, MAX_INT);
}

function readNumber(
  value: string,
  limit: number,
): number | "invalid unit" | "out of range" {
  const match = NUMBER.exec(value);
  if (match === null) return "invalid unit";
  const [whole, sign, hex, octal, decimal] = match;
  const unit = UNITS[value.slice(whole.length).toLowerCase()];
  const magnitude = hex !== undefined
    ? parseInt(hex, 16)
    : octal !== undefined
    ? parseInt(octal, 8)
    : Number(decimal);
  // strtoimax fails before the unit is looked at.
  if (magnitude >= 2 ** 63) return "out of range";
  if (unit === undefined) return "invalid unit";
  if (magnitude * unit > limit) return "out of range";
  return sign === "-" && magnitude > 0 ? -magnitude * unit : magnitude * unit;
}
