/**
 * Text in the encodings that commits name, from and to UTF-8, as far as the
 * platform's TextDecoder knows them: what iconv does for git. Binary strings.
 *
 * Not known are UTF-16 and UTF-32, which no commit can be in, and what no
 * browser reads; ISO-2022-JP is read but not written. Text in those stays as
 * it is, as it does in a git without that encoding.
 *
 * @see https://encoding.spec.whatwg.org/
 * @module
 */

import { fromBinary, toBinary, utf8ToBinary } from "../core/bytes.ts";

const MULTI_BYTE = new Set([
  ...["gbk", "gb18030", "big5", "euc-jp", "shift_jis", "euc-kr"],
]);

const LATIN1 = /^(iso[-_]?8859[-_]1(:1987)?|latin-?1|l1|ibm819|cp819)$/;
const ASCII = /^((us-)?ascii|ansi_x3\.4-19(68|86)|iso646-us|us|cp367|646)$/;

/** Both directions of one encoding; undefined where text is not in it. */
interface Codec {
  decode(text: string): string | undefined;
  encode(text: string): string | undefined;
}

/** Codecs by name; make one and keep it, since tables are costly. */
export class Encodings {
  readonly #codecs = new Map<string, Codec | undefined>();

  /** `text` in UTF-8; undefined where it cannot be made. */
  toUtf8(text: string, encoding: string): string | undefined {
    const decoded = this.#codec(encoding)?.decode(text);
    return decoded === undefined ? undefined : utf8ToBinary(decoded);
  }

  /** `text`, in UTF-8, in `encoding`; undefined where it cannot be made. */
  fromUtf8(text: string, encoding: string): string | undefined {
    const codec = this.#codec(encoding);
    if (codec === undefined) return undefined;
    try {
      const decoder = new TextDecoder("utf-8", {
        fatal: true,
        ignoreBOM: true,
      });
      return codec.encode(decoder.decode(fromBinary(text)));
    } catch {
      return undefined; // Not UTF-8.
    }
  }

  #codec(encoding: string): Codec | undefined {
    const name = encoding.toLowerCase();
    if (!this.#codecs.has(name)) this.#codecs.set(name, makeCodec(name));
    return this.#codecs.get(name);
  }
}

/** utf8.c: same_encoding: "utf8" is "UTF-8". */
export function isUtf8Name(encoding: string): boolean {
  return /^utf-?8$/i.test(encoding);
}

function makeCodec(name: string): Codec | undefined {
  if (LATIN1.test(name)) return singleByte(identity(256));
  if (ASCII.test(name)) return singleByte(identity(128));
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(name, { fatal: true, ignoreBOM: true });
  } catch {
    return undefined;
  }
  const known = decoder.encoding.toLowerCase();
  if (/^(utf-|x-|replacement)/.test(known)) return undefined;
  if (known === "iso-2022-jp") {
    return { decode: whole(decoder), encode: () => undefined };
  }
  if (MULTI_BYTE.has(known)) {
    let table: Map<string, string> | undefined;
    return {
      decode: whole(decoder),
      encode(text) {
        table ??= pairTable(known);
        return encodeWith(table, text);
      },
    };
  }
  const lenient = new TextDecoder(name);
  // Browsers read ISO encodings as those of Windows, which have more.
  const hasControls = /^iso[-_]?8859/.test(name) || /^latin\d/.test(name);
  return singleByte(Array.from({ length: 256 }, (_, byte) => {
    const isControl = byte >= 0x80 && byte < 0xa0;
    if (isControl && hasControls) return String.fromCharCode(byte);
    const character = lenient.decode(Uint8Array.of(byte));
    const isMadeUp = character >= "\x80" && character < "\xa0";
    return character === "\ufffd" || isMadeUp ? undefined : character;
  }));
}

function identity(length: number): string[] {
  return Array.from({ length }, (_, byte) => String.fromCharCode(byte));
}

function singleByte(characters: readonly (string | undefined)[]): Codec {
  const table = new Map<string, string>();
  for (const [byte, character] of characters.entries()) {
    if (character !== undefined && !table.has(character)) {
      table.set(character, String.fromCharCode(byte));
    }
  }
  return {
    decode(text) {
      const parts: string[] = [];
      for (let i = 0; i < text.length; i++) {
        const character = characters[text.charCodeAt(i)];
        if (character === undefined) return undefined;
        parts.push(character);
      }
      return parts.join("");
    },
    encode: (text) => encodeWith(table, text),
  };
}

function whole(decoder: TextDecoder): (text: string) => string | undefined {
  return (text) => {
    try {
      return decoder.decode(fromBinary(text));
    } catch {
      return undefined;
    }
  };
}

/** What each byte and pair of bytes stands for, the other way around. */
function pairTable(name: string): Map<string, string> {
  const table = new Map<string, string>();
  const decoder = new TextDecoder(name, { ignoreBOM: true });
  const rare: Uint8Array[] = [];
  const add = (bytes: Uint8Array) => {
    const character = decoder.decode(bytes);
    const isOne = [...character].length === 1 && character !== "\ufffd";
    if (isOne && !table.has(character)) table.set(character, toBinary(bytes));
  };
  for (let first = 0; first < 256; first++) add(Uint8Array.of(first));
  for (let first = 0x81; first < 0xff; first++) {
    for (let second = 0x40; second < 0xff; second++) {
      add(Uint8Array.of(first, second));
      const isThird = name === "euc-jp" && first > 0xa0 && second > 0xa0;
      if (isThird) rare.push(Uint8Array.of(0x8f, first, second));
    }
  }
  for (const bytes of rare) add(bytes);
  return table;
}

function encodeWith(
  table: ReadonlyMap<string, string>,
  text: string,
): string | undefined {
  const parts: string[] = [];
  for (const character of text) {
    const bytes = table.get(character);
    if (bytes === undefined) return undefined;
    parts.push(bytes);
  }
  return parts.join("");
}
