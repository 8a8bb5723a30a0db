/**
 * Text in the encodings that `working-tree-encoding` may name and that need no
 * tables.
 *
 * @module
 */

/**
 * `text` in an encoding by its name; `undefined` where that is not known here,
 * or has no place for a character of the text.
 */
export function encodeText(
  text: string,
  encoding: string,
): Uint8Array<ArrayBuffer> | undefined {
  const name = encoding.toUpperCase().replace(/^UTF(?=\d)/, "UTF-");
  switch (name) {
    case "UTF-16":
      // As iconv of the GNU C library writes it, and git where that is asked.
      return utf16(`\ufeff${text}`, "little");
    case "UTF-16LE":
      return utf16(text, "little");
    case "UTF-16BE":
      return utf16(text, "big");
    case "UTF-16LE-BOM":
      return utf16(`\ufeff${text}`, "little");
    case "UTF-32":
      return utf32(`\ufeff${text}`, "little");
    case "UTF-32LE":
      return utf32(text, "little");
    case "UTF-32BE":
      return utf32(text, "big");
    case "ASCII":
    case "US-ASCII":
      return narrow(text, 0x7f);
    case "ISO-8859-1":
    case "ISO8859-1":
    case "LATIN1":
      return narrow(text, 0xff);
    default:
      return undefined;
  }
}

type Order = "little" | "big";

function utf16(text: string, order: Order): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) {
    view.setUint16(i * 2, text.charCodeAt(i), order === "little");
  }
  return bytes;
}

function utf32(text: string, order: Order): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length * 4);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const character of text) {
    view.setUint32(at, character.codePointAt(0) ?? 0, order === "little");
    at += 4;
  }
  return bytes.subarray(0, at);
}

function narrow(
  text: string,
  highest: number,
): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > highest) return undefined;
    bytes[i] = code;
  }
  return bytes;
}
