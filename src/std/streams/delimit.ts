/**
 * Streams cut at a delimiter or at line ends.
 *
 * @module
 */

/** Where {@linkcode DelimiterStream} leaves the delimiter. */
export interface DelimiterStreamOptions {
  /**
   * Drop it (`"discard"`, unless told), leave it at the end of the piece before
   * (`"suffix"`) or at the start of the piece after it (`"prefix"`).
   */
  readonly disposition?: "suffix" | "prefix" | "discard";
}

/**
 * Bytes in, pieces between delimiters out, however the bytes are split. What
 * follows the last delimiter is a piece too, unless it is empty. A piece
 * without end grows without limit: bound the input in front of it.
 */
export class DelimiterStream extends TransformStream<Uint8Array, Uint8Array> {
  /**
   * Cuts at `delimiter`.
   *
   * @throws {RangeError} If it is empty.
   */
  constructor(delimiter: Uint8Array, options: DelimiterStreamOptions = {}) {
    if (delimiter.length === 0) {
      throw new RangeError("Cannot delimit: the delimiter is empty");
    }
    const search = new DelimiterSearch(delimiter.slice());
    const disposition = options.disposition ?? "discard";
    super({
      transform(chunk, controller) {
        for (const piece of search.push(chunk, disposition)) {
          controller.enqueue(piece);
        }
      },
      flush(controller) {
        const rest = search.rest();
        if (rest.length > 0) controller.enqueue(rest);
      },
    });
  }
}

/** Finds delimiters across chunks (Knuth, Morris, Pratt: no byte twice). */
class DelimiterSearch {
  readonly #delimiter: Uint8Array;
  readonly #fallback: Int32Array;
  #pending: Uint8Array[] = [];
  #pendingLength = 0;
  #matched = 0;

  constructor(delimiter: Uint8Array) {
    this.#delimiter = delimiter;
    this.#fallback = new Int32Array(delimiter.length);
    let matched = 0;
    for (let i = 1; i < delimiter.length; i++) {
      matched = this.#advance(matched, delimiter[i] as number);
      this.#fallback[i] = matched;
    }
  }

  *push(
    chunk: Uint8Array,
    disposition: "suffix" | "prefix" | "discard",
  ): Generator<Uint8Array> {
    const size = this.#delimiter.length;
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      this.#matched = this.#advance(this.#matched, chunk[i] as number);
      if (this.#matched < size) continue;
      this.#matched = 0;
      this.#keep(chunk.subarray(start, i + 1));
      start = i + 1;
      const piece = this.#take();
      const body = piece.subarray(0, piece.length - size);
      if (disposition === "prefix") {
        // The very first piece has no delimiter before it; it may be empty.
        yield body;
        this.#keep(this.#delimiter);
      } else yield disposition === "suffix" ? piece : body;
    }
    this.#keep(chunk.subarray(start));
  }

  rest(): Uint8Array {
    return this.#take();
  }

  #advance(matched: number, byte: number): number {
    let at = matched;
    while (at > 0 && this.#delimiter[at] !== byte) {
      at = this.#fallback[at - 1] as number;
    }
    return this.#delimiter[at] === byte ? at + 1 : at;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#pendingLength += bytes.length;
  }

  #take(): Uint8Array {
    const out = new Uint8Array(this.#pendingLength);
    let at = 0;
    for (const bytes of this.#pending) {
      out.set(bytes, at);
      at += bytes.length;
    }
    this.#pending = [];
    this.#pendingLength = 0;
    return out;
  }
}

/** What {@linkcode TextLineStream} takes for a line end. */
export interface TextLineStreamOptions {
  /** A lone CR ends a line too. */
  readonly allowCR?: boolean;
}

/**
 * Text in, lines without their LF or CR LF out, however the text is split. Text
 * after the last line end is a line too.
 */
export class TextLineStream extends TransformStream<string, string> {
  /** Cuts at line ends. */
  constructor(options: TextLineStreamOptions = {}) {
    const end = options.allowCR === true ? /\r\n|\n|\r(?!$)/g : /\r?\n/g;
    let pending: string[] = [];
    super({
      transform(chunk, controller) {
        // A CR at the very end waits: an LF may be the next character.
        let text = chunk;
        if (pending.at(-1)?.endsWith("\r") === true) {
          text = pending.pop() + chunk;
        }
        let start = 0;
        for (const match of text.matchAll(end)) {
          pending.push(text.slice(start, match.index));
          controller.enqueue(pending.join(""));
          pending = [];
          start = match.index + match[0].length;
        }
        if (start < text.length) pending.push(text.slice(start));
      },
      flush(controller) {
        const rest = pending.join("");
        const lastIsCr = options.allowCR === true && rest.endsWith("\r");
        if (rest !== "") {
          controller.enqueue(lastIsCr ? rest.slice(0, -1) : rest);
        }
      },
    });
  }
}
