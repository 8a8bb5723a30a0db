/**
 * Numbers in requests, read as the C library reads them with base 0.
 *
 * @module
 */

const NUMBER = /^[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)$/;
const LONG_MAX = 2n ** 63n - 1n;
const UINTMAX_MAX = 2n ** 64n - 1n;

/**
 * The value of `(int)strtol(text, &end, 0)` where all of `text` is a number;
 * `undefined` where it is not. Hexadecimal (`0x`) and octal (`0`) are taken; a
 * value beyond 63 bits is cut to them first, then to 32 bits.
 */
export function parseInt32(text: string): number | undefined {
  const value = parse(text);
  if (value === undefined) return undefined;
  const long = value > LONG_MAX
    ? LONG_MAX
    : value < -LONG_MAX - 1n
    ? -LONG_MAX - 1n
    : value;
  return Number(BigInt.asIntN(32, long));
}

/**
 * The value of git's `parse_timestamp(text, &end, 0)`: unsigned 64 bits, a
 * minus sign wraps around. `undefined` where not all of `text` is a number, and
 * for the highest value, which stands for overflow and which git refuses.
 * Above 2^53 the result is rounded.
 */
export function parseTimestamp(text: string): number | undefined {
  const value = parse(text);
  if (value === undefined) return undefined;
  if (value > UINTMAX_MAX || value < -UINTMAX_MAX) return undefined;
  const wrapped = BigInt.asUintN(64, value);
  return wrapped === UINTMAX_MAX ? undefined : Number(wrapped);
}

function parse(text: string): bigint | undefined {
  // Longer digits than any number has: refuse before making a bigint of them.
  if (text.length > 100) return undefined;
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const digits = match[2] as string;
  let value: bigint;
  if (/^0[xX]/.test(digits)) {
    value = BigInt(digits);
  } else if (digits.length > 1 && digits.startsWith("0")) {
    if (!/^[0-7]+$/.test(digits)) return undefined;
    value = BigInt(`0o${digits.slice(1)}`);
  } else {
    value = BigInt(digits);
  }
  return match[1] === "-" ? -value : value;
}

// strtoumax: what is behind "0x" without digits, or behind octal ones, is left.
const UNSIGNED =
  /^[ \t\n\v\f\r]*\+?(?:0[xX]0*([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))(.*)$/s;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["k", 1024n],
  ["m", 1024n ** 2n],
  ["g", 1024n ** 3n],
]);

/**
 * The value of git's `git_parse_ulong(text)`: unsigned 64 bits with a unit k, m
 * or g behind them. `undefined` where it is none, or out of range.
 */
export function parseUnsigned(text: string): bigint | undefined {
  if (text.includes("-")) return undefined;
  const match = UNSIGNED.exec(text);
  if (match === null) return undefined;
  const [, hex, octal, decimal, rest = ""] = match;
  const unit = UNITS.get(rest.toLowerCase());
  const digits = hex ?? octal?.replace(/^0+/, "") ?? decimal ?? "";
  // More digits than any number has are not made a bigint of.
  if (unit === undefined || digits.length > 22) return undefined;
  const prefix = hex !== undefined ? "0x" : octal !== undefined ? "0o" : "";
  const value = BigInt(digits === "" ? "0" : prefix + digits) * unit;
  return value > UINTMAX_MAX ? undefined : value;
}
