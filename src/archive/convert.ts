/**
 * What git does to a file on its way out of a repository, as far as no program
 * has to run: ends of lines, `ident`, and encodings (convert.c).
 *
 * @see https://git-scm.com/docs/gitattributes
 * @module
 */

import { concatBytes, fromBinary, toBinary, toUtf8 } from "../core/bytes.ts";
import type { Oid } from "../core/oid.ts";
import type { AttributeValue } from "./attributes.ts";
import { encodeText } from "./encode_text.ts";

/** What the configuration says of ends of lines. */
export interface LineEnds {
  /** `core.autocrlf`. */
  readonly autocrlf: "true" | "false" | "input";
  /** `core.eol`, where it is "lf" or "crlf". */
  readonly eol?: "lf" | "crlf";
}

/** The attributes that decide, each as it was found. */
export interface ConversionAttributes {
  readonly text: AttributeValue;
  /** What `text` was called once. */
  readonly crlf: AttributeValue;
  readonly eol: AttributeValue;
  readonly ident: AttributeValue;
  readonly encoding: AttributeValue;
}

/** One file's conversion. */
export interface Conversion {
  readonly attributes: ConversionAttributes;
  readonly lineEnds: LineEnds;
  /** The blob. */
  readonly oid: Oid;
  /** Its path, for messages. */
  readonly path: string;
  /** Takes errors that cost the conversion alone, a line each. */
  readonly complain: (line: string) => void;
}

/** The content as it would be checked out: `data` itself where it stays. */
export function convertForCheckout(
  data: Uint8Array,
  conversion: Conversion,
): Uint8Array {
  const { attributes, lineEnds, oid } = conversion;
  let out = data;
  if (attributes.ident === true) out = expandIdent(out, oid);
  const ends = endsOf(attributes, lineEnds);
  if (ends !== "keep") out = withCrlf(out, ends);
  const { encoding } = attributes;
  return typeof encoding === "string" && encoding !== ""
    ? encoded(out, encoding, conversion)
    : out;
}

/** Whether to end lines with CRLF: always, in what looks like text, or not. */
type Ends = "crlf" | "guess" | "keep";

/** convert.c: convert_attrs and output_eol, as far as checkouts go. */
function endsOf(attributes: ConversionAttributes, lineEnds: LineEnds): Ends {
  const { autocrlf, eol: coreEol } = lineEnds;
  const action = textAction(attributes.text) ?? textAction(attributes.crlf);
  const byDefault = autocrlf === "true" ||
    (autocrlf === "false" && coreEol === "crlf");
  const { eol } = attributes;
  switch (action) {
    case "binary":
      return "keep";
    case "auto":
      if (eol === "lf") return "keep";
      return eol === "crlf" || byDefault ? "guess" : "keep";
    case undefined:
      if (eol === "lf") return "keep";
      if (eol === "crlf") return "crlf";
      return autocrlf === "true" ? "guess" : "keep";
    case "input":
      return eol === "crlf" ? "crlf" : "keep";
    case "text":
      if (eol === "lf") return "keep";
      return eol === "crlf" || byDefault ? "crlf" : "keep";
  }
}

/** convert.c: git_path_check_crlf. */
function textAction(
  value: AttributeValue,
): "text" | "binary" | "input" | "auto" | undefined {
  if (value === true) return "text";
  if (value === false) return "binary";
  return value === "input" || value === "auto" ? value : undefined;
}

interface TextCounts {
  lonelyCr: number;
  lonelyLf: number;
  crlf: number;
  nul: number;
  printable: number;
  odd: number;
}

/** convert.c: gather_stats. */
function countText(data: Uint8Array): TextCounts {
  const counts: TextCounts = {
    lonelyCr: 0,
    lonelyLf: 0,
    crlf: 0,
    nul: 0,
    printable: 0,
    odd: 0,
  };
  const { length } = data;
  for (let i = 0; i < length; i++) {
    const byte = data[i] as number;
    if (byte === 0x0d) {
      if (data[i + 1] === 0x0a) {
        counts.crlf++;
        i++;
      } else {
        counts.lonelyCr++;
      }
    } else if (byte === 0x0a) {
      counts.lonelyLf++;
    } else if (byte === 0x7f) {
      counts.odd++;
    } else if (byte < 0x20) {
      // Backspace, tab, form feed and escape are printable.
      if (byte === 8 || byte === 9 || byte === 0x1b || byte === 0x0c) {
        counts.printable++;
      } else {
        if (byte === 0) counts.nul++;
        counts.odd++;
      }
    } else {
      counts.printable++;
    }
  }
  // The end of file as MS-DOS has it.
  if (length > 0 && data[length - 1] === 0x1a) counts.odd--;
  return counts;
}

/** convert.c: crlf_to_worktree. */
function withCrlf(data: Uint8Array, ends: "crlf" | "guess"): Uint8Array {
  const counts = countText(data);
  if (counts.lonelyLf === 0) return data;
  if (ends === "guess") {
    if (counts.lonelyCr > 0 || counts.crlf > 0 || counts.nul > 0) return data;
    if (Math.floor(counts.printable / 128) < counts.odd) return data;
  }
  const out = new Uint8Array(data.length + counts.lonelyLf);
  let to = 0;
  for (let i = 0; i < data.length; i++) {
    const byte = data[i] as number;
    if (byte === 0x0a && data[i - 1] !== 0x0d) out[to++] = 0x0d;
    out[to++] = byte;
  }
  return out.subarray(0, to);
}

/** convert.c: ident_to_worktree. */
function expandIdent(data: Uint8Array, oid: Oid): Uint8Array {
  const parts: Uint8Array[] = [];
  const id = fromBinary(`Id: ${oid} $`);
  /** Up to where `data` went to `parts`. */
  let done = 0;
  let at = 0;
  for (;;) {
    const dollar = data.indexOf(0x24, at);
    if (dollar < 0) break;
    at = dollar + 1;
    if (data[at] !== 0x49 || data[at + 1] !== 0x64) continue;
    let end: number;
    if (data[at + 2] === 0x24) {
      end = at + 3;
    } else if (data[at + 2] === 0x3a) {
      const last = data.indexOf(0x24, at + 3);
      if (last < 0) break;
      if (has(data, 0x0a, at + 3, last)) continue;
      const space = data.subarray(at + 4, last).indexOf(0x20);
      // One that is foreign to git, such as that of CVS.
      if (space >= 0 && at + 4 + space < last - 1) continue;
      end = last + 1;
    } else {
      continue;
    }
    parts.push(data.subarray(done, at), id);
    done = at = end;
  }
  if (parts.length === 0) return data;
  parts.push(data.subarray(done));
  return concatBytes(parts);
}

function has(
  data: Uint8Array,
  byte: number,
  from: number,
  to: number,
): boolean {
  const at = data.indexOf(byte, from);
  return at >= 0 && at < to;
}

/** convert.c: encode_to_worktree. What fails stays as it is. */
function encoded(
  data: Uint8Array,
  encoding: string,
  { path, complain }: Conversion,
): Uint8Array {
  if (data.length === 0 || /^utf-?8$/i.test(encoding)) return data;
  const text = toUtf8(data);
  const bytes = text.includes("\ufffd") && !toBinary(data).includes(LOST)
    ? undefined
    : encodeText(text, encoding);
  if (bytes !== undefined) return bytes;
  complain(`error: failed to encode '${path}' from UTF-8 to ${encoding}`);
  return data;
}

/** U+FFFD itself, in UTF-8. */
const LOST = "\xef\xbf\xbd";
