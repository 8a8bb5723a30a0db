/**
 * Names in double quotes with backslashes, as git writes unusual ones: a port
 * of quote.c: unquote_c_style.
 *
 * @module
 */

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};

/** A text that stood in quotes, and where it ended. */
export interface Unquoted {
  /** The text, a binary string. */
  readonly text: string;
  /** The position behind the closing quote. */
  readonly end: number;
}

/** Reads what opens with a quote at `start`; undefined where it is malformed. */
export function unquoteC(line: string, start: number): Unquoted | undefined {
  const parts: string[] = [];
  const plain = /[^"\\]*/y;
  for (let at = start + 1;;) {
    plain.lastIndex = at;
    parts.push(plain.exec(line)?.[0] ?? "");
    at = plain.lastIndex;
    const mark = line[at++];
    if (mark === '"') return { text: parts.join(""), end: at };
    if (mark !== "\\") return undefined;
    const escaped = line[at++] ?? "";
    if (Object.hasOwn(ESCAPES, escaped)) {
      parts.push(ESCAPES[escaped] as string);
      continue;
    }
    const octal = /^[0-3][0-7][0-7]$/.test(line.slice(at - 1, at + 2))
      ? Number.parseInt(line.slice(at - 1, at + 2), 8)
      : undefined;
    if (octal === undefined) return undefined;
    parts.push(String.fromCharCode(octal));
    at += 2;
  }
}
