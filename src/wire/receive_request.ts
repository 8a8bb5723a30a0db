/**
 * What a client asks of receive-pack: its commands with capabilities and
 * shallow lines up to a flush, then its push options. Packets in, values out;
 * whether a command may be carried out is the service's business.
 *
 * @see https://git-scm.com/docs/gitprotocol-pack#_reference_update_request_and_packfile_transfer
 * @module
 */

import {
  binaryToUtf8,
  printable,
  toBinary,
  utf8ToBinary,
} from "../core/bytes.ts";
import { ProtocolError, RefusedError } from "../core/errors.ts";
import {
  isZeroOid,
  type ObjectFormat,
  type Oid,
  parseOid,
} from "../core/oid.ts";
import { requestLine } from "./line.ts";

/** One ref that a client wants changed. */
export interface ReceiveCommand {
  /** What the client takes it to be; the zero id for "not there". */
  readonly old: Oid;
  /** What it is to be; the zero id takes it away. */
  readonly new: Oid;
  /** The name as it was sent, which may be none: a binary string. */
  readonly name: string;
}

/** What the capabilities of a request switch on. */
export interface ReceiveFeatures {
  /** The report to send, where one was asked for. */
  readonly report: "none" | "v1" | "v2";
  /** Answers come on bands. */
  readonly sideBand: boolean;
  /** No progress. */
  readonly quiet: boolean;
  /** All of it or none. */
  readonly atomic: boolean;
  /** A section of push options follows. */
  readonly pushOptions: boolean;
  /** The client's id. */
  readonly sessionId: string | undefined;
}

/** Everything up to the flush behind the commands. */
export interface ReceiveRequest {
  /** The commands, in the order sent. */
  readonly commands: readonly ReceiveCommand[];
  /** Commits whose parents the client lacks, each once. */
  readonly shallow: readonly Oid[];
  /** What was switched on. */
  readonly features: ReceiveFeatures;
}

/** What one request may come to. */
export interface ReceiveBounds {
  /** Bytes of commands and shallow lines. */
  readonly maxCommandBytes: number;
  /** Bytes of push options. */
  readonly maxOptionBytes: number;
  /** Push options. */
  readonly maxOptions: number;
}

/** What a request may switch on, beside what always can be. */
export interface OfferedFeatures {
  /** Whether `atomic` was advertised. */
  readonly atomic: boolean;
  /** Whether `push-options` was. */
  readonly pushOptions: boolean;
}

/** Whether nothing but deletions is asked for: no pack follows. */
export function isDeleteOnly(commands: readonly ReceiveCommand[]): boolean {
  return commands.every((command) => isZeroOid(command.new));
}

/** Gathers the packets of one {@linkcode ReceiveRequest}. */
export class ReceiveRequestLines {
  readonly #format: ObjectFormat;
  readonly #offered: OfferedFeatures;
  readonly #maxBytes: number;
  readonly #commands: ReceiveCommand[] = [];
  readonly #shallow = new Set<Oid>();
  #features: ReceiveFeatures = {
    report: "none",
    sideBand: false,
    quiet: false,
    atomic: false,
    pushOptions: false,
    sessionId: undefined,
  };
  #bytes = 0;

  /** Packets of a push into a repository of `format`. */
  constructor(
    format: ObjectFormat,
    offered: OfferedFeatures,
    bounds: Pick<ReceiveBounds, "maxCommandBytes">,
  ) {
    this.#format = format;
    this.#offered = offered;
    this.#maxBytes = bounds.maxCommandBytes;
  }

  /** What was switched on so far: how the client can be told of an error. */
  get features(): ReceiveFeatures {
    return this.#features;
  }

  /**
   * Takes one packet. Throws a ProtocolError, in git's words, for what is no
   * line of a push (builtin/receive-pack.c: read_head_info), and a RefusedError
   * for more than may be, or for a certificate.
   */
  take(payload: Uint8Array): void {
    this.#bytes += payload.length + 4;
    if (this.#bytes > this.#maxBytes) {
      throw new RefusedError(
        "too-many-commands",
        `receive-pack: too many bytes of commands (limit ${this.#maxBytes})`,
      );
    }
    const line = requestLine(payload);
    // receive-pack.c: the packet without its line feed has more than 8 bytes.
    if (line.startsWith("shallow ") && line.length > 8) {
      return this.#takeShallow(line.slice(8));
    }
    const zero = payload.indexOf(0);
    if (zero >= 0) this.#takeFeatures(featureList(payload, zero + 1));
    if (line === "push-cert") {
      throw new RefusedError(
        "push-certificate",
        "push certificates are not supported",
      );
    }
    this.#commands.push(this.#command(line));
  }

  /** What was gathered, once the flush came. */
  request(): ReceiveRequest {
    return {
      commands: this.#commands,
      shallow: [...this.#shallow],
      features: this.#features,
    };
  }

  #command(line: string): ReceiveCommand {
    const { hexLength } = this.#format;
    const old = parseOid(line.slice(0, hexLength), this.#format);
    const start = hexLength + 1;
    const end = start + hexLength;
    const next = parseOid(line.slice(start, end), this.#format);
    const isWhole = line[hexLength] === " " && line[end] === " ";
    if (old === undefined || next === undefined || !isWhole) {
      throw new ProtocolError(
        "bad-command",
        `protocol error: expected old/new/ref, got '${printable(line)}'`,
      );
    }
    return { old, new: next, name: line.slice(end + 1) };
  }

  #takeShallow(text: string): void {
    // get_oid_hex looks at no more than the digits.
    const oid = parseOid(text.slice(0, this.#format.hexLength), this.#format);
    if (oid === undefined) {
      throw new ProtocolError(
        "bad-shallow",
        `protocol error: expected shallow sha, got '${printable(text)}'`,
      );
    }
    this.#shallow.add(oid);
  }

  #takeFeatures(list: string): void {
    const { values, words } = parseFeatures(list);
    const asked = (name: string): boolean => words.has(name);
    const before = this.#features;
    const isV2 = before.report === "v2" || asked("report-status-v2");
    const isV1 = before.report === "v1" || asked("report-status");
    this.#features = {
      report: isV2 ? "v2" : isV1 ? "v1" : "none",
      sideBand: before.sideBand || asked("side-band-64k"),
      quiet: before.quiet || asked("quiet"),
      atomic: before.atomic || (this.#offered.atomic && asked("atomic")),
      pushOptions: before.pushOptions ||
        (this.#offered.pushOptions && asked("push-options")),
      sessionId: values.get("session-id") ?? before.sessionId,
    };
    const format = values.get("object-format") ?? "sha1";
    if (format !== this.#format.name) {
      throw new ProtocolError(
        "bad-object-format",
        `error: unsupported object format '${printable(format)}'`,
      );
    }
  }
}

/** The text behind the NUL of a command, up to the next one. */
function featureList(payload: Uint8Array, start: number): string {
  let end = payload.indexOf(0, start);
  if (end < 0) end = payload.length;
  return toBinary(payload, start, end);
}

/** connect.c: parse_feature_value; of a repeated name the first counts. */
function parseFeatures(list: string): {
  readonly words: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
} {
  const words = new Set<string>();
  const values = new Map<string, string>();
  for (const word of list.split(/[ \t\n\r]+/)) {
    const at = word.indexOf("=");
    const name = at < 0 ? word : word.slice(0, at);
    if (name === "") continue;
    words.add(name);
    if (at >= 0 && !values.has(name)) values.set(name, word.slice(at + 1));
  }
  return { words, values };
}

/**
 * What an option that is no UTF-8 counts for: hooks are given it by four times
 * as many bytes, and one that cannot be run would not hear of the push.
 */
const ODD_WEIGHT = 4;

function isText(binary: string): boolean {
  return utf8ToBinary(binaryToUtf8(binary)) === binary;
}

/** Gathers push options: one a packet, up to a flush. */
export class PushOptionLines {
  readonly #bounds: ReceiveBounds;
  readonly #options: string[] = [];
  #bytes = 0;

  /** Options within `bounds`. */
  constructor(bounds: ReceiveBounds) {
    this.#bounds = bounds;
  }

  /** Takes one. Throws a RefusedError "too-many-options" beyond the bounds. */
  take(payload: Uint8Array): void {
    const { maxOptions, maxOptionBytes } = this.#bounds;
    const option = requestLine(payload);
    this.#bytes += payload.length * (isText(option) ? 1 : ODD_WEIGHT) + 4;
    if (this.#bytes > maxOptionBytes || this.#options.length >= maxOptions) {
      throw new RefusedError(
        "too-many-options",
        `receive-pack: too many push options (limit ${maxOptions} and ` +
          `${maxOptionBytes} bytes)`,
      );
    }
    this.#options.push(option);
  }

  /** What was gathered: binary strings. */
  get options(): readonly string[] {
    return this.#options;
  }
}
