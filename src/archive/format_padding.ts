/**
 * Texts brought to a width: the second half of pretty.c's
 * format_and_pad_commit, of git 2.39. Binary strings.
 *
 * @module
 */

import { type Columns, escapeLength } from "./columns.ts";
import type { Cut, PadArguments } from "./format_arguments.ts";

/** What `%>>(N)` leaves of the text before it. */
export interface Stolen {
  /** The text before, with fewer blanks at its end. */
  readonly before: string;
  /** The text, with the escape sequences that stood between the blanks. */
  readonly text: string;
  /** The columns there are now. */
  readonly room: number;
}

/** Takes blanks from the end of `before` until `text` has room. */
export function stealSpaces(
  before: string,
  text: string,
  width: number,
  room: number,
): Stolen {
  let at = before.length - 1;
  let columns = room;
  let moved = "";
  while (width > columns && at > 0) {
    if (before[at] === " ") {
      at--;
      columns++;
      continue;
    }
    if (before[at] !== "m") break;
    let start = at - 1;
    while (start > 0 && at - start < 10 && before[start] !== "\x1b") start--;
    const length = before[start] === "\x1b" ? escapeLength(before, start) : 0;
    if (length !== at + 1 - start) break;
    moved = before.slice(start, at + 1) + moved;
    at = start - 1;
  }
  return {
    before: before.slice(0, at + 1),
    text: moved + text,
    room: columns,
  };
}

/** `text`, `width` columns wide, cut or filled up to `room` columns. */
export function padded(
  text: string,
  width: number,
  room: number,
  side: PadArguments["side"],
  cut: Cut,
  columns: Columns,
): string {
  if (width > room) {
    const count = width - (room - 2);
    switch (cut) {
      case "left":
        return columns.replace(text, 0, count, "..");
      case "middle":
        return columns.replace(text, Math.trunc(room / 2) - 1, count, "..");
      case "right":
        return columns.replace(text, room - 2, count, "..");
      case "none":
        return text;
    }
  }
  const free = room - width;
  const before = side === "left"
    ? 0
    : side === "both"
    ? Math.trunc(free / 2)
    : free;
  return " ".repeat(before) + text + " ".repeat(free - before);
}
