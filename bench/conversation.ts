/**
 * One conversation with a git:// server over protocol v2 or v0, the pack
 * discarded as it is read. It says what `git clone -q` and `git fetch -q` of
 * git 2.39 say, line for line but for the agent.
 *
 * Not a general client: it knows upload-pack's answers and upload-archive's
 * alone, and that the former sends nothing until it is asked. Each question is
 * one write, so that the client's Nagle algorithm adds nothing; `git daemon`
 * leaves its own on and answers in several small writes, which shows as steps
 * of about 40 ms (git's client meets them too).
 *
 * @see https://git-scm.com/docs/protocol-v2
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { Kept, Order, Sample } from "./messages.ts";
import { packetLine, PacketScanner, type PacketSink } from "./scanner.ts";

const AGENT = "gitsrv-bench/1";
const FLUSH = "0000";
const DELIMITER = "0001";

/** A connected socket, as much of it as a conversation uses. */
export interface Socket {
  /** Reads into the buffer; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
}

/** Takes the pack's bytes; only the untimed check round has one. */
export interface PackKeeper {
  write(bytes: Uint8Array): void;
}

type Phase =
  | "advertisement"
  | "refs"
  | "sections"
  | "pack"
  | "archive"
  | "ended";

/** Reads the answers of one connection. */
export class Conversation implements PacketSink {
  readonly #order: Order;
  readonly #socket: Socket;
  readonly #buffer: Uint8Array;
  readonly #scanner: PacketScanner;
  readonly #keeper: PackKeeper | undefined;
  readonly #refsHash: Hash | undefined;
  readonly #collectWants: boolean;
  readonly #started = performance.now();
  #phase: Phase = "advertisement";
  #flushed = false;
  #flushes = 0;
  #ready = false;
  #bytes = 0;
  #packBytes = 0;
  #objects = 0;
  #firstMs = 0;
  #refs = 0;
  #wants: string[] = [];
  #shallow: string[] = [];
  #trailer: Uint8Array = new Uint8Array(0);
  #packHash: Hash | undefined;

  constructor(
    order: Order,
    socket: Socket,
    buffer: Uint8Array,
    keeper?: PackKeeper,
  ) {
    this.#order = order;
    this.#socket = socket;
    this.#buffer = buffer;
    this.#keeper = keeper;
    this.#scanner = new PacketScanner(this);
    this.#collectWants = order.question.type === "fetch" &&
      order.question.wants === "all";
    if (keeper !== undefined) {
      this.#refsHash = createHash("sha1");
      this.#packHash = createHash("sha1");
    }
  }

  /**
   * Puts the order's question and reads the answer to its last flush.
   *
   * @param startedAt `performance.now()` from before the connect
   * @throws {Error} on an `ERR` packet, band 3, or an early end
   */
  async run(startedAt: number): Promise<Sample> {
    const { protocol, question } = this.#order;
    if (question.type === "archive") return await this.#archive(startedAt);
    await this.#say(this.#hello("git-upload-pack"));
    await this.#readToFlush();
    if (protocol === 2) {
      this.#phase = "refs";
      await this.#say(this.#lsRefs());
      await this.#readToFlush();
    }
    if (question.type === "fetch") {
      if (question.wants !== "all") this.#wants = [...question.wants];
      await (protocol === 2 ? this.#fetchV2() : this.#fetchV0());
    }
    const wallMs = performance.now() - startedAt;
    // git says goodbye to a connection that could take another command.
    if (protocol === 2 || question.type !== "fetch") await this.#say(FLUSH);
    return this.#sample(startedAt, wallMs);
  }

  async #archive(startedAt: number): Promise<Sample> {
    const hello = this.#hello("git-upload-archive");
    this.#phase = "archive";
    await this.#say(hello + packetLine("argument HEAD") + FLUSH);
    // One behind the ACK, one at the end; what is between may come with both.
    while (this.#flushes < 2) await this.#readSome();
    return this.#sample(startedAt, performance.now() - startedAt);
  }

  #sample(startedAt: number, wallMs: number): Sample {
    return {
      wallMs,
      firstMs: this.#firstMs === 0 ? 0 : this.#firstMs +
        (this.#started - startedAt),
      bytes: this.#bytes,
      packBytes: this.#packBytes,
      objects: this.#objects,
      refs: this.#refs,
    };
  }

  /** What the check needs of an answer whose pack was kept. */
  kept(): Kept {
    return {
      refsSha1: this.#refsHash?.digest("hex") ?? "",
      wants: [...new Set(this.#wants)],
      shallow: this.#shallow,
      trailerMatches: this.#packHash !== undefined &&
        Buffer.from(this.#trailer).equals(this.#packHash.digest()),
    };
  }

  /** @inheritdoc */
  packet(buffer: Uint8Array, start: number, end: number): void {
    // "E", "ERR ": bytes first, for a listing has 100,000 packets.
    if (buffer[start] === 0x45 && text(buffer, start, end).startsWith("ERR ")) {
      throw new Error(`Server says: ${text(buffer, start, end).trimEnd()}`);
    }
    switch (this.#phase) {
      case "advertisement":
        if (this.#order.protocol === 0) this.#ref(buffer, start, end);
        return;
      case "refs":
        this.#ref(buffer, start, end);
        return;
      case "archive":
        // "ACK": all that follows is on bands.
        this.#scanner.sideband = true;
        return;
      case "sections":
        this.#section(text(buffer, start, end).trimEnd());
        return;
      default:
        throw new Error(`Unexpected packet in phase ${this.#phase}`);
    }
  }

  /** @inheritdoc */
  piece(band: number, buffer: Uint8Array, start: number, end: number): void {
    if (band === 2) return;
    if (band !== 1) {
      throw new Error(`Server says: ${text(buffer, start, end)}`);
    }
    if (this.#phase === "archive") {
      if (this.#packBytes === 0) {
        this.#firstMs = performance.now() - this.#started;
      }
      this.#packBytes += end - start;
      this.#refsHash?.update(buffer.subarray(start, end));
      return;
    }
    if (this.#packBytes < 12) this.#packHead(buffer, start, end);
    this.#packBytes += end - start;
    if (this.#keeper !== undefined) this.#keep(buffer.slice(start, end));
  }

  /** @inheritdoc */
  special(kind: 0 | 1 | 2): void {
    if (kind !== 0) return;
    this.#flushed = true;
    this.#flushes++;
  }

  #ref(buffer: Uint8Array, start: number, end: number): void {
    this.#refs++;
    this.#refsHash?.update(buffer.subarray(start, end));
    if (!this.#collectWants) return;
    const line = text(buffer, start, end);
    const name = line.slice(41).split("\0", 1)[0] as string;
    // v0 lists peeled tags as lines of their own; nobody asks for these.
    if (name.trimEnd().endsWith("^{}")) return;
    if (/^(HEAD|refs\/(heads|tags)\/)/.test(name)) {
      this.#wants.push(line.slice(0, 40));
    }
  }

  #section(line: string): void {
    if (line === "packfile") {
      this.#phase = "pack";
      this.#scanner.sideband = true;
    } else if (line === "ready") this.#ready = true;
    else if (line.startsWith("shallow ")) this.#shallow.push(line.slice(8));
    else if (this.#order.protocol === 0 && /^(NAK$|ACK \w+$)/.test(line)) {
      this.#phase = "pack";
      this.#scanner.sideband = true;
    }
  }

  #packHead(buffer: Uint8Array, start: number, end: number): void {
    if (this.#packBytes === 0) {
      this.#firstMs = performance.now() - this.#started;
    }
    const head = buffer.subarray(start, Math.min(end, start + 12));
    for (const [i, byte] of head.entries()) {
      const at = this.#packBytes + i;
      if (at >= 12) return;
      if (at < 4 && byte !== "PACK".charCodeAt(at)) {
        throw new Error("Cannot read the pack: no signature");
      }
      if (at >= 8) this.#objects = this.#objects * 256 + byte;
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#keeper?.write(bytes);
    const joined = Buffer.concat([this.#trailer, bytes]);
    const cut = Math.max(0, joined.length - 20);
    this.#packHash?.update(joined.subarray(0, cut));
    this.#trailer = joined.subarray(cut);
  }

  async #say(message: string): Promise<void> {
    const bytes = new TextEncoder().encode(message);
    let sent = 0;
    while (sent < bytes.length) {
      sent += await this.#socket.write(bytes.subarray(sent));
    }
  }

  async #readToFlush(): Promise<void> {
    this.#flushed = false;
    while (!this.#flushed) await this.#readSome();
  }

  async #readSome(): Promise<void> {
    const length = await this.#socket.read(this.#buffer);
    if (length === null) {
      throw new Error(`Server closed early in phase ${this.#phase}`);
    }
    this.#bytes += length;
    this.#scanner.push(this.#buffer, length);
  }

  #hello(service: string): string {
    const { path, protocol } = this.#order;
    const extra = protocol === 2 ? "\0version=2\0" : "";
    const line = `${service} ${path}\0host=127.0.0.1\0${extra}`;
    return `${(line.length + 4).toString(16).padStart(4, "0")}${line}`;
  }

  #command(name: string): string {
    return packetLine(`command=${name}`) + packetLine(`agent=${AGENT}`) +
      packetLine("object-format=sha1") + DELIMITER;
  }

  #lsRefs(): string {
    const prefixes = this.#order.question.prefixes
      .map((prefix) => packetLine(`ref-prefix ${prefix}`));
    return this.#command("ls-refs") + packetLine("peel") +
      packetLine("symrefs") + packetLine("unborn") + prefixes.join("") + FLUSH;
  }

  async #fetchV2(): Promise<void> {
    const { haves } = this.#order.question;
    this.#phase = "sections";
    await this.#say(this.#fetchCommand(haves.length === 0 ? "done" : "ask"));
    await this.#readToFlush();
    if (haves.length > 0 && !this.#ready) {
      await this.#say(this.#fetchCommand("done"));
      await this.#readToFlush();
    }
    this.#phase = "ended";
  }

  #fetchCommand(ending: "done" | "ask"): string {
    const { depth, haves, includeTag, filter } = this.#order.question;
    const lines = ["thin-pack", "no-progress"];
    if (includeTag) lines.push("include-tag");
    lines.push("ofs-delta");
    if (depth > 0) lines.push(`deepen ${depth}`);
    if (filter !== undefined) lines.push(`filter ${filter}`);
    for (const oid of this.#wants) lines.push(`want ${oid}`);
    for (const oid of haves) lines.push(`have ${oid}`);
    if (ending === "done") lines.push("done");
    return this.#command("fetch") + lines.map(packetLine).join("") + FLUSH;
  }

  async #fetchV0(): Promise<void> {
    const { depth, haves, includeTag, filter } = this.#order.question;
    const capabilities = [
      "multi_ack_detailed",
      "side-band-64k",
      "thin-pack",
      "no-progress",
      ...(includeTag ? ["include-tag"] : []),
      ...(filter === undefined ? [] : ["filter"]),
      "ofs-delta",
      `agent=${AGENT}`,
    ].join(" ");
    const lines = this.#wants.map((oid, at) =>
      packetLine(`want ${oid}${at === 0 ? ` ${capabilities}` : ""}`)
    );
    if (depth > 0) lines.push(packetLine(`deepen ${depth}`));
    if (filter !== undefined) lines.push(packetLine(`filter ${filter}`));
    const known = haves.map((oid) => packetLine(`have ${oid}`)).join("");
    this.#phase = "sections";
    await this.#say(lines.join("") + FLUSH);
    // With a depth the server answers by its boundary before anything else.
    if (depth > 0) await this.#readToFlush();
    await this.#say(known + packetLine("done"));
    await this.#readToFlush();
    this.#phase = "ended";
  }
}

function text(buffer: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start)
    .toString("latin1");
}
