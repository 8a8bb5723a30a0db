/**
 * What one command line argument looks like, on its own. Not what it means:
 * that depends on the options of `parseArgs`.
 *
 * @module
 */

/** The shapes of an argument. `-` alone is a value: it names stdin. */
export type ArgumentKind = "long" | "short" | "value";

/** Tells the shape of an argument that stands before any `--`. */
export function argumentKind(arg: string): ArgumentKind {
  if (arg.startsWith("--")) return "long";
  return arg.startsWith("-") && arg.length > 1 ? "short" : "value";
}

/**
 * The number that a text spells as `Number` reads it (decimal, exponent, `0x`),
 * or the text itself. Blank text and infinities are text.
 */
export function parseNumber(text: string): number | string {
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}
