/**
 * One session as the services see it: packets in and out, and how the peer
 * can be told of an error at this moment.
 *
 * @module
 */

import { ProtocolError } from "../core/errors.ts";
import type { Packet } from "../pktline/packet.ts";
import { PacketReader } from "../pktline/reader.ts";
import { PacketWriter } from "../pktline/writer.ts";
import type { Repository } from "../storage/types.ts";
import { requestLine } from "../wire/line.ts";
import type { ErrorChannel } from "./failure.ts";
import { inNamespace } from "./namespaces.ts";
import { Pacer } from "./pacer.ts";
import type { ServiceContext } from "./types.ts";

/** A line of a request, or the packet that ends a run of lines. */
export type Line =
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "flush" | "delim" | "response-end" | "end" };

/** Packets that are read before the clock is looked at. */
const PACKETS_PER_LOOK = 256;

/** The state that all parts of one session share. */
export class Conversation {
  /** What the session works with; the repository as its namespace shows it. */
  readonly context: ServiceContext;
  /** The repository as it is stored, whatever the session's namespace. */
  readonly stored: Repository;
  /** Packets from the peer. */
  readonly reader: PacketReader;
  /** Packets to the peer. */
  readonly writer: PacketWriter;
  /** The session's share of the processor. */
  readonly pacer: Pacer;
  /** How the peer can be told of an error now. */
  channel: ErrorChannel = "lines";
  /** Whether lines of answers go on band 1 as packs do: `sideband-all`. */
  multiplexed = false;
  /** `have`s so far. */
  haves = 0;
  /** Rounds of negotiation so far. */
  rounds = 0;
  #taken = 0;

  /** A conversation over `context.connection`. */
  constructor(context: ServiceContext) {
    const { connection, signal, limits, repository, terms } = context;
    this.context = terms.namespace === "" ? context : {
      ...context,
      repository: inNamespace(repository, terms.namespace),
    };
    this.stored = repository;
    this.reader = new PacketReader(connection, {
      signal,
      limit: limits.maxRequestBytes,
    });
    this.writer = new PacketWriter(connection, { signal });
    this.pacer = new Pacer(context);
  }

  /** Gathers one line of an answer. */
  say(line: string): void {
    if (this.multiplexed) this.writer.putBand(1, line);
    else this.writer.put(line);
  }

  /** The next packet; throws a ProtocolError where the input ends. */
  async packet(): Promise<Packet> {
    const packet = await this.reader.read();
    if (packet.type !== "end") return packet;
    throw hungUp();
  }

  /** The next line, with the end of input as a value. */
  async lineOrEnd(): Promise<Line> {
    const breath = this.breathe();
    if (breath !== undefined) await breath;
    const packet = await this.reader.read();
    return packet.type === "data"
      ? { type: "line", text: requestLine(packet.payload) }
      : packet;
  }

  /**
   * To be awaited before a packet is read: where many are at hand, reading one
   * after the other leaves nobody else a turn.
   */
  breathe(): Promise<void> | undefined {
    if (++this.#taken % PACKETS_PER_LOOK !== 0 || !this.pacer.due) {
      return undefined;
    }
    return this.pacer.turn();
  }

  /** The next line; throws a ProtocolError where the input ends. */
  async line(): Promise<Line> {
    const line = await this.lineOrEnd();
    if (line.type === "end") throw hungUp();
    return line;
  }
}

function hungUp(): ProtocolError {
  return new ProtocolError("hung-up", "the remote end hung up unexpectedly");
}
