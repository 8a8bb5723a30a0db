/**
 * Who wrote a commit, and when: an `author` or `committer` line taken apart as
 * ident.c: split_ident_line does it, broken ones included. Binary strings.
 *
 * @module
 */

/** A person of a commit. */
export interface Ident {
  /** The name, which may be empty. */
  readonly name: string;
  /** The address without brackets. */
  readonly mail: string;
  /** Seconds since 1970 as digits; undefined where there is no date. */
  readonly date: string | undefined;
  /** The time zone as written: `+0100`; undefined where there is no date. */
  readonly zone: string | undefined;
}

/** Takes a line apart, without its key; undefined where it has no address. */
export function parseIdent(line: string): Ident | undefined {
  const open = line.indexOf("<");
  if (open < 0) return undefined;
  const close = line.indexOf(">", open + 1);
  if (close < 0) return undefined;
  const name = trimEnd(line.slice(0, open));
  const mail = line.slice(open + 1, close);
  // The last bracket counts: addresses are as broken as they like.
  const rest = trimStart(line.slice(line.lastIndexOf(">") + 1));
  const match = /^(\d+)[ \t\n\r]*([-+]\d+)/.exec(rest);
  return { name, mail, date: match?.[1], zone: match?.[2] };
}

/** Whether a character is one of git's four blanks. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

/** The text without blanks at its end. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

/** The text without blanks at its start. */
export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return text.slice(start);
}

/** The text without blanks around it. */
export function trimBoth(text: string): string {
  return trimStart(trimEnd(text));
}

/** What C sees of a text: up to the first NUL. */
export function cText(text: string): string {
  const nul = text.indexOf("\0");
  return nul < 0 ? text : text.slice(0, nul);
}
