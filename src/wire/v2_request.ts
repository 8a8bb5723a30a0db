/**
 * One request of protocol v2: a command, capabilities, and the command's
 * arguments. Packets in, a value out; what a command means is elsewhere.
 *
 * @see https://git-scm.com/docs/protocol-v2
 * @module
 */

import { printable } from "../core/bytes.ts";
import { ProtocolError } from "../core/errors.ts";
import { OBJECT_FORMATS, type ObjectFormat, SHA1 } from "../core/oid.ts";
import type { Packet } from "../pktline/packet.ts";
import { afterPrefix, requestLine } from "./line.ts";

/** Which names a server takes in requests: those that it advertises. */
export interface V2Names {
  /** The commands. */
  readonly commands: ReadonlySet<string>;
  /** The capabilities that are no commands. */
  readonly capabilities: ReadonlySet<string>;
}

/** The head of a request: everything before its arguments. */
export interface V2Request {
  /** The command. */
  readonly command: string;
  /** The object format that the client assumes: SHA-1 unless it says so. */
  readonly format: ObjectFormat;
  /** The values of the first `server-option` lines, in order. */
  readonly serverOptions: readonly string[];
  /** What the client calls its session, where it was asked to. */
  readonly sessionId?: string;
  /** Whether arguments follow, up to a flush. */
  readonly hasArguments: boolean;
}

/** Where {@linkcode V2RequestHead.take} stands. */
export type V2Step =
  | { readonly type: "more" }
  | { readonly type: "closing" }
  | { readonly type: "request"; readonly request: V2Request };

const MORE: V2Step = { type: "more" };
const CLOSING: V2Step = { type: "closing" };

/** How many `server-option` lines are kept: they are for the log alone. */
const MAX_SERVER_OPTIONS = 16;

/** Gathers the head of one request: serve.c, process_request. */
export class V2RequestHead {
  #names: V2Names;
  #command: string | undefined;
  #format: ObjectFormat;
  #options: string[] = [];
  #sessionId: string | undefined;
  #seen = false;

  /**
   * A head whose names are checked against what is advertised. `format` is
   * what the client said in a request before (serve.c: client_hash_algo).
   */
  constructor(names: V2Names, format: ObjectFormat = SHA1) {
    this.#names = names;
    this.#format = format;
  }

  /** Whether nothing was taken yet: the input may end here. */
  get empty(): boolean {
    return !this.#seen;
  }

  /**
   * Takes one packet. "closing" is a lone flush, by which a client ends the
   * connection. Throws a ProtocolError in git's words for unknown commands
   * and capabilities.
   */
  take(packet: Packet): V2Step {
    switch (packet.type) {
      case "data":
        this.#line(requestLine(packet.payload));
        this.#seen = true;
        return MORE;
      case "flush":
        return this.#seen ? this.#finish("none") : CLOSING;
      case "delim":
        return this.#finish("follow");
      case "response-end":
        throw new ProtocolError(
          "unexpected-packet",
          "unexpected response end packet",
        );
    }
  }

  #line(line: string): void {
    const name = afterPrefix(line, "command=");
    if (name !== undefined) return this.#setCommand(name);
    const at = line.indexOf("=");
    const key = at < 0 ? line : line.slice(0, at);
    if (!this.#names.capabilities.has(key)) {
      throw new ProtocolError(
        "unknown-capability",
        `unknown capability '${printable(line)}'`,
      );
    }
    const value = at < 0 ? undefined : line.slice(at + 1);
    if (key === "object-format") this.#setFormat(value);
    if (key === "session-id") this.#sessionId = value ?? "";
    if (key === "server-option" && this.#options.length < MAX_SERVER_OPTIONS) {
      this.#options.push(value ?? "");
    }
  }

  #setCommand(name: string): void {
    if (this.#command !== undefined) {
      throw new ProtocolError(
        "two-commands",
        `command '${printable(name)}' requested after already requesting ` +
          `command '${this.#command}'`,
      );
    }
    if (!this.#names.commands.has(name)) {
      throw new ProtocolError(
        "invalid-command",
        `invalid command '${printable(name)}'`,
      );
    }
    this.#command = name;
  }

  #setFormat(name: string | undefined): void {
    if (name === undefined) {
      throw new ProtocolError(
        "bad-object-format",
        "object-format capability requires an argument",
      );
    }
    const format = Object.hasOwn(OBJECT_FORMATS, name)
      ? OBJECT_FORMATS[name]
      : undefined;
    if (format === undefined) {
      throw new ProtocolError(
        "bad-object-format",
        `unknown object format '${printable(name)}'`,
      );
    }
    this.#format = format;
  }

  #finish(args: "none" | "follow"): V2Step {
    if (this.#command === undefined) {
      throw new ProtocolError("no-command", "no command requested");
    }
    return {
      type: "request",
      request: {
        command: this.#command,
        format: this.#format,
        serverOptions: this.#options,
        ...(this.#sessionId === undefined
          ? {}
          : { sessionId: this.#sessionId }),
        hasArguments: args === "follow",
      },
    };
  }
}
