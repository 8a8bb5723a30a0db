/**
 * What a client hears while its push is worked on: messages on band 2 in
 * order, and signs of life. For one that has no bands they go to the log, as
 * git's go to its standard error.
 *
 * @module
 */

import {
  EMPTY_BYTES,
  fromBinary,
  printable,
  toBinary,
} from "../../core/bytes.ts";
import { LARGE_PACKET_DATA_MAX } from "../../pktline/packet.ts";
import type { Conversation } from "../conversation.ts";

/** Payload of one packet, its band not counted. */
const MAX_PAYLOAD = LARGE_PACKET_DATA_MAX - 1;
/** builtin/receive-pack.c: report_message. */
const MAX_MESSAGE = 4094;

/** What the log gets of one push, where the client has no bands. */
const MAX_NOTED = 32 * 1024;

/** A line as git's rp_error says it: binary strings. */
export function errorLine(message: string): string {
  return `${`error: ${message}`.slice(0, MAX_MESSAGE)}\n`;
}

/** A line as git's rp_warning says it: binary strings. */
export function warningLine(message: string): string {
  return `${`warning: ${message}`.slice(0, MAX_MESSAGE)}\n`;
}

/** How {@linkcode Band} speaks. */
export interface BandOptions {
  /** Whether the client has bands. */
  readonly hasBands: boolean;
  /** Silence before a sign of life; Infinity for none. */
  readonly keepAliveMs: number;
}

/**
 * The client's ear. Nothing that is said throws where the client has left:
 * what is done by then is done. {@linkcode Band.check} tells.
 */
export class Band {
  readonly #conversation: Conversation;
  readonly #options: BandOptions;
  #said: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #spokenAt = 0;
  #noteRoom = MAX_NOTED;

  /** Says nothing yet. */
  constructor(conversation: Conversation, options: BandOptions) {
    this.#conversation = conversation;
    this.#options = options;
  }

  /** Whether the client hears what is said. */
  get hasBands(): boolean {
    return this.#options.hasBands;
  }

  /** Throws what kept the client from hearing, if anything did. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Says bytes, or a binary string. Resolves when they are out. */
  say(text: Uint8Array | string): Promise<void> {
    if (text.length === 0) return Promise.resolve();
    if (!this.#options.hasBands) {
      this.#note(typeof text === "string" ? text : toBinary(text));
      return Promise.resolve();
    }
    const bytes = typeof text === "string" ? fromBinary(text) : text.slice();
    return this.put(2, bytes);
  }

  /** Sends bytes on a band, in packets. Resolves when they are out. */
  put(band: 1 | 2, bytes: Uint8Array): Promise<void> {
    return this.#queue((writer) => {
      for (let at = 0; at < bytes.length; at += MAX_PAYLOAD) {
        writer.putBand(band, bytes.subarray(at, at + MAX_PAYLOAD));
      }
    });
  }

  /** Sends what is framed already. Resolves when it is out. */
  raw(bytes: Uint8Array): Promise<void> {
    return this.#queue((writer) => writer.putRaw(bytes));
  }

  /** Waits for `work`, with signs of life to the client meanwhile. */
  async during<T>(work: Promise<T>): Promise<T> {
    const { hasBands, keepAliveMs } = this.#options;
    if (!hasBands || keepAliveMs === Infinity) return await work;
    const { clock } = this.#conversation.context;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = (ms: number): void => {
      timer = setTimeout(() => {
        const left = this.#spokenAt + keepAliveMs - clock.monotonic();
        if (left <= 0) void this.#beat();
        wait(left <= 0 ? keepAliveMs : left);
      }, ms);
    };
    this.#spokenAt = clock.monotonic();
    wait(keepAliveMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  #beat(): Promise<void> {
    return this.#queue((writer) => writer.putBand(1, EMPTY_BYTES));
  }

  /** One after the other: a writer that is sending takes nothing. */
  #queue(put: (writer: Conversation["writer"]) => void): Promise<void> {
    const { writer, context } = this.#conversation;
    this.#spokenAt = context.clock.monotonic();
    this.#said = this.#said.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        put(writer);
        await writer.send();
      } catch (error) {
        this.#failure = { error };
      }
    });
    return this.#said;
  }

  /** A hook may say any number of lines: the log gets the first of them. */
  #note(text: string): void {
    const { logger } = this.#conversation.context;
    for (const line of text.slice(0, this.#noteRoom).split("\n")) {
      if (line !== "") logger.log("info", printable(line, 1000));
    }
    if (text.length > this.#noteRoom && this.#noteRoom > 0) {
      logger.log("info", `beyond ${MAX_NOTED} bytes no more is noted here`);
    }
    this.#noteRoom = Math.max(0, this.#noteRoom - text.length);
  }
}
