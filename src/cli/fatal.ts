/**
 * The last line of a command that failed, as git prints it.
 *
 * @module
 */

/** usage.c: vreportf has a buffer of 4096 bytes. */
const MAX_BYTES = 4095;

/**
 * `fatal: <message>` for a terminal: control characters, which may come from a
 * client, are question marks, and the rest of a long line is left out.
 */
export function fatalLine(message: string): string {
  // deno-lint-ignore no-control-regex
  const text = `fatal: ${message}`.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "?");
  const bytes = new TextEncoder().encode(text.slice(0, MAX_BYTES));
  const line = bytes.length <= MAX_BYTES
    ? text.slice(0, MAX_BYTES)
    : new TextDecoder().decode(bytes.subarray(0, MAX_BYTES));
  return `${line}\n`;
}
