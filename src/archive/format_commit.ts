/**
 * One format expanded for one commit: pretty.c of git 2.39, as an archive uses
 * it: no colours but those of `%C(always,…)`, no notes, no graph, dates in
 * their own form. The text grows behind what the file has so far, which a few
 * placeholders look at or even change. Binary strings.
 *
 * No program is run: a signed commit is `E` for `%G?`, which cannot be checked,
 * an unsigned one `N`, and the other `%G` are empty or `undefined`.
 *
 * @see https://git-scm.com/docs/pretty-formats
 * @module
 */

import { RefusedError } from "../core/errors.ts";
import type { CommitLinks } from "../object/commit.ts";
import { parseColor } from "./colors.ts";
import type { Columns, Meter } from "./columns.ts";
import type { CommitText } from "./commit_text.ts";
import { type Encodings, isUtf8Name } from "./encodings.ts";
import {
  type Cut,
  hexByte,
  noTrailerOptions,
  type PadArguments,
  parseDescribe,
  parsePad,
  parseTrailerOptions,
  parseWrap,
} from "./format_arguments.ts";
import type { DescribeOptions } from "./format_sources.ts";
import { cText } from "./ident.ts";
import {
  formatDecorations,
  formatPerson,
  formatSignature,
  sanitizedSubject,
} from "./format_parts.ts";
import type { FormatMaterials } from "./format_parts.ts";
import { padded, stealSpaces } from "./format_padding.ts";
import { addTrailers } from "./trailers.ts";

/** What formats share, of one archive. */
export interface FormatContext {
  /** The commit's id. */
  readonly oid: string;
  /** Its tree and parents. */
  readonly links: CommitLinks;
  /** What it says. */
  readonly text: CommitText;
  /** What was asked of the surroundings. */
  readonly materials: FormatMaterials;
  /** Widths of characters. */
  readonly columns: Columns;
  /** Encodings. */
  readonly encodings: Encodings;
  /** Counts work. */
  readonly meter: Meter;
  /** Takes one of the descriptions that an archive may have; false at none. */
  takeDescription(): boolean;
  /** What `git describe` says. */
  describe(options: DescribeOptions): string;
  /** Gets what git writes to stderr. */
  warn(line: string): void;
}

/**
 * `before` with `format` expanded behind it. Yields after every placeholder:
 * many of them take long.
 */
export function formatCommit(
  before: string,
  format: string,
  context: FormatContext,
): Generator<undefined, string, void> {
  return new Expansion(before, cText(format), context).run();
}

/** Copying a text of 2^n bytes costs as much as making one of 2^(n - FLAT). */
const FLAT = 4;

/** Looking for trailers costs as much as making so many times the message. */
const TRAILER_WORK = 8;

/** A text that grows. */
interface Sink {
  text: string;
}

class Expansion {
  readonly #format: string;
  readonly #context: FormatContext;
  readonly #out: Sink;
  #pad: PadArguments | undefined;
  #cut: Cut = "none";
  #width = 0;
  #indent = 0;
  #nextIndent = 0;
  #wrapStart: number;
  #readsMessage = false;

  constructor(before: string, format: string, context: FormatContext) {
    this.#format = format;
    this.#context = context;
    this.#out = { text: before };
    this.#wrapStart = before.length;
  }

  /** strbuf.c: strbuf_expand, and repo_format_commit_message around it. */
  *run(): Generator<undefined, string, void> {
    const format = this.#format;
    const out = this.#out;
    for (let at = 0;;) {
      const percent = format.indexOf("%", at);
      out.text += format.slice(at, percent < 0 ? undefined : percent);
      if (percent < 0) break;
      at = percent + 1;
      if (format[at] === "%") {
        out.text += "%";
        at++;
        continue;
      }
      const before = out.text.length;
      const consumed = this.#item(at);
      this.#context.meter(Math.max(out.text.length - before, 0) + 8);
      if (consumed === 0) out.text += "%";
      at += consumed;
      yield;
    }
    this.#rewrap(out, 0, 0, 0);
    return this.#encoded(out.text);
  }

  /** The whole file goes into the commit's encoding, as it does in git. */
  #encoded(text: string): string {
    const { encoding } = this.#context.text;
    if (!this.#readsMessage || encoding === undefined || isUtf8Name(encoding)) {
      return text;
    }
    this.#context.meter(text.length);
    return this.#context.encodings.fromUtf8(text, encoding) ?? text;
  }

  /** pretty.c: format_commit_item. */
  #item(at: number): number {
    const out = this.#out;
    const { meter } = this.#context;
    const magic = this.#format[at];
    const hasMagic = magic === "-" || magic === "+" || magic === " ";
    const from = hasMagic ? at + 1 : at;
    if (hasMagic && this.#format[from] === "w") return 0;
    const length = out.text.length;
    const consumed = this.#pad === undefined
      ? this.#one(out, from)
      : this.#padded(from, this.#pad);
    if (!hasMagic) return consumed;
    if (magic === "-") {
      if (out.text.length === length) this.#dropLineEnds();
    } else if (out.text.length !== length) {
      if (length > out.text.length) {
        throw refused("`pos' is too far after the end of the buffer");
      }
      meter(length >> FLAT);
      out.text = out.text.slice(0, length) + (magic === "+" ? "\n" : " ") +
        out.text.slice(length);
    }
    return consumed + 1;
  }

  #dropLineEnds(): void {
    const { text } = this.#out;
    let end = text.length;
    while (end > 0 && text.charCodeAt(end - 1) === 0x0a) end--;
    this.#context.meter(text.length >> FLAT);
    this.#out.text = text.slice(0, end);
  }

  /** pretty.c: format_and_pad_commit. */
  #padded(at: number, { padding }: PadArguments): number {
    const { columns, meter } = this.#context;
    const out = this.#out;
    meter(out.text.length >> FLAT);
    let room = padding;
    if (room < 0) {
      const seen = cText(out.text);
      const line = seen.slice(Math.max(seen.lastIndexOf("\n"), 0));
      meter(line.length);
      room = -room - columns.width(line);
    }
    const local: Sink = { text: "" };
    let from = at;
    for (;;) {
      const isColor = this.#format[from] === "C";
      from += this.#one(local, from);
      if (!isColor || this.#format[from] !== "%") break;
      from++;
    }
    // The placeholder may have been one of these itself: the last one counts.
    const { side } = this.#pad as PadArguments;
    meter(local.text.length);
    const width = columns.width(local.text);
    if (side === "right-and-steal") {
      const stolen = stealSpaces(out.text, local.text, width, room);
      out.text = stolen.before;
      local.text = stolen.text;
      room = stolen.room;
    }
    out.text += padded(local.text, width, room, side, this.#cut, columns);
    this.#pad = undefined;
    return from - at;
  }

  /** pretty.c: rewrap_message_tail. */
  #rewrap(
    sink: Sink,
    width: number,
    indent: number,
    nextIndent: number,
  ): void {
    if (
      this.#width === width && this.#indent === indent &&
      this.#nextIndent === nextIndent
    ) return;
    const start = this.#wrapStart;
    if (start < sink.text.length) {
      const { columns, meter } = this.#context;
      meter(sink.text.length >> FLAT);
      sink.text = sink.text.slice(0, start) + columns.wrap(
        cText(sink.text.slice(start)),
        this.#indent,
        this.#nextIndent,
        this.#width,
        meter,
      );
    }
    this.#wrapStart = sink.text.length;
    this.#width = width;
    this.#indent = indent;
    this.#nextIndent = nextIndent;
  }

  /** pretty.c: format_commit_one: how much of the format it was, 0 for none. */
  #one(sink: Sink, at: number): number {
    const format = this.#format;
    switch (format[at]) {
      case "n":
        sink.text += "\n";
        return 1;
      case "x": {
        const byte = hexByte(format, at);
        sink.text += byte ?? "";
        if (byte === undefined) this.#readsMessage = true;
        return byte === undefined ? 0 : 3;
      }
      case "C":
        return this.#color(sink, at);
      case "w": {
        const wrap = parseWrap(format, at + 1);
        if (wrap === undefined) return 0;
        this.#rewrap(sink, wrap.width, wrap.indent, wrap.nextIndent);
        return wrap.end - at;
      }
      case "<":
      case ">": {
        const pad = parsePad(format, at);
        if (pad === undefined) return 0;
        // In force even where what follows the number is malformed.
        this.#pad = pad.pad;
        this.#cut = pad.rest?.cut ?? this.#cut;
        return pad.rest === undefined ? 0 : pad.rest.end - at;
      }
      case "(":
        return this.#bracket(sink, at);
    }
    const { materials } = this.#context;
    const simple = this.#simple(format[at]);
    if (simple !== undefined) {
      sink.text += simple;
      return 1;
    }
    switch (format[at]) {
      case "g":
        return /[dDsnNeE]/.test(format[at + 1] ?? "") ? 2 : 0;
      case "G": {
        const part = formatSignature(format[at + 1], this.#context.text);
        sink.text += part ?? "";
        return part === undefined ? 0 : 2;
      }
      case "a":
      case "c": {
        this.#readsMessage = true;
        const { author, committer } = this.#context.text;
        const line = format[at] === "a" ? author : committer;
        const part = formatPerson(line, format[at + 1] ?? "", materials);
        sink.text += part ?? "";
        return part === undefined ? 0 : 2;
      }
    }
    // git reads the message to find out that it knows no such placeholder.
    if (!/[SN]/.test(format[at] ?? "")) this.#readsMessage = true;
    return 0;
  }

  /** Placeholders of one letter. */
  #simple(letter: string | undefined): string | undefined {
    const { oid, links, text, materials } = this.#context;
    switch (letter) {
      case "H":
        return oid;
      case "h":
        return materials.abbreviate(oid);
      case "T":
        return links.tree;
      case "t":
        return materials.abbreviate(links.tree);
      case "P":
        return links.parents.join(" ");
      case "p":
        return links.parents.map((id) => materials.abbreviate(id)).join(" ");
      case "m":
        return ">";
      case "d":
        return formatDecorations(materials.decorations(), " (", ")");
      case "D":
        return formatDecorations(materials.decorations(), "", "");
      case "e":
        this.#readsMessage = true;
        return text.encoding ?? "";
      case "B":
        this.#readsMessage = true;
        return text.message;
      case "s":
        this.#readsMessage = true;
        return text.subject;
      case "f":
        this.#readsMessage = true;
        this.#context.meter(text.firstLine.length);
        return sanitizedSubject(text.firstLine);
      case "b":
        this.#readsMessage = true;
        return text.body;
    }
    return undefined;
  }

  /** `(describe…)` and `(trailers…)`. */
  #bracket(sink: Sink, at: number): number {
    const format = this.#format;
    const context = this.#context;
    if (format.startsWith("(describe", at)) {
      if (!context.takeDescription()) return 0;
      const start = at + "(describe".length;
      const parsed = parseDescribe(
        format,
        format[start] === ":" ? start + 1 : format.length,
      );
      const end = format[start] === ":" ? parsed?.end : start;
      if (parsed === undefined || end === undefined || format[end] !== ")") {
        return 0;
      }
      sink.text += context.describe(parsed.options);
      return end + 1 - at;
    }
    this.#readsMessage = true;
    if (!format.startsWith("(trailers", at)) return 0;
    let end = at + "(trailers".length;
    let options = noTrailerOptions();
    if (format[end] === ":") {
      const parsed = parseTrailerOptions(format, end + 1);
      if (parsed === undefined) return 0;
      ({ options, end } = parsed);
    }
    if (format[end] !== ")") return 0;
    const message = context.text.subjectAndBody;
    context.meter(message.length * TRAILER_WORK);
    sink.text = addTrailers(sink.text, message, options);
    return end + 1 - at;
  }

  /** `C…`: an archive has no colours but those that are forced. */
  #color(sink: Sink, at: number): number {
    const rest = this.#format.slice(at + 1);
    if (rest.startsWith("(auto)")) return 7;
    if (!rest.startsWith("(")) {
      const name = /^(red|green|blue|reset)/.exec(rest)?.[0] ?? "";
      return name === "" ? 0 : 1 + name.length;
    }
    const close = rest.indexOf(")");
    if (close < 0) return 0;
    if (rest.startsWith("always,", 1)) {
      const name = rest.slice("(always,".length, close);
      const color = parseColor(name);
      if (color === undefined) {
        this.#context.warn(`error: invalid color value: ${name}`);
        throw refused("unable to parse --pretty format");
      }
      sink.text += color;
    }
    return close + 2;
  }
}

function refused(message: string): RefusedError {
  return new RefusedError("format", message);
}
