/**
 * A raw client: hand-made bytes to a git:// port, and every byte of the
 * answer, under a deadline. It knows packets but no protocol, so that it can
 * break any rule. Not the codec of the product, which it is used to test.
 *
 * @see https://git-scm.com/docs/gitprotocol-common
 * @module
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";

/** Text of one byte per character, or bytes. */
export type Wire = string | Uint8Array;

/** A packet of an answer: its text (latin1), or which special packet it is. */
export type Packet =
  | { readonly type: "data"; readonly text: string }
  | { readonly type: "flush" | "delim" | "response-end" };

const DEFAULT_DEADLINE_MS = 15_000;
const FLUSH = "0000";
const DELIM = "0001";

/** One connection to a daemon. */
export class WireClient {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #ending: "end" | "reset" | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    socket.on("end", () => this.#finish("end"));
    socket.on("error", () => this.#finish("reset"));
    socket.on("close", () => this.#finish("end"));
  }

  /** Bytes received so far. */
  get received(): number {
    return this.#length;
  }

  /** Sends bytes as they are; resolves when the system has taken them. */
  send(...parts: readonly Wire[]): Promise<void> {
    const bytes = Buffer.concat(parts.map(toBuffer));
    return new Promise((resolve) => {
      // A server that has closed already is seen by reading, not here.
      this.#socket.write(bytes, () => resolve());
    });
  }

  /** Sends FIN: the server can still answer. */
  endWriting(): void {
    this.#socket.end();
  }

  /** Stops reading, so that the server's writes fill the system's buffers. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again after {@linkcode pause}. */
  resume(): void {
    this.#socket.resume();
  }

  /** Drops the connection at once, with RST where the runtime can. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes both directions. */
  close(): void {
    this.#socket.destroy();
  }

  /** Waits until `length` bytes are there, or the connection has ended. */
  async atLeast(length: number, deadline?: number): Promise<Uint8Array> {
    await this.#until(() => this.#length >= length, deadline);
    return this.bytes();
  }

  /** Waits for the first flush packet and gives all packets up to it. */
  async untilFlush(deadline?: number): Promise<Packet[]> {
    let found: Packet[] | undefined;
    await this.#until(() => {
      const packets = parsePackets(this.bytes(), "lenient");
      const index = packets.findIndex((packet) => packet.type === "flush");
      if (index >= 0) found = packets.slice(0, index + 1);
      return found !== undefined;
    }, deadline);
    return found ?? parsePackets(this.bytes(), "lenient");
  }

  /** Waits for the server to close; gives every byte it has sent. */
  async untilClosed(deadline?: number): Promise<Uint8Array> {
    await this.#until(() => this.#ending !== undefined, deadline);
    this.#socket.destroy();
    return this.bytes();
  }

  /** How the server ended the connection; `undefined` while it is open. */
  get ending(): "end" | "reset" | undefined {
    return this.#ending;
  }

  /** Every byte received so far. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  /** Forgets what was received, to wait for the next answer. */
  forget(): void {
    this.#chunks.length = 0;
    this.#length = 0;
  }

  async #until(
    isDone: () => boolean,
    deadline: number = DEFAULT_DEADLINE_MS,
  ): Promise<void> {
    const giveUp = performance.now() + deadline;
    while (!isDone() && this.#ending === undefined) {
      const left = giveUp - performance.now();
      if (left <= 0) {
        const text = Buffer.from(this.bytes()).toString("latin1").slice(-300);
        this.#socket.destroy();
        throw new Error(
          `The server kept the connection for ${deadline} ms; it sent ` +
            `${this.#length} bytes, at last: ${JSON.stringify(text)}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #finish(ending: "end" | "reset"): void {
    this.#ending ??= ending;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Connects to 127.0.0.1; rejects when nobody listens. */
export function connectWire(port: number): Promise<WireClient> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // Small writes must arrive as they are made.
      socket.setNoDelay();
      resolve(new WireClient(socket));
    });
  });
}

/** Whether someone accepts connections on that port of 127.0.0.1. */
export function connects(port: number): Promise<boolean> {
  return connectWire(port).then((client) => {
    client.close();
    return true;
  }, () => false);
}

/** Sends everything at once, then waits for the server to close. */
export async function converse(
  port: number,
  parts: readonly Wire[],
  options: { readonly halfClose?: boolean; readonly deadline?: number } = {},
): Promise<Uint8Array> {
  const client = await connectWire(port);
  await client.send(...parts);
  if (options.halfClose === true) client.endWriting();
  return await client.untilClosed(options.deadline);
}

/** One data packet: four hex digits and the payload. */
export function pkt(payload: Wire): Uint8Array {
  const bytes = toBuffer(payload);
  const length = (bytes.length + 4).toString(16).padStart(4, "0");
  return Buffer.concat([Buffer.from(length, "latin1"), bytes]);
}

/**
 * A request of many packets. Each string is a packet's payload, except
 * `0000` and `0001`, which are those packets themselves; lists are flattened.
 */
export function packets(
  ...payloads: readonly (Wire | readonly string[])[]
): Uint8Array {
  const flat = payloads.flatMap((each): readonly Wire[] =>
    typeof each === "string" || each instanceof Uint8Array ? [each] : each
  );
  return Buffer.concat(
    flat.map((each) =>
      each === FLUSH || each === DELIM ? toBuffer(each) : pkt(each)
    ),
  );
}

/** The first packet of a git:// connection. */
export function gitRequest(
  path: string,
  options: {
    readonly service?: string;
    readonly host?: string;
    readonly protocol?: 0 | 1 | 2;
  } = {},
): Uint8Array {
  const { service = "git-upload-pack", host = "127.0.0.1", protocol = 0 } =
    options;
  const extra = protocol === 0 ? "" : `\0version=${protocol}\0`;
  return pkt(`${service} ${path}\0host=${host}\0${extra}`);
}

/**
 * Splits an answer into packets. `strict` throws where the bytes are no
 * packets; `lenient` gives what came before.
 */
export function parsePackets(
  bytes: Uint8Array,
  mode: "strict" | "lenient" = "strict",
): Packet[] {
  const text = Buffer.from(bytes).toString("latin1");
  const found: Packet[] = [];
  let at = 0;
  while (at < text.length) {
    const digits = text.slice(at, at + 4);
    const length = /^[0-9a-f]{4}$/i.test(digits) ? parseInt(digits, 16) : -1;
    if (length === 0 || length === 1 || length === 2) {
      const types = ["flush", "delim", "response-end"] as const;
      found.push({ type: types[length] });
      at += 4;
      continue;
    }
    if (length < 4 || at + length > text.length) {
      if (mode === "lenient") return found;
      throw new Error(`Cannot parse packet at ${at}: ${digits}`);
    }
    found.push({ type: "data", text: text.slice(at + 4, at + length) });
    at += length;
  }
  return found;
}

/** The text of the first `ERR` packet, without `ERR ` and the line feed. */
export function errorLine(bytes: Uint8Array): string | undefined {
  for (const packet of parsePackets(bytes, "lenient")) {
    if (packet.type === "data" && packet.text.startsWith("ERR ")) {
      return packet.text.slice(4).replace(/\n$/, "");
    }
  }
  return undefined;
}

/** What the packets say, one line each, for assertions and messages. */
export function describePackets(list: readonly Packet[]): string[] {
  return list.map((each) =>
    each.type === "data" ? each.text : `<${each.type}>`
  );
}

/** The bytes of a latin1 string, or the bytes themselves. */
export function toBuffer(wire: Wire): Buffer {
  return typeof wire === "string" ? Buffer.from(wire, "latin1") : Buffer.from(
    wire.buffer,
    wire.byteOffset,
    wire.byteLength,
  );
}
