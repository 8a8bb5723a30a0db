/**
 * What a hook writes, made safe for the terminal where it is shown: control
 * characters become "?", as in git's own messages (usage.c: vreportf), but for
 * tabs, line ends and carriage returns, and for sequences that set colours,
 * which git lets pass (sideband.c). What is not UTF-8 stays as it is.
 *
 * @module
 */

import { concatBytes, EMPTY_BYTES, fromBinary } from "../../core/bytes.ts";

const ESC = 0x1b;
const QUESTION = 0x3f;
/** Longer ones set no colour. */
const MAX_SEQUENCE = 40;

/** The state of one stream of such text. */
export class TerminalText {
  /** The beginning of a sequence whose end has not come yet. */
  #held: Uint8Array = EMPTY_BYTES;

  /** What can be shown of the text so far and was not given before. */
  push(bytes: Uint8Array): Uint8Array {
    const text = this.#held.length === 0
      ? bytes
      : concatBytes([this.#held, bytes]);
    this.#held = EMPTY_BYTES;
    let safe: Uint8Array | undefined;
    for (let i = 0; i < text.length; i++) {
      const byte = text[i] as number;
      if (!isControl(byte)) continue;
      if (byte === ESC) {
        const length = colourLength(text, i);
        if (length === undefined) {
          this.#held = text.slice(i);
          return (safe ?? text).subarray(0, i);
        }
        if (length > 0) {
          i += length - 1;
          continue;
        }
      }
      safe ??= text.slice();
      safe[i] = QUESTION;
    }
    return safe ?? text;
  }

  /** What is left when the text has ended. */
  end(): Uint8Array {
    const rest = this.#held;
    this.#held = EMPTY_BYTES;
    return rest.map((byte) => isControl(byte) ? QUESTION : byte);
  }
}

/** A line of ours for the client: `text` is a binary string. */
export function terminalLine(text: string): Uint8Array {
  const line = new TerminalText();
  return concatBytes([line.push(fromBinary(text)), line.end(), NEWLINE]);
}

const NEWLINE = fromBinary("\n");

function isControl(byte: number): boolean {
  return byte < 0x20
    ? byte !== 0x09 && byte !== 0x0a && byte !== 0x0d
    : byte === 0x7f;
}

/**
 * The length of the sequence at `start` that sets a colour, 0 where there is
 * none, `undefined` where that cannot be told yet.
 */
function colourLength(text: Uint8Array, start: number): number | undefined {
  const end = Math.min(text.length, start + MAX_SEQUENCE);
  for (let i = start + 1; i < end; i++) {
    const byte = text[i] as number;
    if (i === start + 1) {
      if (byte !== 0x5b) return 0;
    } else if (byte === 0x6d) {
      return i - start + 1;
    } else if (byte < 0x30 || byte > 0x3b) {
      return 0;
    }
  }
  return end === text.length && end - start < MAX_SEQUENCE ? undefined : 0;
}
